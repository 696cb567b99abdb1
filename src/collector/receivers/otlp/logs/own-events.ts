import type { Sender } from '../../../../core/event.ts';
import { parseJson } from '../../../../core/json.ts';
import { isRecord, isUuid } from '../../../../core/signals/checks.ts';
import type { NervecenterEvent } from '../../../../core/signals/index.ts';
import { uuidOf } from '../../../../platform/uuid.ts';
import { eventIn } from '../../shapes.ts';
import type { OtlpLogRecord, OtlpValue } from '../model.ts';

/** A log record that is one of nervecenter's own events, as its exporter sends them. */
const OWN_EVENT = 'nervecenter.event';
const SIGNAL = 'nervecenter.signal';
/** Whose batch it was in, and which: of the record, or of all of its resource. */
const WRITER = 'nervecenter.batch.writer';
const BATCH = 'nervecenter.batch.seq';

/** Whose batch, and which. */
type Sent = readonly [writer: string, batch: number];

/** What came of one batch. */
export interface SentEvents {
  /** `null` where the records do not say: nobody can tell whether they came before. */
  readonly sent: Sent | null;
  /** They were made of other records. */
  readonly derived: boolean;
  readonly events: NervecenterEvent[];
}

export function isOwnEvent({ eventName }: OtlpLogRecord): boolean {
  return eventName === OWN_EVENT;
}

/** The event of a record, its body being the event or its JSON text; `null` where it has not the shape of one. */
export function ownEvent({ body, attributes }: OtlpLogRecord, sender: Sender): NervecenterEvent | null {
  const claimed = typeof body === 'string' ? parsed(body) : body;
  if (!isRecord(claimed)) return null;
  const event = eventIn({ signal: attributes[SIGNAL], ...claimed });
  return event === null ? null : { ...event, sender };
}

function parsed(json: string): unknown {
  try {
    return parseJson(json);
  } catch {
    return null;
  }
}

/**
 * A machine's figures are of a machine: among the rows of another one they would be its own. Those of processes say which
 * process they are of.
 */
export function isOfAnotherHost(event: NervecenterEvent): boolean {
  return event.signal === 'system' && event.tags['instance_id'] === undefined;
}

/** Which batch a record was in. */
export function sentOf({ attributes, resource }: OtlpLogRecord): Sent | null {
  const told = (name: string): OtlpValue | undefined => attributes[name] ?? resource.attributes[name];
  const writer = told(WRITER);
  const batch = Number(told(BATCH));
  return typeof writer === 'string' && isUuid(writer) && Number.isSafeInteger(batch) && batch > 0
    ? [writer.toLowerCase(), batch]
    : null;
}

/** Events by batch, and without one by sender: those of one writer in the order in which they are accepted. */
export class Batches {
  readonly #batches = new Map<string, SentEvents>();

  add(sent: Sent | null, event: NervecenterEvent): void {
    this.#add(sent?.join(' ') ?? event.sender?.instanceId ?? '', event, { sent, derived: false });
  }

  /** An event that was made of another record. Those of one sender in a part of a request are a batch, known when that comes again. */
  addDerived(event: NervecenterEvent, part: string): void {
    const name = `${part} of ${event.sender?.instanceId}`;
    this.#add(name, event, { sent: [uuidOf(name), 1], derived: true });
  }

  #add(key: string, event: NervecenterEvent, of: Omit<SentEvents, 'events'>): void {
    const batch = this.#batches.get(key) ?? { ...of, events: [] };
    batch.events.push(event);
    this.#batches.set(key, batch);
  }

  get inOrder(): SentEvents[] {
    return [...this.#batches.values()].toSorted((a, b) => (a.sent?.[1] ?? 0) - (b.sent?.[1] ?? 0));
  }
}

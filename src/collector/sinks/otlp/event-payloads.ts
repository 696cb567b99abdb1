import type { Via } from '../../../core/passage.ts';
import type { NervecenterEvent } from '../../../core/signals/index.ts';
import type { BatchNames } from './batch-names.ts';
import { type EventForm, recordsOf } from './encode/event-records.ts';
import type { BatchName } from './encode/log-records.ts';
import { protobufOfLogs, protobufOfSpans } from './encode/proto-requests.ts';
import type { Resources } from './encode/resources.ts';
import type { ForwardedSignal } from './proto/schema.ts';
import { type HeldRequest, payloadOf } from './queue/event-batch.ts';
import { REQUEST_BYTES_MAX, REQUEST_ITEMS_MAX } from './request-bounds.ts';

const EVENTS_ONLY: EventForm = { spans: false, logs: 'events' };

export interface EventPayloadsOptions {
  readonly batch: BatchName;
  /** Names the parts of a batch that is more than one request. */
  readonly names: Pick<BatchNames, 'partOf'>;
  /** What the events have passed through. */
  readonly via: Via;
  readonly resources: Resources;
}

/** Events as a batch's payload. */
interface EventPayload {
  readonly events: readonly NervecenterEvent[];
  readonly form: EventForm;
  readonly payload: Buffer;
}

/**
 * A batch's events as they go into spools, as the requests that they become: the same bytes for every target that wants the
 * same of the same events.
 */
export class EventPayloads {
  readonly #options: EventPayloadsOptions;
  readonly #made: EventPayload[] = [];

  constructor(options: EventPayloadsOptions) {
    this.#options = options;
  }

  of(events: readonly NervecenterEvent[], form: EventForm): Buffer {
    const known = this.#made.find((one) => one.events === events && isSame(one.form, form));
    if (known !== undefined) return known.payload;
    const payload = payloadOf({ via: this.#options.via, requests: this.#requests(events, form) });
    this.#made.push({ events, form, payload });
    return payload;
  }

  #requests(events: readonly NervecenterEvent[], form: EventForm): HeldRequest[] {
    if (form.logs === 'events') return this.#eventRequests(events);
    const { batch, resources } = this.#options;
    const { spans, logs } = recordsOf(events, form, batch, resources);
    return [...inRequests('traces', spans, protobufOfSpans), ...inRequests('logs', logs, protobufOfLogs)];
  }

  /** The events themselves. Who receives one request of a batch takes the next one of it for known: so each is a batch. */
  #eventRequests(events: readonly NervecenterEvent[]): HeldRequest[] {
    return inRequests('logs', events, (some, isLast) => {
      const { batch, names, resources } = this.#options;
      const name = isLast ? batch : names.partOf(batch, some[0]?.id ?? '');
      return protobufOfLogs(recordsOf(some, EVENTS_ONLY, name, resources).logs);
    });
  }
}

/**
 * Items as requests within the bounds, as few as halving makes of them.
 *
 * @param encode makes a request, of the last ones or of ones before.
 */
function inRequests<T>(
  signal: ForwardedSignal,
  items: readonly T[],
  encode: (items: readonly T[], isLast: boolean) => Buffer,
  isLast = true,
): HeldRequest[] {
  if (items.length === 0) return [];
  let at = REQUEST_ITEMS_MAX;
  if (items.length <= at) {
    const body = encode(items, isLast);
    if (body.length <= REQUEST_BYTES_MAX || items.length === 1)
      return [{ signal, items: items.length, body }];
    at = Math.ceil(items.length / 2);
  }
  return [
    ...inRequests(signal, items.slice(0, at), encode, false),
    ...inRequests(signal, items.slice(at), encode, isLast),
  ];
}

function isSame(one: EventForm, other: EventForm): boolean {
  return one.spans === other.spans && one.logs === other.logs;
}

import type { OtlpTarget } from '../../../config/otlp/target.ts';
import type { Via } from '../../../core/passage.ts';
import type { NervecenterEvent } from '../../../core/signals/index.ts';
import { detailsOf, eventRecord } from './encode/log-records.ts';
import type { Resource, Resources } from './encode/resources.ts';
import type { OtlpLogRecord, OtlpSpan, Serializers } from './encode/serializers.ts';
import { spansOf } from './encode/spans.ts';
import type { ForwardedSignal } from './proto/schema.ts';
import { jsonOf } from './proto/to-json.ts';
import { type HeldRequest, heldIn } from './queue/event-batch.ts';
import type { EventSpool } from './queue/event-spool.ts';

/** A request to a target. */
export interface Outgoing {
  readonly signal: ForwardedSignal;
  /** What that which is in it has passed through before it came here. */
  readonly via: Via;
  /** Of which batches something is in it, by their index. */
  readonly batches: readonly number[];
  /** @throws Error when what is held cannot be read. */
  readonly body: () => Uint8Array;
  /** The same as requests of one batch each; none where it is all of a piece. */
  readonly parts: readonly Outgoing[];
}

export interface OutgoingOptions {
  readonly target: OtlpTarget;
  readonly resources: Resources;
  readonly serializers: Readonly<Partial<Record<ForwardedSignal, Serializers>>>;
}

type Batches = Awaited<ReturnType<EventSpool['take']>>;

/** Past it a request is several: a query has a span for every stage. */
const SPANS_MAX = 2000;

/** What is of one way, as the target gets it. */
interface Way {
  readonly via: Via;
  readonly spans: { readonly batch: number; readonly span: OtlpSpan }[];
  readonly records: { readonly batch: number; readonly record: OtlpLogRecord }[];
  readonly requests: { readonly batch: number; readonly request: HeldRequest }[];
}

/**
 * The requests that batches become for a target: events as spans and log records, and what was received as it came. What has
 * passed through different collectors is in different requests.
 */
export function outgoingOf(batches: Batches, options: OutgoingOptions): Outgoing[] {
  const ways = new Map<string, Way>();
  const wayOf = (via: Via): Way => {
    const key = via.join();
    const way = ways.get(key) ?? { via, spans: [], records: [], requests: [] };
    ways.set(key, way);
    return way;
  };
  for (const [batch, { writer, seq, ...rest }] of batches.entries()) {
    const held = heldIn(rest);
    const way = wayOf(held.via);
    if (held.kind === 'request') way.requests.push({ batch, request: held });
    else for (const event of held.events) addEvent(way, event, { batch, writer, seq, ...options });
  }
  return [...ways.values()].flatMap((way) => [
    ...ofEvents(way, options),
    ...(['traces', 'logs'] as const).flatMap((signal) => ofRequests(way, signal, options)),
  ]);
}

interface EventPlace extends OutgoingOptions {
  readonly batch: number;
  readonly writer: string;
  readonly seq: number;
}

function addEvent(way: Way, event: NervecenterEvent, { batch, writer, seq, ...options }: EventPlace): void {
  const { target, resources, serializers } = options;
  const resource: Resource = resources.of(event.sender);
  if (target.nervecenter) {
    way.records.push({ batch, record: eventRecord(event, { writer, seq }, resource) });
    return;
  }
  if (serializers.traces !== undefined)
    for (const span of spansOf(event, resource)) way.spans.push({ batch, span });
  const record = serializers.logs === undefined ? null : detailsOf(event, resource);
  if (record !== null) way.records.push({ batch, record });
}

function ofEvents({ via, spans, records }: Way, { serializers }: OutgoingOptions): Outgoing[] {
  const chunks = Math.ceil(spans.length / SPANS_MAX);
  const { traces, logs } = serializers;
  const ofSpans = Array.from({ length: chunks }, (_, index): Outgoing[] => {
    const chunk = spans.slice(index * SPANS_MAX, (index + 1) * SPANS_MAX);
    if (traces === undefined) return [];
    const body = () => traces.traces(chunk.map(({ span }) => span));
    return [{ signal: 'traces', via, batches: batchesOf(chunk), body, parts: [] }];
  });
  if (logs === undefined || records.length === 0) return ofSpans.flat();
  const body = () => logs.logs(records.map(({ record }) => record));
  return [...ofSpans.flat(), { signal: 'logs', via, batches: batchesOf(records), body, parts: [] }];
}

function ofRequests(
  { via, requests }: Way,
  signal: ForwardedSignal,
  { target }: OutgoingOptions,
): Outgoing[] {
  const own = requests.filter(({ request }) => request.signal === signal);
  if (own.length === 0) return [];
  const json = target.endpoints[signal]?.protocol === 'http/json';
  const outgoing = (some: typeof own, parts: readonly Outgoing[]): Outgoing => ({
    signal,
    via,
    batches: batchesOf(some),
    // Requests one behind the other are one request: its only field is a list.
    body: () => {
      const body = Buffer.concat(some.map(({ request }) => request.body));
      return json ? jsonOf(signal, body) : body;
    },
    parts,
  });
  const parts = own.length === 1 ? [] : own.map((one) => outgoing([one], []));
  return [outgoing(own, parts)];
}

function batchesOf(items: readonly { readonly batch: number }[]): number[] {
  return [...new Set(items.map(({ batch }) => batch))];
}

import type { DropCounts } from '../core/frame.ts';
import { writeLlmCall } from '../core/records/call-record.ts';
import { writeEvent } from '../core/records/event-record.ts';
import { writeRagQuery } from '../core/records/query-record.ts';
import type { RecordOutput } from '../core/records/record-output.ts';
import { RecordReader } from '../core/records/record-reader.ts';
import { type SeenRequest, writeRequest } from '../core/records/request-record.ts';
import type { NervecenterEvent, SignalName } from '../core/signals/index.ts';
import type { RequestEvent } from '../core/signals/request.ts';
import { RingWriter } from '../link/ring/ring-writer.ts';
import { eventIdOf, newIdSeed, traceIdOf, writeEventId, writeTraceId } from '../platform/ids.ts';

const NONE_DROPPED: DropCounts = Object.freeze({});
const QUEUE_FULL = 'agent_queue_full';

const SEED_IDS = { eventId: writeEventId, traceId: writeTraceId };
const writeSeen = (records: RecordOutput, request: SeenRequest) => writeRequest(records, request, SEED_IDS);

/**
 * What `emit` does: the event is written to the ring, from where the collector takes it, and measured when that has accepted
 * it. What finds no place there is measured here, so that figures stay right when rows are lost.
 */
export class Pipeline {
  readonly ring = new RingWriter((records) => this.#drop(records));
  readonly #measure: (event: NervecenterEvent) => void;
  readonly #dropped = new Map<string, number>();
  readonly #told = new Set<SignalName>();

  /** @param measure records an event on the instruments of this process. */
  constructor(measure: (event: NervecenterEvent) => void) {
    this.#measure = measure;
  }

  get dropped(): DropCounts {
    if (this.#dropped.size === 0) return NONE_DROPPED;
    return Object.fromEntries(this.#dropped);
  }

  /** Whether there ever was an event of a signal. */
  tells(signal: SignalName): boolean {
    return this.#told.has(signal);
  }

  emit(event: NervecenterEvent): void {
    if (!this.#told.has(event.signal)) this.#told.add(event.signal);
    if (this.#append(event)) return;
    this.drop(QUEUE_FULL, 1);
    this.#measure(event);
  }

  /** What there may be thousands of a second has a writer of its own. */
  #append(event: NervecenterEvent): boolean {
    switch (event.signal) {
      case 'request':
        return this.ring.append(event, writeSeen);
      case 'llm-call':
        return this.ring.append(event, writeLlmCall);
      case 'rag-query':
        return this.ring.append(event, writeRagQuery);
      default:
        return this.ring.append(event, writeEvent);
    }
  }

  /** As `emit`, for a request that need not become an event here. */
  emitRequest(request: SeenRequest): void {
    if (!this.#told.has('request')) this.#told.add('request');
    if (this.ring.append(request, writeSeen)) return;
    this.drop(QUEUE_FULL, 1);
    this.#measure(requestOf(request));
  }

  /** Counts events that never became any, or are lost. */
  drop(reason: string, count: number): void {
    this.#dropped.set(reason, (this.#dropped.get(reason) ?? 0) + count);
  }

  #drop(records: Uint8Array): void {
    const reader = new RecordReader();
    reader.read(records, (event) => {
      this.drop(QUEUE_FULL, 1);
      this.#measure(event as unknown as NervecenterEvent);
    });
  }
}

/** The event that a request is. */
export function requestOf(seen: SeenRequest): RequestEvent {
  const { id, traceId, seed = newIdSeed(), parentSpanId, sampled, scheme, outcome, ...known } = seen;
  return {
    signal: 'request',
    id: id ?? eventIdOf(seed, known.timeMs),
    traceId: traceId === undefined ? traceIdOf(seed, known.timeMs) : traceId,
    ...known,
    ...(parentSpanId === null || parentSpanId === undefined ? {} : { parentSpanId }),
    ...(sampled === undefined ? {} : { sampled }),
    ...(scheme === undefined ? {} : { scheme }),
    ...(outcome === undefined ? {} : { outcome }),
  };
}

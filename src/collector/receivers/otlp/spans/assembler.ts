import { allVia, NO_VIA, type Via } from '../../../../core/passage.ts';
import type { SpanEvent, StoredTrace } from '../../../../core/signals/span.ts';
import { MIB, MINUTE_MS, milliseconds, SECOND_MS } from '../../../../core/units.ts';
import type { UserHeaders } from '../../../../core/user-headers.ts';
import { readSpan } from '../dialects/index.ts';
import { isUsableTime } from '../event-id.ts';
import { type OtlpLabels, otlpLabels } from '../labels.ts';
import type { OtlpRejected, OtlpSpan } from '../model.ts';
import { type Decided, type Deciding, decideHeld, keptOf } from './decide.ts';
import { SpanEvents } from './events.ts';
import { RecentSpans } from './known/recent-spans.ts';
import { Remembered } from './known/remembered.ts';
import { noteStored, restore } from './known/restored.ts';
import { requestsIn } from './requests.ts';
import { type ToldEvent, tellFirst } from './telling.ts';
import { type Delivery, type SpanNode, signalAtOnce, Trace } from './trace.ts';

/** How long a trace has to be quiet before it is decided: what one process exports at once comes in less. */
export const HOLD_MS = 2 * SECOND_MS;
/** And how long it waits at most for parents that have not ended: twice the interval in which SDKs export. */
export const HOLD_MAX_MS = 10 * SECOND_MS;
/** How often `tick` is called. */
export const TICK_MS = SECOND_MS / 4;
/** Bounds of what is held; past one of them the oldest traces are decided early. */
const SPANS_HELD_MAX = 50_000;
const BYTES_HELD_MAX = 64 * MIB;
/** Spans of one trace that are known at a time; one that has more begins anew. */
const SPANS_PER_TRACE_MAX = 10_000;
/** How long, and of how many spans, it is known who stands where after their trace was decided. */
const REMEMBER_MS = 15 * MINUTE_MS;
const SPANS_REMEMBERED_MAX = 100_000;

export interface TraceAssemblerOptions {
  /** Milliseconds of a clock that only goes forward. */
  readonly now: () => number;
  /**
   * Takes what held spans have become: rows still to be priced and stored, and spans to be kept; and which collectors the
   * spans have passed through.
   */
  readonly onDecided: (decided: Decided, via: Via) => void;
  /** Whether what a span tells for the first time counts. @default it does */
  readonly counts?: (told: ToldEvent) => boolean;
  /** The time, in milliseconds since the epoch. @default the clock's */
  readonly wallClock?: () => number;
  /** The headers that say whom work is for, where instrumentations keep them as attributes. @default null */
  readonly userHeaders?: UserHeaders | null;
  /** Bounds of names, where others share them. @default its own */
  readonly labels?: OtlpLabels | null;
  /** Whether spans are kept at all. @default true */
  readonly keepsSpans?: boolean;
  /** @default `HOLD_MS` */
  readonly holdMs?: number;
  /** @default `HOLD_MAX_MS` */
  readonly holdMaxMs?: number;
  /** @default 50,000 */
  readonly spansHeldMax?: number;
  /** @default 64 MiB */
  readonly bytesHeldMax?: number;
  /** @default 10,000 */
  readonly spansPerTraceMax?: number;
  /** @default 100,000 */
  readonly spansRememberedMax?: number;
}

/** What became of the spans so far, and what is held. */
export interface AssemblerCounts {
  readonly accepted: number;
  /** Had come before. */
  readonly duplicates: number;
  readonly rejected: number;
  /** Traces that were decided before their time because of a bound. */
  readonly decidedEarly: number;
  /** Traces with more spans than one may have, which began anew. */
  readonly tracesCut: number;
  readonly tracesHeld: number;
  readonly spansHeld: number;
  readonly bytesHeld: number;
  readonly spansRemembered: number;
}

/** What is told of spans at once. */
export interface AcceptedSpans {
  readonly rejected: OtlpRejected;
  /** Requests and sessions, which may be taken back. */
  readonly events: readonly ToldEvent[];
  /** Spans to be kept that are held until it is decided what else they tell. */
  readonly spans: readonly SpanEvent[];
}

const NONE_REJECTED: OtlpRejected = { count: 0, message: '' };
const NONE_STORED: ReadonlySet<string> = new Set();

/**
 * Makes events of spans that come in any order, in any batches, from several processes, and more than once. Requests and
 * sessions are told when they come; calls and queries when their trace has been quiet for a while and no parent is missing, or after a
 * longest time: then it is known which of them are the innermost. What was told stays known for a while, so that it is
 * corrected by what comes late.
 */
export class TraceAssembler {
  readonly #options: Required<TraceAssemblerOptions>;
  readonly #deciding: Deciding;
  readonly #recent = new RecentSpans();
  /** Traces that hold spans, by when the last came; and by when the first came. */
  readonly #quiet = new Map<string, Trace>();
  readonly #oldest = new Map<string, Trace>();
  readonly #remembered: Remembered;
  readonly #tooLong = new Set<Trace>();
  readonly #counts = {
    accepted: 0,
    duplicates: 0,
    rejected: 0,
    decidedEarly: 0,
    tracesCut: 0,
  };
  #spansHeld = 0;
  #bytesHeld = 0;

  constructor(options: TraceAssemblerOptions) {
    this.#options = {
      counts: () => true,
      wallClock: Date.now,
      userHeaders: null,
      labels: null,
      keepsSpans: true,
      holdMs: HOLD_MS,
      holdMaxMs: HOLD_MAX_MS,
      spansHeldMax: SPANS_HELD_MAX,
      bytesHeldMax: BYTES_HELD_MAX,
      spansPerTraceMax: SPANS_PER_TRACE_MAX,
      spansRememberedMax: SPANS_REMEMBERED_MAX,
      ...options,
    };
    const { spansRememberedMax, userHeaders, labels, counts, wallClock } = this.#options;
    this.#remembered = new Remembered({ spansMax: spansRememberedMax, forMs: REMEMBER_MS });
    const make = new SpanEvents(userHeaders, labels ?? otlpLabels());
    this.#deciding = { make, counts, now: () => milliseconds(wallClock()) };
  }

  /**
   * @param bytes size of the request that they came in, which stays in memory while one of them is held.
   * @param via the collectors that it has passed through.
   * @param stored ids of the requests and sessions of them that a collector before has told: they are not told again.
   */
  accept(spans: readonly OtlpSpan[], bytes = 0, via = NO_VIA, stored = NONE_STORED): AcceptedSpans {
    const delivery: Delivery = { bytes, via, held: 0 };
    const nowMs = this.#options.now();
    const usable = spans.filter(({ endMs }) => isUsableTime(endMs));
    const added = usable.map((span) => this.#add(span, nowMs)).filter((node) => node !== null);
    const unusable = spans.length - usable.length;
    this.#hold(added, delivery);
    const events = this.#requestsAmong(added, stored);
    const kept = this.#options.keepsSpans ? this.#keptAmong(added) : [];
    this.#counts.rejected += unusable;
    this.#cutTooLong();
    this.#decideOverflow();
    return { rejected: unusable === 0 ? NONE_REJECTED : rejectedForTime(unusable), events, spans: kept };
  }

  /** Decides what is due; to be called every `TICK_MS`. */
  tick(): void {
    const { now, holdMs, holdMaxMs } = this.#options;
    const nowMs = now();
    for (const trace of this.#quiet.values()) {
      if (trace.lastMs + holdMs > nowMs) break;
      this.#quiet.delete(trace.id);
      if (trace.isWhole) this.#decide(trace);
    }
    for (const trace of this.#oldest.values()) {
      if (trace.firstMs + holdMaxMs > nowMs) break;
      this.#decide(trace);
    }
    this.#remembered.forget(nowMs);
  }

  /** Decides all that is held: there will be no more. */
  flush(): void {
    for (const trace of this.#oldest.values()) this.#decide(trace);
  }

  /**
   * Decides a trace that a collector before has stored, from all its spans; what comes of it after that is late. Spans of it
   * may have come here as well, and were decided without those before.
   *
   * @returns what is not told yet, and what is taken back; `null` while spans of it are held.
   */
  decideStored(stored: StoredTrace): readonly ToldEvent[] | null {
    if (this.#oldest.has(stored.id)) return null;
    const trace = this.#remembered.take(stored.id) ?? new Trace(stored.id);
    restore(trace, stored);
    const { events } = decideHeld(trace, this.#deciding, false);
    this.#remembered.add(trace, this.#options.now());
    return events;
  }

  counts(): AssemblerCounts {
    return {
      ...this.#counts,
      tracesHeld: this.#oldest.size,
      spansHeld: this.#spansHeld,
      bytesHeld: this.#bytesHeld,
      spansRemembered: this.#remembered.spans,
    };
  }

  #requestsAmong(nodes: readonly SpanNode[], stored: ReadonlySet<string>): ToldEvent[] {
    const requests = nodes.filter(({ reading }) => signalAtOnce(reading?.role) !== null);
    return [...Map.groupBy(requests, ({ span }) => span?.traceId ?? '')].flatMap(([id, own]) => {
      const trace = this.#oldest.get(id) ?? new Trace(id);
      noteStored(trace, own, stored);
      return tellFirst(trace, requestsIn(own, this.#deciding.make), this.#deciding);
    });
  }

  #keptAmong(nodes: readonly SpanNode[]): SpanEvent[] {
    const traces = new Set(nodes.map(({ span }) => this.#oldest.get(span?.traceId ?? '')));
    return [...traces].flatMap((trace) => (trace === undefined ? [] : keptOf(trace)));
  }

  #add(span: OtlpSpan, nowMs: number): SpanNode | null {
    const reading = readSpan(span);
    const makesEvent = reading !== null && reading.role !== 'rollup' && reading.role !== 'tool';
    if (makesEvent && !this.#recent.add(span.traceId, span.spanId)) {
      this.#counts.duplicates++;
      return null;
    }
    const trace = this.#traceOf(span.traceId, nowMs);
    const node = trace.add(span, reading);
    if (trace.nodes.size > this.#options.spansPerTraceMax) this.#tooLong.add(trace);
    if (node === null) this.#counts.duplicates++;
    else this.#counts.accepted++;
    return node;
  }

  /** The trace of an id, from now on among those that hold spans. */
  #traceOf(id: string, nowMs: number): Trace {
    let trace = this.#oldest.get(id);
    if (trace === undefined) {
      trace = this.#remembered.take(id) ?? new Trace(id);
      trace.firstMs = nowMs;
      this.#oldest.set(id, trace);
    }
    if (trace.lastMs !== nowMs || !this.#quiet.has(id)) {
      trace.lastMs = nowMs;
      this.#quiet.delete(id);
      this.#quiet.set(id, trace);
    }
    return trace;
  }

  #hold(nodes: readonly SpanNode[], delivery: Delivery): void {
    const held = nodes.filter(({ state }) => state === 'held');
    this.#spansHeld += held.length;
    if (held.length === 0) return;
    delivery.held = held.length;
    this.#bytesHeld += delivery.bytes;
    for (const node of held) node.delivery = delivery;
  }

  /** A trace that never ends is decided now and then, and what was known of it is forgotten. */
  #cutTooLong(): void {
    for (const trace of this.#tooLong) {
      this.#counts.tracesCut++;
      this.#decide(trace);
      this.#remembered.take(trace.id);
    }
    this.#tooLong.clear();
  }

  #decideOverflow(): void {
    const { spansHeldMax, bytesHeldMax } = this.#options;
    for (const trace of this.#oldest.values()) {
      if (this.#spansHeld <= spansHeldMax && this.#bytesHeld <= bytesHeldMax) break;
      this.#counts.decidedEarly++;
      this.#decide(trace);
    }
  }

  #decide(trace: Trace): void {
    this.#quiet.delete(trace.id);
    this.#oldest.delete(trace.id);
    const via = allVia(trace.held.map(({ delivery }) => delivery?.via ?? NO_VIA));
    for (const node of trace.held) this.#letGo(node);
    const decided = decideHeld(trace, this.#deciding, this.#options.keepsSpans);
    this.#remembered.add(trace, this.#options.now());
    if (decided.events.length > 0 || decided.spans.length > 0) this.#options.onDecided(decided, via);
  }

  #letGo(node: SpanNode): void {
    const { delivery } = node;
    if (delivery === null) return;
    node.delivery = null;
    this.#spansHeld--;
    if (--delivery.held === 0) this.#bytesHeld -= delivery.bytes;
  }
}

function rejectedForTime(count: number): OtlpRejected {
  return {
    count,
    message: `${count} spans without a usable end time (after 1970, in nanoseconds) were left out`,
  };
}

import { NO_VIA, type Via } from '../../../../core/passage.ts';
import type { SpanEvent, StoredTrace } from '../../../../core/signals/span.ts';
import { MIB, MINUTE_MS, milliseconds, SECOND_MS } from '../../../../core/units.ts';
import type { UserHeaders } from '../../../../core/user-headers.ts';
import { readSpan } from '../dialects/index.ts';
import { isUsableTime } from '../event-id.ts';
import { type OtlpLabels, otlpLabels } from '../labels.ts';
import type { OtlpRejected, OtlpSpan } from '../model.ts';
import { PIECE_EVENTS_MAX } from '../pieces.ts';
import { type Decided, type Deciding, decideHeld, keptOf } from './decide.ts';
import { SpanEvents } from './events.ts';
import { HeldTraces } from './held-traces.ts';
import { RecentSpans } from './known/recent-spans.ts';
import { Remembered } from './known/remembered.ts';
import { noteStored, restore } from './known/restored.ts';
import { requestsIn } from './requests.ts';
import { type ToldEvent, tellFirst } from './telling.ts';
import { type Delivery, type SpanNode, signalAtOnce, Trace } from './trace.ts';
import { rejectedForTimes, withUsableStart } from './usable-start.ts';

/** How long a trace has to be quiet before it is decided: what one process exports at once comes in less. */
export const HOLD_MS = 2 * SECOND_MS;
/** And how long it waits at most for parents that have not ended: twice the interval in which SDKs export. */
export const HOLD_MAX_MS = 10 * SECOND_MS;
/** How often `tick` is called. */
export const TICK_MS = SECOND_MS / 4;
/**
 * So many spans wait for whatever else may come of their traces. Of more, traces that are here with their root wait no longer: few
 * change by what comes later, which is corrected, and what waits is what memory is needed for.
 */
const SPANS_AWAITING_MAX = 2000;
/** Bounds of what is held; past one of them the oldest traces are decided early. */
const SPANS_HELD_MAX = 50_000;
const BYTES_HELD_MAX = 64 * MIB;
/** How long deciding may go on at a time; the thread has other work, and what is left is decided by the next tick. */
const DECIDING_MS_MAX = 100;
/** Spans of one trace that are known at a time; one that has more begins anew. */
const SPANS_PER_TRACE_MAX = 10_000;
/** How long, and of how many spans, it is known who stands where after their trace was decided. */
const REMEMBER_MS = 15 * MINUTE_MS;
const SPANS_REMEMBERED_MAX = 64_000;

export interface TraceAssemblerOptions {
  /** Milliseconds of a clock that only goes forward. */
  readonly now: () => number;
  /**
   * Takes what held spans have become: rows still to be priced and stored, and spans to be kept; and which collectors the
   * spans have passed through.
   */
  readonly onDecided: (decided: Decided, via: Via) => void;
  /** Told of a trace that could not be decided, and how many of its spans are lost to figures. @default nobody is */
  readonly onFailed?: (error: unknown, spans: number) => void;
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
  /** Beyond it traces that are here with their root are decided at once. @default 2,000 */
  readonly spansAwaitingMax?: number;
  /** @default 50,000 */
  readonly spansHeldMax?: number;
  /** @default 64 MiB */
  readonly bytesHeldMax?: number;
  /** @default 10,000 */
  readonly spansPerTraceMax?: number;
  /** @default 64,000 */
  readonly spansRememberedMax?: number;
}

const DEFAULTS: Omit<Required<TraceAssemblerOptions>, 'now' | 'onDecided'> = {
  onFailed: () => {},
  counts: () => true,
  wallClock: Date.now,
  userHeaders: null,
  labels: null,
  keepsSpans: true,
  holdMs: HOLD_MS,
  holdMaxMs: HOLD_MAX_MS,
  spansAwaitingMax: SPANS_AWAITING_MAX,
  spansHeldMax: SPANS_HELD_MAX,
  bytesHeldMax: BYTES_HELD_MAX,
  spansPerTraceMax: SPANS_PER_TRACE_MAX,
  spansRememberedMax: SPANS_REMEMBERED_MAX,
};

/** What became of the spans so far, and what is held. */
export interface AssemblerCounts {
  readonly accepted: number;
  /** Had come before. */
  readonly duplicates: number;
  readonly rejected: number;
  /** Of traces that could not be decided. */
  readonly failed: number;
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
  /** To be called once they are offered. */
  offered(): void;
}

/** A call, a query, a request that is taken back and told anew, and the span itself. */
const TOLD_OF_SPAN_MAX = 5;
const NONE_STORED: ReadonlySet<string> = new Set();
const NOTHING_DECIDED: Decided = { events: [], spans: [] };

/** What is told of one request so far. */
interface Told {
  readonly events: ToldEvent[];
  readonly spans: SpanEvent[];
}

interface Telling {
  readonly delivery: Delivery;
  readonly stored: ReadonlySet<string>;
  readonly told: Told;
}

const NOTHING_COUNTED = { accepted: 0, duplicates: 0, rejected: 0, failed: 0, decidedEarly: 0, tracesCut: 0 };

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
  readonly #held = new HeldTraces();
  readonly #remembered: Remembered;
  /** One that has more spans than a trace may have, until it is decided. */
  #tooLong: Trace | null = null;
  /** When those that are here with their root are looked for again. */
  #rootedAgainMs = 0;
  readonly #counts = { ...NOTHING_COUNTED };

  constructor(options: TraceAssemblerOptions) {
    this.#options = { ...DEFAULTS, ...options };
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
    const delivery: Delivery = { bytes, via, held: 0, offered: false };
    const nowMs = this.#options.now();
    const usable = spans.filter(({ endMs }) => isUsableTime(endMs));
    const unusable = spans.length - usable.length;
    const told: Told = { events: [], spans: [] };
    let added: SpanNode[] = [];
    let startless = 0;
    for (const span of usable) {
      const node = this.#add(span, nowMs);
      if (node !== null) added.push(node);
      if (node !== null && node.span !== span) startless++;
      if (this.#tooLong === null) continue;
      this.#tellAtOnce(added, { delivery, stored, told });
      added = [];
      this.#cut(this.#tooLong);
    }
    this.#tellAtOnce(added, { delivery, stored, told });
    this.#tellWhole(added, { delivery, stored, told });
    this.#counts.rejected += unusable;
    this.#decideOverflow();
    return {
      rejected: rejectedForTimes(unusable, startless),
      ...told,
      offered: () => {
        delivery.offered = true;
        this.#decideRooted();
      },
    };
  }

  /** Decides what is due, as far as there is time for it; to be called every `TICK_MS`. */
  tick(): void {
    const { now } = this.#options;
    const nowMs = now();
    for (const trace of this.#held.due(nowMs, this.#options)) {
      this.#decide(trace);
      if (now() - nowMs >= DECIDING_MS_MAX) break;
    }
    this.#remembered.forget(nowMs);
  }

  /** Decides all that is held: there will be no more. */
  flush(): void {
    for (const trace of this.#held.all()) this.#decide(trace);
  }

  /**
   * Decides a trace that a collector before has stored, from all its spans; what comes of it after that is late. Spans of it
   * may have come here as well, and were decided without those before.
   *
   * @returns what is not told yet, and what is taken back; `null` while spans of it are held.
   */
  decideStored(stored: StoredTrace): readonly ToldEvent[] | null {
    if (this.#held.get(stored.id) !== undefined) return null;
    const trace = this.#remembered.take(stored.id) ?? new Trace(stored.id);
    restore(trace, stored);
    return this.#decided(trace, false).events;
  }

  counts(): AssemblerCounts {
    return {
      ...this.#counts,
      tracesHeld: this.#held.traces,
      spansHeld: this.#held.spans,
      bytesHeld: this.#held.bytes,
      spansRemembered: this.#remembered.spans,
    };
  }

  /** Holds what has come, and tells of it what is not decided later. */
  #tellAtOnce(nodes: readonly SpanNode[], { delivery, stored, told }: Telling): void {
    this.#held.hold(nodes, delivery);
    told.events.push(...requestsAmong(nodes, stored, this.#held, this.#deciding));
    if (this.#options.keepsSpans) told.spans.push(...this.#held.of(nodes).flatMap(keptOf));
  }

  /**
   * Decides traces that came whole, where so many spans wait that theirs would not for long: as a part of what their request tells,
   * which is stored as one with its digest and its spans, and before the garbage collector has to follow them.
   */
  #tellWhole(nodes: readonly SpanNode[], { delivery, told }: Telling): void {
    if (!this.#options.keepsSpans) return; // Their request, sent again after a kill, would tell them a second time.
    for (const trace of this.#held.of(nodes)) {
      if (this.#held.spans <= this.#options.spansAwaitingMax) return;
      if (!trace.isRooted || !trace.held.every((node) => node.delivery === delivery)) continue;
      const most = told.events.length + told.spans.length + TOLD_OF_SPAN_MAX * trace.held.length;
      if (most > PIECE_EVENTS_MAX) return;
      this.#counts.decidedEarly++;
      this.#held.takeOut(trace);
      const { events, spans } = this.#decided(trace, true);
      told.events.push(...events);
      told.spans.push(...spans);
    }
  }

  #add(span: OtlpSpan, nowMs: number): SpanNode | null {
    const reading = readSpan(span);
    const makesEvent = reading !== null && reading.role !== 'rollup' && reading.role !== 'tool';
    if (makesEvent && !this.#recent.add(span.traceId, span.spanId)) {
      this.#counts.duplicates++;
      return null;
    }
    const trace = this.#traceOf(span.traceId, nowMs);
    const node = trace.add(withUsableStart(span, reading?.role), reading);
    if (trace.nodes.size > this.#options.spansPerTraceMax) this.#tooLong = trace;
    if (node === null) this.#counts.duplicates++;
    else this.#counts.accepted++;
    return node;
  }

  /** The trace of an id, from now on among those that hold spans. */
  #traceOf(id: string, nowMs: number): Trace {
    let trace = this.#held.get(id);
    if (trace === undefined) {
      trace = this.#remembered.take(id) ?? new Trace(id);
      this.#held.add(trace, nowMs);
    }
    this.#held.touch(trace, nowMs);
    return trace;
  }

  /** A trace that never ends is decided now and then, and what was known of it is forgotten. */
  #cut(trace: Trace): void {
    this.#tooLong = null;
    this.#counts.tracesCut++;
    this.#decide(trace);
    this.#remembered.take(trace.id);
  }

  #decideRooted(): void {
    const { spansAwaitingMax, now } = this.#options;
    const nowMs = now();
    if (this.#held.spans <= spansAwaitingMax || nowMs < this.#rootedAgainMs) return;
    const rooted = this.#held.rooted();
    let next = rooted.next();
    for (; next.done !== true; next = rooted.next()) {
      this.#counts.decidedEarly++;
      this.#decide(next.value);
      if (this.#held.spans <= spansAwaitingMax || now() - nowMs >= DECIDING_MS_MAX) return;
    }
    // Those that wait for their root would be walked through with every request.
    if (next.value) this.#rootedAgainMs = nowMs + TICK_MS;
  }

  #decideOverflow(): void {
    const { spansHeldMax, bytesHeldMax } = this.#options;
    for (const trace of this.#held.all()) {
      if (this.#held.spans <= spansHeldMax && this.#held.bytes <= bytesHeldMax) break;
      this.#counts.decidedEarly++;
      this.#decide(trace);
    }
  }

  #decide(trace: Trace): void {
    const via = this.#held.takeOut(trace);
    const decided = this.#decided(trace, this.#options.keepsSpans);
    if (decided.events.length > 0 || decided.spans.length > 0) this.#options.onDecided(decided, via);
  }

  /** What a trace tells. One that cannot be decided costs its own figures and no others; it is known no longer. */
  #decided(trace: Trace, keepsSpans: boolean): Decided {
    const spans = trace.held.length;
    try {
      const decided = decideHeld(trace, this.#deciding, keepsSpans);
      this.#remembered.add(trace, this.#options.now());
      return decided;
    } catch (error) {
      this.#counts.failed += spans;
      this.#options.onFailed(error, spans);
      return NOTHING_DECIDED;
    }
  }
}

/** The requests and sessions that these spans are, as far as they were not told. */
function requestsAmong(
  nodes: readonly SpanNode[],
  stored: ReadonlySet<string>,
  held: HeldTraces,
  deciding: Deciding,
): ToldEvent[] {
  const { make } = deciding;
  const requests = nodes.filter(({ reading }) => signalAtOnce(reading?.role) !== null);
  return [...Map.groupBy(requests, ({ span }) => span?.traceId ?? '')].flatMap(([id, own]) => {
    const trace = held.get(id) ?? new Trace(id);
    noteStored(trace, own, stored);
    return make.inRound(trace, () => tellFirst(trace, requestsIn(own, make), deciding));
  });
}

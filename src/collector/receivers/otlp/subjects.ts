import type { Source } from '../../../core/frame.ts';
import type { SignalName } from '../../../core/signals/index.ts';
import { MINUTE_MS, SECOND_MS } from '../../../core/units.ts';
import type { OtlpResource } from './model.ts';
import { sourceOfResource } from './sender.ts';

/**
 * Who may tell of the same work, from the least that is believed to the most: spans know each call, log records each call
 * without its duration, metrics sums only. `events` are nervecenter's own.
 */
const TELLERS = ['metrics', 'logs', 'spans', 'events'] as const;
export type Teller = (typeof TELLERS)[number];

/** What a process says of itself that sends nervecenter's own events as log records: nothing else of them is counted. */
const TELLS_EVENTS = 'nervecenter.events';
/** What such a process tells by events. */
const OF_EVENTS: readonly SignalName[] = ['request', 'llm-call', 'rag-query', 'ws-session'];

/** What is told. */
export interface Telling {
  /** The time it lies in, of the sender's clock; of one call both are when it ended. */
  readonly afterMs: number;
  readonly untilMs: number;
  /** When it came, of the collector's clock. */
  readonly nowMs: number;
  /** Of one call: its trace and span id. A span of what a log record told of is not counted again. */
  readonly call?: string;
  /** Of a log record: by what it is known when it comes again. */
  readonly record?: string;
}

/**
 * `counted`: it is to be counted, and is from now on. `held`: to be asked about again when `GRACE_MS` are over, because
 * somebody who knows more may follow. `told`: somebody else tells the same.
 */
export type Verdict = 'counted' | 'held' | 'told';

/** SDKs send spans every 5 s by default; a sender that has them has sent some by then. */
export const GRACE_MS = 15 * SECOND_MS;
/** A point of a time further ahead has none: spans that come until then would be taken for told, and metrics no more believed. */
const CLOCKS_DIFFER_MS = MINUTE_MS;
/** Instances and subjects remembered; beyond it those not heard of for longest are forgotten. */
const INSTANCES_MAX = 10_000;
/** Calls that log records told of; beyond it the earliest are forgotten. */
const CALLS_MAX = 20_000;

interface Subject {
  /** Who is believed. */
  best: number;
  /** When each teller was first heard, of the collector's clock. */
  readonly firstMs: Map<Teller, number>;
  /** Up to when metrics were counted, of the sender's clock. */
  metricsUntilMs: number;
}

/**
 * Who tells of what, per instance: a sender whose metrics, spans and logs describe the same calls is counted once. Whoever
 * is believed more than those before takes over, from the moment up to which metrics were counted.
 */
export class Subjects {
  readonly #toldByAgent: (source: Source, subject: SignalName) => boolean;
  readonly #sources = new Map<string, Source>();
  readonly #subjects = new Map<string, Subject>();
  readonly #calls = new Set<string>();
  readonly #records = new Set<string>();

  /**
   * @param toldByAgent whether an agent in the same process sees the work itself, which metrics and log records repeat.
   * @default there is none
   */
  constructor(toldByAgent: (source: Source, subject: SignalName) => boolean = () => false) {
    this.#toldByAgent = toldByAgent;
  }

  /** Says whether what is told counts, and takes note of it. */
  told(instanceId: string, subject: SignalName, by: Teller, telling: Telling): Verdict {
    const { nowMs } = telling;
    const known = this.#subjectOf(`${instanceId} ${subject}`);
    const rank = TELLERS.indexOf(by);
    if (!known.firstMs.has(by)) known.firstMs.set(by, nowMs);
    known.best = Math.max(known.best, rank);
    if (rank < known.best) return 'told';
    const source = rank < TELLERS.indexOf('spans') ? this.#sources.get(instanceId) : undefined;
    if (source !== undefined && this.#toldByAgent(source, subject)) return 'told';
    if (by !== 'metrics' && telling.untilMs <= known.metricsUntilMs) return 'told';
    if (this.#isTold(by, telling)) return 'told';
    if (rank < TELLERS.indexOf('spans') && nowMs - (known.firstMs.get(by) ?? nowMs) < GRACE_MS) return 'held';
    if (by === 'metrics') {
      const untilMs = Math.min(telling.untilMs, nowMs + CLOCKS_DIFFER_MS);
      known.metricsUntilMs = Math.max(known.metricsUntilMs, untilMs);
    }
    if (by === 'logs') this.#note(telling);
    return 'counted';
  }

  /** To be called for what every request came from, first: who sends events says so, before the first of them came. */
  meet(instanceId: string, resource: OtlpResource): void {
    this.#sources.delete(instanceId);
    this.#sources.set(instanceId, sourceOfResource(resource));
    forgetOldest(this.#sources, INSTANCES_MAX);
    if (resource.attributes[TELLS_EVENTS] !== true) return;
    for (const subject of OF_EVENTS) {
      this.#subjectOf(`${instanceId} ${subject}`).best = TELLERS.indexOf('events');
    }
  }

  /** Who an instance has said it is. */
  sourceOf(instanceId: string): Source | undefined {
    return this.#sources.get(instanceId);
  }

  #subjectOf(key: string): Subject {
    const known = this.#subjects.get(key) ?? {
      best: 0,
      firstMs: new Map(),
      metricsUntilMs: Number.NEGATIVE_INFINITY,
    };
    this.#subjects.delete(key);
    this.#subjects.set(key, known);
    forgetOldest(this.#subjects, INSTANCES_MAX);
    return known;
  }

  /** Whether a log record told of it: of several calls in one span each record is another one. */
  #isTold(by: Teller, { call, record }: Telling): boolean {
    if (by === 'logs') return record !== undefined && this.#records.has(record);
    return call !== undefined && this.#calls.has(call);
  }

  #note({ call, record }: Telling): void {
    if (call !== undefined) this.#calls.add(call);
    if (record !== undefined) this.#records.add(record);
    forgetOldest(this.#calls, CALLS_MAX);
    forgetOldest(this.#records, CALLS_MAX);
  }
}

function forgetOldest(known: Map<string, unknown> | Set<string>, max: number): void {
  const [oldest] = known.keys();
  if (known.size > max && oldest !== undefined) known.delete(oldest);
}

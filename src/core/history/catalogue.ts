import type { SignalName } from '../event.ts';
import { MINUTE_MS } from '../units.ts';

/** What history can be grouped and filtered by. */
export type Dimension =
  | 'endpoint'
  | 'method'
  | 'status_class'
  | 'model'
  | 'provider'
  | 'department'
  | 'user'
  | 'cache'
  | 'stage'
  | 'instance'
  | 'service'
  | 'metric'
  | 'path';

/**
 * How a measure follows from what one bucket holds: a distribution of the field (count, sum, min, max, histogram) and
 * named sums. Everything adds up over time, instances and groups; nothing is an average of averages.
 */
export type Formula =
  | { readonly kind: 'count' | 'rate' | 'avg' | 'min' | 'max' | 'sum' }
  | { readonly kind: 'percentile'; readonly quantile: number }
  /** Not one figure: the first, lowest, highest and last value of each bucket, at their own times. */
  | { readonly kind: 'm4' }
  /** A named sum, or that per second. */
  | { readonly kind: 'total' | 'total_rate'; readonly part: string }
  /** `factor * part / whole`; `whole` is a named sum, `null` for the count. */
  | {
      readonly kind: 'ratio';
      readonly part: string;
      readonly whole: string | null;
      readonly factor: number;
    };

export interface Measure {
  readonly unit: string;
  /** The distribution it is about: the signal's own (`value`), or another such as `first_token`. */
  readonly field: string;
  readonly formula: Formula;
}

export interface HistorySignal {
  readonly dimensions: readonly Dimension[];
  readonly measures: Readonly<Record<string, Measure>>;
  /** Rows are made by a timer: the shortest step that has some for certain, in milliseconds. @default any */
  readonly finestStepMs?: number;
}

/** The signal's own distribution, and the one over its stages. */
export const VALUE = 'value';
export const STAGE = 'stage';
const PERCENT = 100;

const of = (unit: string, formula: Formula, field = VALUE): Measure => ({ unit, field, formula });
const total = (unit: string, part: string) => of(unit, { kind: 'total', part });
const percentOf = (part: string, whole: string | null) =>
  of('percent', { kind: 'ratio', part, whole, factor: PERCENT });

const COUNTS: Readonly<Record<string, Measure>> = {
  count: of('events', { kind: 'count' }),
  rate: of('events/s', { kind: 'rate' }),
};

function distribution(unit: string, field = VALUE, prefix = ''): Record<string, Measure> {
  const measures: readonly [string, Formula][] = [
    ['avg', { kind: 'avg' }],
    ['min', { kind: 'min' }],
    ['max', { kind: 'max' }],
    ['sum', { kind: 'sum' }],
    ['p50', { kind: 'percentile', quantile: 0.5 }],
    ['p95', { kind: 'percentile', quantile: 0.95 }],
    ['p99', { kind: 'percentile', quantile: 0.99 }],
  ];
  return Object.fromEntries(
    measures.map(([name, formula]) => [`${prefix}${name}`, of(unit, formula, field)]),
  );
}

/** The process that sent a row, and its service. */
const SENDER = ['instance', 'service'] as const;

const ERRORS: Readonly<Record<string, Measure>> = {
  errors: total('events', 'errors'),
  error_rate: percentOf('errors', null),
};

/** What the history API knows of each signal. To add a measure: a line here and, for a new sum, one in the row's shape. */
export const HISTORY: Readonly<Record<SignalName, HistorySignal>> = {
  request: {
    dimensions: ['endpoint', 'method', 'status_class', 'department', 'user', ...SENDER],
    measures: { ...COUNTS, ...distribution('ms'), ...ERRORS },
  },
  'llm-call': {
    dimensions: ['model', 'provider', 'department', 'user', ...SENDER],
    measures: {
      ...COUNTS,
      ...distribution('ms'),
      ...ERRORS,
      ...distribution('ms', 'first_token', 'first_token_'),
      cost: total('USD', 'cost_usd'),
      cache_savings: total('USD', 'cache_savings_usd'),
      tokens: total('tokens', 'tokens'),
      tokens_in: total('tokens', 'tokens_in'),
      tokens_out: total('tokens', 'tokens_out'),
      tokens_cached: total('tokens', 'tokens_cached'),
      tokens_reasoning: total('tokens', 'tokens_reasoning'),
      tokens_cache_write: total('tokens', 'tokens_cache_write'),
      unpriced: total('events', 'unpriced'),
      estimated: total('events', 'estimated'),
      aborted: total('events', 'aborted'),
      rate_limited: total('events', 'rate_limited'),
    },
  },
  'rag-query': {
    dimensions: ['department', 'user', 'stage', ...SENDER],
    measures: {
      ...COUNTS,
      ...distribution('ms'),
      ...ERRORS,
      hit_rate: percentOf('cache_hits', 'cache_lookups'),
      chunks_avg: of('chunks', { kind: 'ratio', part: 'chunks', whole: 'answered', factor: 1 }),
      zero_chunk_rate: percentOf('answered_empty', 'answered'),
      top_score_avg: of('score', { kind: 'ratio', part: 'top_scores', whole: 'top_scored', factor: 1 }),
      avg_score_avg: of('score', { kind: 'ratio', part: 'avg_scores', whole: 'avg_scored', factor: 1 }),
    },
  },
  cache: {
    dimensions: ['cache', ...SENDER],
    finestStepMs: MINUTE_MS,
    measures: {
      count: total('lookups', 'lookups'),
      rate: of('lookups/s', { kind: 'total_rate', part: 'lookups' }),
      hits: total('lookups', 'hits'),
      misses: total('lookups', 'misses'),
      hit_rate: percentOf('hits', 'lookups'),
    },
  },
  system: {
    dimensions: ['metric', 'instance'],
    finestStepMs: MINUTE_MS / 2,
    measures: { value: of('as stored', { kind: 'm4' }), ...COUNTS, ...distribution('as stored') },
  },
  'ws-session': {
    dimensions: ['path', 'department', 'user', ...SENDER],
    measures: {
      ...COUNTS,
      ...distribution('ms'),
      messages_in: total('messages', 'messages_in'),
      messages_out: total('messages', 'messages_out'),
      bytes_in: total('bytes', 'bytes_in'),
      bytes_out: total('bytes', 'bytes_out'),
    },
  },
};

/** The named sums a formula needs, in the order part, whole. */
export function sumsOf(formula: Formula): { readonly part: string | null; readonly whole: string | null } {
  if (formula.kind === 'ratio') return { part: formula.part, whole: formula.whole };
  if (formula.kind === 'total' || formula.kind === 'total_rate') return { part: formula.part, whole: null };
  return { part: null, whole: null };
}

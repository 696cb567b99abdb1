import type { Attributes, Point } from './frame.ts';
import type { Distribution } from './histogram.ts';
import { CACHE_NAME, CACHE_REQUESTS, CACHE_RESULT } from './signals/cache.ts';
import type { SignalName } from './signals/index.ts';
import {
  ABORTED,
  LLM_CACHE_SAVINGS,
  LLM_CACHED_TOKENS,
  LLM_COST,
  LLM_DURATION,
  LLM_ESTIMATED,
  LLM_FIRST_CHUNK,
  LLM_RATE_LIMITED,
  LLM_REASONING_TOKENS,
  LLM_TOKENS,
  LLM_UNPRICED,
} from './signals/llm-call.ts';
import { RAG_CHUNKS, RAG_DURATION, RAG_STAGE_DURATION, STAGE_ATTRIBUTE } from './signals/rag-query.ts';
import { ERROR_STATUS_MIN, REQUEST_DURATION } from './signals/request.ts';
import type { InstrumentSpec } from './signals/signal.ts';
import {
  DIRECTION,
  RECEIVE,
  TRANSMIT,
  WS_BYTES,
  WS_MESSAGES,
  WS_OPENED,
  WS_SESSION_DURATION,
} from './signals/ws-session.ts';

/** What a store adds up beside its public dimensions: a call's provider and model together, as a JSON array. */
export const PROVIDER_MODEL = 'provider_model';
/** All values of a dimension past the bound. */
export const OTHER_VALUES = '<other>';

export type PastDimension = '' | 'endpoint' | 'cache' | 'stage' | typeof PROVIDER_MODEL;

/** Rows added up under one value of a dimension. */
export interface PastGroup {
  readonly value: string;
  readonly count: number;
  readonly sums: Readonly<Record<string, number>>;
}

/** The same for one slot of the window, with the distribution of the field in the unit of its instrument. */
export interface PastSlotGroup extends PastGroup {
  readonly distribution: Distribution;
}

/** What all series measured in one slot of the window. */
export interface PastSlot {
  /** A moment in the slot, in milliseconds since the epoch. */
  readonly atMs: number;
  readonly points: readonly Point[];
}

/** How the totals of a signal follow from its rows. */
export interface PastTotals {
  readonly by: PastDimension;
  /** Named sums of the row's shape. */
  readonly sums: readonly string[];
  readonly measure: (group: PastGroup) => Point[];
}

/** How one field's window follows from the rows. */
export interface PastWindow {
  readonly field: string;
  readonly by: PastDimension;
  readonly sums: readonly string[];
  readonly measure: (group: PastSlotGroup) => Point[];
}

export interface PastSignal {
  readonly totals: PastTotals;
  readonly windows: readonly PastWindow[];
}

/** No values; what is missing below is never asked of a total. */
const NOTHING: Distribution = {
  zeroCount: 0,
  offset: 0,
  counts: [],
  count: 0,
  sum: 0,
  min: Number.POSITIVE_INFINITY,
  max: Number.NEGATIVE_INFINITY,
};

function counter({ name, unit, description }: InstrumentSpec, attributes: Attributes, value = 0): Point {
  return { kind: 'counter', name, unit, description, attributes, value };
}

function histogram(
  { name, unit, description }: InstrumentSpec,
  attributes: Attributes,
  amount: Partial<Distribution>,
): Point {
  return { kind: 'histogram', name, unit, description, attributes, ...NOTHING, ...amount };
}

/**
 * What earlier processes measured, read back from the rows they left: the measurements of `signals/*.measure`, with the
 * attributes that the snapshot tells apart and no others. Gauges have no past, and neither has what `system` samples.
 */
export const PAST: Readonly<Partial<Record<SignalName, PastSignal>>> = {
  request: {
    totals: { by: 'endpoint', sums: ['errors'], measure: requestTotals },
    windows: [
      {
        field: 'value',
        by: 'endpoint',
        sums: [],
        measure: ({ value, distribution }) => [
          histogram(REQUEST_DURATION, { 'http.route': value }, distribution),
        ],
      },
    ],
  },
  'llm-call': {
    totals: {
      by: PROVIDER_MODEL,
      sums: [
        'errors',
        'aborted',
        'cost_usd',
        'cache_savings_usd',
        'tokens_in',
        'tokens_out',
        'tokens_cached',
        'tokens_reasoning',
        'unpriced',
        'estimated',
        'rate_limited',
      ],
      measure: callTotals,
    },
    windows: [
      {
        field: 'value',
        by: PROVIDER_MODEL,
        sums: ['cost_usd'],
        measure: ({ value, distribution, sums }) => [
          histogram(LLM_DURATION, modelAttributes(value), distribution),
          counter(LLM_COST, modelAttributes(value), sums['cost_usd']),
        ],
      },
      {
        field: 'first_token',
        by: '',
        sums: [],
        measure: ({ distribution }) => [histogram(LLM_FIRST_CHUNK, {}, distribution)],
      },
    ],
  },
  'rag-query': {
    totals: {
      by: '',
      sums: ['errors', 'chunks', 'answered', 'answered_empty'],
      measure: ({ count, sums }) => [
        ...outcomes(RAG_DURATION, {}, count, { _OTHER: sums['errors'] }),
        histogram(RAG_CHUNKS, {}, chunks(sums)),
      ],
    },
    windows: [
      {
        field: 'value',
        by: '',
        sums: ['chunks', 'answered', 'answered_empty'],
        measure: ({ distribution, sums }) => [
          histogram(RAG_DURATION, {}, distribution),
          histogram(RAG_CHUNKS, {}, chunks(sums)),
        ],
      },
      {
        field: 'stage',
        by: 'stage',
        sums: [],
        measure: ({ value, distribution }) => [
          histogram(RAG_STAGE_DURATION, { [STAGE_ATTRIBUTE]: value }, distribution),
        ],
      },
    ],
  },
  cache: {
    totals: {
      by: 'cache',
      sums: ['hits', 'misses'],
      measure: ({ value, sums }) => [
        counter(CACHE_REQUESTS, { [CACHE_NAME]: value, [CACHE_RESULT]: 'hit' }, sums['hits']),
        counter(CACHE_REQUESTS, { [CACHE_NAME]: value, [CACHE_RESULT]: 'miss' }, sums['misses']),
      ],
    },
    windows: [],
  },
  'ws-session': {
    totals: {
      by: '',
      sums: ['messages_in', 'messages_out', 'bytes_in', 'bytes_out'],
      measure: ({ count, sums }) => [
        counter(WS_OPENED, {}, count),
        counter(WS_MESSAGES, { [DIRECTION]: RECEIVE }, sums['messages_in']),
        counter(WS_MESSAGES, { [DIRECTION]: TRANSMIT }, sums['messages_out']),
        counter(WS_BYTES, { [DIRECTION]: RECEIVE }, sums['bytes_in']),
        counter(WS_BYTES, { [DIRECTION]: TRANSMIT }, sums['bytes_out']),
      ],
    },
    windows: [
      {
        field: 'value',
        by: '',
        sums: [],
        measure: ({ distribution }) => [histogram(WS_SESSION_DURATION, {}, distribution)],
      },
    ],
  },
};

/** Of the status only whether it is an error is told apart. */
function requestTotals({ value, count, sums }: PastGroup): Point[] {
  const errors = sums['errors'] ?? 0;
  const route = { 'http.route': value };
  const failed = { ...route, 'http.response.status_code': ERROR_STATUS_MIN };
  return [
    histogram(REQUEST_DURATION, route, { count: count - errors }),
    histogram(REQUEST_DURATION, failed, { count: errors }),
  ];
}

function callTotals({ value, count, sums }: PastGroup): Point[] {
  const model = modelAttributes(value);
  const tokens = (type: string, sum = 0) =>
    histogram(LLM_TOKENS, { ...model, 'gen_ai.token.type': type }, { sum });
  return [
    ...outcomes(LLM_DURATION, model, count, { _OTHER: sums['errors'], [ABORTED]: sums['aborted'] }),
    tokens('input', sums['tokens_in']),
    tokens('output', sums['tokens_out']),
    counter(LLM_COST, model, sums['cost_usd']),
    counter(LLM_CACHE_SAVINGS, model, sums['cache_savings_usd']),
    counter(LLM_CACHED_TOKENS, model, sums['tokens_cached']),
    counter(LLM_REASONING_TOKENS, model, sums['tokens_reasoning']),
    counter(LLM_UNPRICED, model, sums['unpriced']),
    counter(LLM_ESTIMATED, model, sums['estimated']),
    counter(LLM_RATE_LIMITED, model, sums['rate_limited']),
  ];
}

/** A duration's counts by `error.type`, what is left over without one. */
function outcomes(
  instrument: InstrumentSpec,
  attributes: Attributes,
  count: number,
  failures: Readonly<Record<string, number | undefined>>,
): Point[] {
  let rest = count;
  const failed = Object.entries(failures).map(([type, failures = 0]) => {
    rest -= failures;
    return histogram(instrument, { ...attributes, 'error.type': type }, { count: failures });
  });
  return [histogram(instrument, attributes, { count: rest }), ...failed];
}

/** Chunks per answered query, without buckets: the snapshot asks for their mean and how often there were none. */
function chunks(sums: PastGroup['sums']): Partial<Distribution> {
  return {
    count: sums['answered'] ?? 0,
    sum: sums['chunks'] ?? 0,
    zeroCount: sums['answered_empty'] ?? 0,
  };
}

function modelAttributes(value: string): Attributes {
  const [provider, model] =
    value === OTHER_VALUES ? [OTHER_VALUES, OTHER_VALUES] : (JSON.parse(value) as string[]);
  return { 'gen_ai.provider.name': provider ?? OTHER_VALUES, 'gen_ai.request.model': model ?? OTHER_VALUES };
}

import type { EventBase } from '../event.ts';
import { countsOf, percentOf, total } from '../history/measures.ts';
import { EVENT_RECORD } from '../records/layout.ts';
import { MINUTE_MS } from '../units.ts';
import { EVENT, isCount, isText, isWhole, orNull } from './checks.ts';
import type { CounterSpec, GaugeSpec } from './instruments.ts';
import { eventColumns, int4, SENDER, senderColumns, text } from './row.ts';
import type { Signal } from './signal.ts';

/** The look-ups of one cache during one minute. */
export interface CacheEvent extends EventBase {
  readonly signal: 'cache';
  readonly cacheName: string;
  readonly hits: number;
  readonly misses: number;
  readonly keysCount: number | null;
  readonly memoryUsedBytes: number | null;
}

export const CACHE_REQUESTS: CounterSpec = {
  name: 'nervecenter.cache.requests',
  kind: 'counter',
  unit: '{request}',
  description: 'Cache look-ups by cache.name and cache.result (hit, miss).',
};
export const CACHE_KEYS: GaugeSpec = {
  name: 'nervecenter.cache.keys',
  kind: 'gauge',
  unit: '{key}',
  description: 'Keys held by a cache, where the cache tells.',
};
export const CACHE_BYTES: GaugeSpec = {
  name: 'nervecenter.cache.memory',
  kind: 'gauge',
  unit: 'By',
  description: 'Memory used by a cache, where the cache tells.',
};

export const CACHE_NAME = 'cache.name';
export const CACHE_RESULT = 'cache.result';
/** The two caches the specification names: whatever others there are, they have their names. */
export const RAG_CACHE = 'rag';
export const EMBEDDING_CACHE = 'embedding';
export const RESERVED_CACHES: readonly string[] = [RAG_CACHE, EMBEDDING_CACHE];
/** As what caches are counted together that found no place. */
export const OTHER_CACHES = 'other';

/**
 * Look-ups are far too frequent for an event each: the agent's tally feeds the instruments with every frame and makes one
 * event per cache and minute. So there is nothing left to measure when the event is complete.
 */
export const cache: Signal<CacheEvent> = {
  name: 'cache',
  words: { title: 'Caches', plural: 'cache look-ups' },
  table: 'cache_metrics',
  instruments: [CACHE_REQUESTS, CACHE_KEYS, CACHE_BYTES],
  measure: () => () => {},
  columns: [
    ...eventColumns<CacheEvent>(),
    { name: 'cache_type', type: 'varchar', value: (event) => text(event.cacheName, 50) },
    { name: 'hits', type: 'integer', value: (event) => int4(event.hits) },
    { name: 'misses', type: 'integer', value: (event) => int4(event.misses) },
    {
      name: 'hit_rate',
      type: 'double precision',
      value: ({ hits, misses }) => (hits + misses === 0 ? null : (hits / (hits + misses)) * 100),
    },
    { name: 'memory_used_bytes', type: 'bigint', value: (event) => event.memoryUsedBytes },
    { name: 'keys_count', type: 'integer', value: (event) => int4(event.keysCount) },
    ...senderColumns<CacheEvent>(),
  ],
  record: {
    ...EVENT_RECORD,
    cacheName: 'name',
    hits: 'number',
    misses: 'number',
    keysCount: 'number',
    memoryUsedBytes: 'number',
  },
  accepts: {
    ...EVENT,
    cacheName: isText,
    hits: isWhole,
    misses: isWhole,
    keysCount: orNull(isCount),
    memoryUsedBytes: orNull(isCount),
  },
  history: {
    dimensions: { cache: 'r.cache_type', ...SENDER },
    fields: { value: { value: { sql: 'NULL::float8' }, rolledBy: ['cache'] } },
    sums: { hits: 'r.hits', misses: 'r.misses', lookups: 'r.hits::bigint + r.misses' },
    measures: {
      ...countsOf('lookups', 'lookups'),
      hits: total('lookups', 'hits'),
      misses: total('lookups', 'misses'),
      hit_rate: percentOf('hits', 'lookups'),
    },
    firstMeasure: 'hit_rate',
    finestStepMs: MINUTE_MS,
  },
  retention: { key: 'cache', days: 7 },
};

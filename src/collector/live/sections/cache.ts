import {
  CACHE_BYTES,
  CACHE_KEYS,
  CACHE_NAME,
  CACHE_REQUESTS,
  CACHE_RESULT,
  EMBEDDING_CACHE,
  RAG_CACHE,
} from '../../../core/signals/cache.ts';
import type { CacheSnapshot, NamedCacheSnapshot } from '../../../core/snapshot.ts';
import type { SeriesSource } from '../earlier.ts';
import { percent, sumOf } from './numbers.ts';
import type { LiveView } from './view.ts';

const NO_LOOKUPS: NamedCacheSnapshot = {
  hits: 0,
  misses: 0,
  hit_rate: 0,
  keys_count: 0,
  memory_used_bytes: 0,
};

export function cacheSection({ store }: LiveView): CacheSnapshot {
  const names = new Set(
    store.counters(CACHE_REQUESTS.name).map(({ attributes }) => String(attributes[CACHE_NAME])),
  );
  const caches = Object.fromEntries([...names].map((name) => [name, namedCache(store, name)]));
  const rag = caches[RAG_CACHE] ?? NO_LOOKUPS;
  const embedding = caches[EMBEDDING_CACHE] ?? NO_LOOKUPS;
  return {
    rag_hit_rate: rag.hit_rate,
    embedding_hit_rate: embedding.hit_rate,
    rag_hits: rag.hits,
    rag_misses: rag.misses,
    embedding_hits: embedding.hits,
    embedding_misses: embedding.misses,
    caches,
  };
}

function namedCache(store: SeriesSource, cacheName: string): NamedCacheSnapshot {
  const lookups = (result: 'hit' | 'miss') =>
    sumOf(store.counters(CACHE_REQUESTS.name), ({ attributes, total }) =>
      attributes[CACHE_NAME] === cacheName && attributes[CACHE_RESULT] === result ? total : 0,
    );
  const size = (name: string) =>
    sumOf(store.gauges(name), ({ attributes, values }) =>
      attributes[CACHE_NAME] === cacheName ? sumOf(values.values(), (value) => value) : 0,
    );
  const hits = lookups('hit');
  const misses = lookups('miss');
  return {
    hits,
    misses,
    hit_rate: percent(hits, hits + misses),
    keys_count: size(CACHE_KEYS.name),
    memory_used_bytes: size(CACHE_BYTES.name),
  };
}

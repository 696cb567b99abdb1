import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { SECOND_MS } from '../../core/units.ts';
import type { Agent, Instrumentation } from '../agent.ts';

/** lru-cache 11 publishes every `get`, `memo`, `set`, `has`, `peek` and `delete` here. */
const METRICS = 'lru-cache:metrics';
/** `fetch` is published only as a traced operation; at `start` it is already known what the cache answered. */
const FETCHES = 'tracing:lru-cache:start';
/** Sizes are asked of so many cache instances; look-ups of further ones are counted all the same. */
export const SIZED_INSTANCES_MAX = 100;

/** A cache's name for keys that start with `prefix`. */
export interface CachePrefix {
  readonly prefix: string;
  readonly name: string;
}

export const DEFAULT_PREFIXES: readonly CachePrefix[] = [
  { prefix: 'rag:', name: 'rag' },
  { prefix: 'emb:', name: 'embedding' },
];
const UNNAMED = 'lru-cache';

/** What lru-cache publishes about one operation, as far as it is looked at. */
interface LruStatus {
  readonly op?: unknown;
  readonly key?: unknown;
  readonly cache?: unknown;
  readonly value?: unknown;
  readonly get?: unknown;
  readonly memo?: unknown;
  readonly fetch?: unknown;
  readonly returnedStale?: unknown;
}

/** The size of a cache instance, as far as it is looked at. */
interface SizedCache {
  readonly size?: unknown;
  readonly calculatedSize?: unknown;
  readonly maxSize?: unknown;
  readonly maxEntrySize?: unknown;
}

export interface LruCacheOptions {
  /** First match wins. @default `rag:` is `rag`, `emb:` is `embedding`, anything else `lru-cache` */
  readonly prefixes?: readonly CachePrefix[];
  /** How often sizes are read. @default 1000 */
  readonly sizeIntervalMs?: number;
}

/** The name a look-up is counted under: that of the key's prefix, `lru-cache` for every other key. */
export function cacheNameOf(key: unknown, prefixes: readonly CachePrefix[] = DEFAULT_PREFIXES): string {
  if (typeof key !== 'string') return UNNAMED;
  for (const { prefix, name } of prefixes) if (key.startsWith(prefix)) return name;
  return UNNAMED;
}

/**
 * Look-ups of every lru-cache in the process, through the library's own channels (version 11 and later). A look-up is a
 * `get`, `memo` or `fetch`; `has` and `peek` are not. It is a hit when the caller was given a value the cache held, a stale
 * one included; a `fetch` that joins one in flight is a miss, and so is a forced refresh.
 */
export function createLruCache(options: LruCacheOptions = {}): Instrumentation {
  const prefixes = options.prefixes ?? DEFAULT_PREFIXES;
  return {
    name: 'lru-cache',
    start(agent) {
      const sizes = new CacheSizes(agent, options.sizeIntervalMs ?? SECOND_MS);
      const count = (status: LruStatus, hit: boolean) => {
        const name = cacheNameOf(status.key, prefixes);
        agent.cacheLookup(name, hit);
        sizes.saw(status.cache, name);
      };
      const onMetrics = guarded((status) => {
        if (status.op === 'get') count(status, wasServed(status));
        else if (status.op === 'memo') count(status, status.memo === 'hit');
      });
      const onFetch = guarded((status) => {
        if (status.op === 'fetch') count(status, wasFetchServed(status));
      });
      subscribe(METRICS, onMetrics);
      subscribe(FETCHES, onFetch);
      return () => {
        unsubscribe(METRICS, onMetrics);
        unsubscribe(FETCHES, onFetch);
        sizes.stop();
      };
    },
  };
}

export const lruCache: Instrumentation = createLruCache();

/** A subscriber that throws would end the app with an uncaught exception; anybody may publish anything. */
function guarded(handle: (status: LruStatus) => void): (message: unknown) => void {
  return (message) => {
    try {
      handle(message as LruStatus);
    } catch {
      // Not a status of lru-cache: there is nothing to count.
    }
  };
}

function wasServed(status: LruStatus): boolean {
  if (status.get === 'hit') return true;
  if (status.get === 'miss') return false;
  return status.get === 'fetching' ? status.value !== undefined : status.returnedStale === true;
}

function wasFetchServed(status: LruStatus): boolean {
  if (status.fetch === 'hit') return true;
  if (status.fetch === 'miss') return false;
  return status.fetch === 'get' ? wasServed(status) : status.returnedStale === true;
}

/**
 * Reads the sizes of the caches that were looked up and reports their sum per name, on a timer, so that a look-up pays
 * nothing but one set membership. An instance counts for the name of the first key it was asked for.
 */
class CacheSizes {
  readonly #agent: Agent;
  readonly #intervalMs: number;
  readonly #seen = new WeakSet<object>();
  #instances: { readonly name: string; readonly cache: WeakRef<SizedCache> }[] = [];
  #reported = new Set<string>();
  #timer: NodeJS.Timeout | undefined;

  constructor(agent: Agent, intervalMs: number) {
    this.#agent = agent;
    this.#intervalMs = intervalMs;
  }

  saw(cache: unknown, name: string): void {
    if (typeof cache !== 'object' || cache === null || this.#seen.has(cache)) return;
    this.#seen.add(cache);
    if (this.#instances.length >= SIZED_INSTANCES_MAX) {
      const message = `more than ${SIZED_INSTANCES_MAX} lru-cache instances; the sizes of further ones are not measured`;
      this.#agent.warnOnce('lru-cache.instances', message);
      return;
    }
    this.#instances.push({ name, cache: new WeakRef(cache) });
    this.#timer ??= setInterval(() => this.#report(), this.#intervalMs).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#instances = [];
  }

  #report(): void {
    const sums = new Map<string, { keys: number; bytes: number | null }>();
    // A name whose caches are all gone is reported once more, with nothing in it.
    for (const name of this.#reported) sums.set(name, { keys: 0, bytes: null });
    this.#instances = this.#instances.filter(({ name, cache }) => {
      const live = cache.deref();
      if (live === undefined) return false;
      const sum = sums.get(name) ?? { keys: 0, bytes: null };
      sum.keys += Number(live.size) || 0;
      if (live.maxSize || live.maxEntrySize)
        sum.bytes = (sum.bytes ?? 0) + (Number(live.calculatedSize) || 0);
      sums.set(name, sum);
      return true;
    });
    for (const [name, { keys, bytes }] of sums) this.#agent.cacheSize(name, keys, bytes);
    this.#reported = new Set(this.#instances.map(({ name }) => name));
  }
}

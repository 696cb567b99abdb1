import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { SECOND_MS } from '../../core/units.ts';
import type { Agent, Instrumentation } from '../agent.ts';
import { onModuleLoad } from './module-hook.ts';
import { replaceMethod } from './replace-method.ts';

/** lru-cache 11 publishes every `get`, `memo`, `set`, `has`, `peek` and `delete` here. */
const METRICS = 'lru-cache:metrics';
/**
 * `fetch` is published only as a traced operation, and its tracing swallows rejections nobody handles: an app that would
 * end with exit code 1 would go on. So this one operation is asked for its status where it is called.
 */
const FETCHING_FILES = ['lru-cache/dist/commonjs/node/index.min.js', 'lru-cache/dist/esm/node/index.min.js'];
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

type Fetch = (this: object, key: unknown, options?: { readonly status?: LruStatus }) => Promise<unknown>;

interface FetchingPrototype {
  fetch: Fetch;
  forceFetch: Fetch;
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
 * Look-ups of every lru-cache in the process, through the library's own channel (version 11 and later). A look-up is a
 * `get`, `memo` or `fetch`; `has` and `peek` are not. It is a hit when the caller was given a value the cache held, a stale
 * one included; a `fetch` that joins one in flight is a miss, and so is a forced refresh.
 */
export function createLruCache(options: LruCacheOptions = {}): Instrumentation {
  const prefixes = options.prefixes ?? DEFAULT_PREFIXES;
  return {
    name: 'lru-cache',
    start(agent) {
      const sizes = new CacheSizes(agent, options.sizeIntervalMs ?? SECOND_MS);
      const count: CountLookup = (cache, key, hit) => {
        const name = cacheNameOf(key, prefixes);
        agent.cacheLookup(name, hit);
        sizes.saw(cache, name);
      };
      const onMetrics = (message: unknown) => countPublished(message as LruStatus | undefined, count);
      subscribe(METRICS, onMetrics);
      const undos = FETCHING_FILES.map((file) =>
        onModuleLoad(file, (exports) => observeFetches(exports, count)),
      );
      return () => {
        unsubscribe(METRICS, onMetrics);
        for (const undo of undos) undo();
        sizes.stop();
      };
    },
  };
}

export const lruCache: Instrumentation = createLruCache();

type CountLookup = (cache: unknown, key: unknown, hit: boolean) => void;

/** A subscriber that throws would end the app with an uncaught exception, and anybody may publish anything. */
function countPublished(status: LruStatus | null | undefined, count: CountLookup): void {
  if (status?.op === 'get') count(status.cache, status.key, wasServed(status));
  else if (status?.op === 'memo') count(status.cache, status.key, status.memo === 'hit');
}

function observeFetches(exports: unknown, count: CountLookup): (() => void) | undefined {
  const { LRUCache } = exports as { readonly LRUCache?: { readonly prototype: FetchingPrototype } };
  const prototype = LRUCache?.prototype;
  if (typeof prototype?.fetch !== 'function' || typeof prototype.forceFetch !== 'function') return undefined;
  const observe = (fetch: Fetch): Fetch =>
    function (key, options) {
      const status: LruStatus = options?.status ?? {};
      const answer = fetch.call(this, key, { ...options, status });
      // The cache has been looked up by the time the promise is there.
      count(this, key, wasFetchServed(status));
      return answer;
    };
  const undos = [replaceMethod(prototype, 'fetch', observe), replaceMethod(prototype, 'forceFetch', observe)];
  return () => {
    for (const undo of undos) undo();
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

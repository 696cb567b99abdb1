import { cacheNameOf } from '../../core/names/cache-names.ts';
import { SECOND_MS } from '../../core/units.ts';
import type { Instrumentation } from '../instrumentation.ts';
import { onModuleLoad } from '../modules/hook.ts';
import { replaceMethod } from '../modules/replace-method.ts';
import { listening } from '../modules/undoable.ts';
import { outerLookup } from './lookup.ts';
import { CacheSizes, type MeasuredSize } from './sizes.ts';

/** lru-cache 11 publishes every `get`, `memo`, `set`, `has`, `peek` and `delete` here. */
const METRICS = 'lru-cache:metrics';
/**
 * `fetch` is published only as a traced operation, and its tracing swallows rejections nobody handles: an app that would
 * end with exit code 1 would go on. So this one operation is asked for its status where it is called.
 */
const FETCHING_FILES = ['lru-cache/dist/commonjs/node/index.min.js', 'lru-cache/dist/esm/node/index.min.js'];
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
  /** How often sizes are read. @default 1000 */
  readonly sizeIntervalMs?: number;
}

/**
 * Look-ups of every lru-cache in the process, through the library's own channel (version 11 and later). A look-up is a
 * `get`, `memo` or `fetch`; `has` and `peek` are not. It is a hit when the caller was given a value the cache held, a stale
 * one included; a `fetch` that joins one in flight is a miss, and so is a forced refresh. Keys without a configured prefix
 * are counted as `lru-cache`.
 */
export function createLruCache(options: LruCacheOptions = {}): Instrumentation {
  return {
    name: 'lru-cache',
    start(agent) {
      const caches = agent.settings.caches;
      const intervalMs = options.sizeIntervalMs ?? SECOND_MS;
      const sizes = new CacheSizes({ agent, library: UNNAMED, intervalMs, measure });
      const count: CountLookup = (cache, key, hit) => {
        const name = cacheNameOf(key, caches) ?? UNNAMED;
        if (outerLookup() === undefined) agent.cacheLookup(name, hit);
        if (typeof cache === 'object' && cache !== null) sizes.saw(cache, name);
      };
      const onMetrics = (message: unknown) => countPublished(message as LruStatus | undefined, count);
      const undos = [
        listening(METRICS, onMetrics),
        ...FETCHING_FILES.map((file) => onModuleLoad(file, (exports) => observeFetches(exports, count))),
      ];
      return () => {
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

function measure(cache: SizedCache): MeasuredSize {
  const measuresBytes = Boolean(cache.maxSize || cache.maxEntrySize);
  return {
    keys: Number(cache.size) || 0,
    bytes: measuresBytes ? Number(cache.calculatedSize) || 0 : null,
  };
}

import { cacheNameOf } from '../../core/names/cache-names.ts';
import { SECOND_MS } from '../../core/units.ts';
import type { Agent, Instrumentation } from '../instrumentation.ts';
import { onModuleLoad } from '../modules/hook.ts';
import { replaceMethod } from '../modules/replace-method.ts';
import { outerLookup } from './lookup.ts';
import { CacheSizes, type MeasuredSize } from './sizes.ts';

const UNNAMED = 'node-cache';

/** What node-cache tells of itself: sizes are its own estimate, a fixed one for objects and arrays. */
interface NodeCacheLike {
  getStats?(): { readonly keys: number; readonly ksize: number; readonly vsize: number };
}

interface NodeCachePrototype extends NodeCacheLike {
  get(this: NodeCacheLike, key: unknown): unknown;
  mget(this: NodeCacheLike, keys: unknown): unknown;
}

export interface NodeCacheOptions {
  /** How often sizes are read. @default 1000 */
  readonly sizeIntervalMs?: number;
}

/**
 * Look-ups of `node-cache` 5: `get`, `mget` and `take`, with keys and bytes as the cache itself counts them. `has` and
 * `getTtl` are none. Keys without a configured prefix are counted as `node-cache`.
 */
export function createNodeCache(options: NodeCacheOptions = {}): Instrumentation {
  return {
    name: 'node-cache',
    start(agent) {
      const intervalMs = options.sizeIntervalMs ?? SECOND_MS;
      const sizes = new CacheSizes<NodeCacheLike>({ agent, library: UNNAMED, intervalMs, measure });
      const undo = onModuleLoad('node-cache/lib/node_cache.js', (exports) =>
        observeCaches(exports, counter(agent, sizes)),
      );
      return () => {
        undo();
        sizes.stop();
      };
    },
  };
}

export const nodeCache: Instrumentation = createNodeCache();

type CountLookup = (cache: NodeCacheLike, key: unknown, hit: boolean) => void;

function counter(agent: Agent, sizes: CacheSizes<NodeCacheLike>): CountLookup {
  const caches = agent.settings.caches;
  return (cache, key, hit) => {
    const name = cacheNameOf(key, caches) ?? UNNAMED;
    if (outerLookup() === undefined) agent.cacheLookup(name, hit);
    sizes.saw(cache, name);
  };
}

/** On the prototype: each cache binds its methods when it is made. */
function observeCaches(exports: unknown, count: CountLookup): (() => void) | undefined {
  const { prototype } = exports as { readonly prototype?: NodeCachePrototype };
  if (typeof prototype?.get !== 'function' || typeof prototype.mget !== 'function') return undefined;
  const undos = [
    replaceMethod(prototype, 'get', (get) => {
      return function observedGet(key) {
        const value = get.call(this, key);
        count(this, key, value !== undefined);
        return value;
      };
    }),
    replaceMethod(prototype, 'mget', (mget) => {
      return function observedGetMany(keys) {
        const found = mget.call(this, keys);
        if (Array.isArray(keys)) for (const key of keys) count(this, key, holds(found, key));
        return found;
      };
    }),
  ];
  return () => {
    for (const undo of undos) undo();
  };
}

function holds(found: unknown, key: unknown): boolean {
  return typeof found === 'object' && found !== null && Object.hasOwn(found, key as PropertyKey);
}

function measure(cache: NodeCacheLike): MeasuredSize {
  const { keys, ksize, vsize } = cache.getStats?.() ?? { keys: 0, ksize: 0, vsize: 0 };
  return { keys, bytes: ksize + vsize };
}

import { cacheNameOf, DEFAULT_CACHES } from '../../core/cache-names.ts';
import type { Agent, Instrumentation } from '../agent.ts';
import { asLookup, type Lookup, outerLookup, outsideLookup } from './cache-lookup.ts';
import { onModuleLoad } from './module-hook.ts';
import { replaceMethod } from './replace-method.ts';

const UNNAMED = 'cache-manager';

type Ask = (...args: unknown[]) => Promise<unknown>;

/** A cache as `createCache` makes it: an object of functions. */
interface Cache {
  get: Ask;
  mget: Ask;
  ttl: Ask;
  wrap: Ask;
  on?(event: string, listener: (outcome: { readonly error?: unknown } | undefined) => void): unknown;
}

interface Exports {
  createCache: (...args: unknown[]) => Cache;
}

/**
 * Look-ups of `cache-manager` 7, whatever stores lie below: `get`, `mget` and `wrap`, each one look-up with the outcome
 * the app was given, so a value found in the second store only is a hit. `ttl` is none. A `wrap` that joins one in flight
 * is a miss. Keys without a configured prefix are counted as `cache-manager`.
 */
export const cacheManager: Instrumentation = {
  name: 'cache-manager',
  start: (agent) =>
    onModuleLoad('cache-manager/dist/index.cjs', (exports) => {
      if (typeof (exports as Partial<Exports>).createCache !== 'function') return undefined;
      return replaceMethod(exports as Exports, 'createCache', (createCache) => (...args) => {
        return observeCache(createCache(...args), agent);
      });
    }),
};

function observeCache(cache: Cache, agent: Agent): Cache {
  const caches = agent.settings?.caches ?? DEFAULT_CACHES;
  const count = (key: unknown, hit: boolean, failed: boolean) => {
    if (hit || !failed) agent.cacheLookup(cacheNameOf(key, caches) ?? UNNAMED, hit);
  };
  const { get, mget, ttl, wrap } = cache;
  for (const event of ['get', 'mget']) cache.on?.(event, noteFailure);
  cache.get = observed(get, ([key], value, { failed }) => count(key, value !== undefined, failed));
  cache.mget = observed(mget, ([keys], values, { failed }) => {
    if (!Array.isArray(keys) || !Array.isArray(values)) return;
    for (const [at, key] of keys.entries()) count(key, values[at] !== undefined, failed);
  });
  cache.ttl = observed(ttl, () => {});
  const wrapped = observed(wrap, ([key], _value, { found, failed }) => count(key, found, failed));
  cache.wrap = (key, load, ...rest) =>
    wrapped(key, typeof load === 'function' ? () => outsideLookup(load as () => unknown) : load, ...rest);
  return cache;
}

function observed(
  ask: Ask,
  answered: (args: readonly unknown[], value: unknown, lookup: Lookup) => void,
): Ask {
  return (...args) => {
    if (outerLookup() !== undefined) return ask(...args);
    return asLookup(
      () => ask(...args),
      (value, lookup) => answered(args, value, lookup),
    );
  };
}

/** Emitted while the look-up is going on: a store that fails is passed over in silence. */
function noteFailure(outcome: { readonly error?: unknown } | undefined): void {
  const lookup = outcome?.error === undefined ? undefined : outerLookup();
  if (lookup !== undefined) lookup.failed = true;
}

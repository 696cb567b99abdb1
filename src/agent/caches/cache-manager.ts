import { cacheNameOf } from '../../core/names/cache-names.ts';
import type { Agent, Instrumentation } from '../instrumentation.ts';
import { onModuleLoad } from '../modules/hook.ts';
import { replaceMethod } from '../modules/replace-method.ts';
import { listening } from '../modules/undoable.ts';
import { asLookup, type Lookup, outerLookup, outsideLookup } from './lookup.ts';

const UNNAMED = 'cache-manager';
/** The export in a list of them, with the name it has inside where that is another. */
const EXPORTED = /\b(?:([\w$]+)\s+as\s+)?createCache\b/;
/** Where a rewritten module says which caches it makes. */
const CACHES = 'nervecenter.cache-manager.made';

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
  start(agent) {
    let observes = true;
    const made = (cache: unknown) => observeCache(cache as Cache, agent, () => observes);
    const undos = [
      listening(CACHES, made),
      onModuleLoad('cache-manager/dist/index.cjs', (exports) => {
        if (typeof (exports as Partial<Exports>).createCache !== 'function') return undefined;
        return replaceMethod(exports as Exports, 'createCache', (createCache) => (...args) => {
          const cache = createCache(...args);
          made(cache);
          return cache;
        });
      }),
      onModuleLoad('cache-manager/dist/index.mjs', () => undefined, announceCaches),
    ];
    return () => {
      observes = false;
      for (const undo of undos) undo();
    };
  },
};

/**
 * An ES module's exports cannot be replaced, and its caches are closures that share no prototype: so the function under
 * the exported name becomes one that also announces what it has made.
 */
export function announceCaches(source: string): string {
  const lists = (source.match(/\bexport\s*\{[^}]*\}/g) ?? []).filter((list) => EXPORTED.test(list));
  const [list] = lists;
  if (list === undefined || lists.length > 1) return source;
  const local = EXPORTED.exec(list)?.[1] ?? 'createCache';
  const announcing =
    `const nervecenterCreateCache = (...options) => { const cache = ${local}(...options); ` +
    `process.getBuiltinModule('node:diagnostics_channel').channel('${CACHES}').publish(cache); return cache; }; ` +
    list.replace(EXPORTED, 'nervecenterCreateCache as createCache');
  return source.replace(list, () => announcing);
}

/** Puts itself in front of the functions of a cache; never throws, its caller is the app. */
function observeCache(cache: Cache, agent: Agent, observes: () => boolean): void {
  if (![cache?.get, cache?.mget, cache?.ttl, cache?.wrap].every((ask) => typeof ask === 'function')) return;
  const caches = agent.settings.caches;
  const count = (key: unknown, hit: boolean, failed: boolean) => {
    if (observes() && (hit || !failed)) agent.cacheLookup(cacheNameOf(key, caches) ?? UNNAMED, hit);
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

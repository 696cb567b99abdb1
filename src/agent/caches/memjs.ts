import { cacheNameOf } from '../../core/names/cache-names.ts';
import { currentContext } from '../context/context.ts';
import type { Agent, Instrumentation } from '../instrumentation.ts';
import { onModuleLoad } from '../modules/hook.ts';
import { replaceMethod } from '../modules/replace-method.ts';
import { outerLookup } from './lookup.ts';

const UNNAMED = 'memjs';

type Answered = (this: unknown, error: unknown, value: unknown, ...rest: unknown[]) => unknown;

interface ClientPrototype {
  get(this: object, key: unknown, callback?: Answered): unknown;
}

/**
 * Look-ups in memcached through `memjs` 1. Keys without a configured prefix are counted as `memjs`; what the server or
 * the network refuses is no look-up.
 */
export const memjs: Instrumentation = {
  name: 'memjs',
  start: (agent) => onModuleLoad('memjs/lib/memjs/memjs.js', (exports) => observeClients(exports, agent)),
};

function observeClients(exports: unknown, agent: Agent): (() => void) | undefined {
  const { Client } = exports as { readonly Client?: { readonly prototype?: ClientPrototype } };
  const prototype = Client?.prototype;
  if (typeof prototype?.get !== 'function') return undefined;
  const caches = agent.settings.caches;
  return replaceMethod(prototype, 'get', (get) => {
    return function observedGet(key, callback) {
      // Without a callback it calls itself with one.
      if (typeof callback !== 'function' || outerLookup() !== undefined) return get.call(this, key, callback);
      const name = cacheNameOf(key, caches) ?? UNNAMED;
      const work = currentContext() ?? null;
      return get.call(this, key, function (this: unknown, error, value, ...rest) {
        if (!error) agent.cacheLookup(name, isValue(value), work);
        return Reflect.apply(callback, this, [error, value, ...rest]);
      });
    };
  });
}

function isValue(value: unknown): boolean {
  return value !== null && value !== undefined;
}

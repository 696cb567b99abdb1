import { cacheNameOf } from '../../core/names/cache-names.ts';
import type { Agent, Instrumentation } from '../instrumentation.ts';
import { onModuleLoad } from '../modules/hook.ts';
import { replaceMethod } from '../modules/replace-method.ts';
import { asLookup, outerLookup } from './lookup.ts';

const UNNAMED = 'keyv';
/** Of versions 6 and 5. */
const FILES = ['keyv/dist/index.mjs', 'keyv/dist/index.cjs', 'keyv/dist/index.js'];
/** The methods that read; version 5 has no raw ones. */
const READS = ['get', 'getMany', 'getRaw', 'getManyRaw'] as const;

interface KeyvLike {
  readonly namespace?: unknown;
}

type Read = (this: KeyvLike, ...args: unknown[]) => Promise<unknown>;

type KeyvPrototype = Partial<Record<(typeof READS)[number], Read>> & {
  emit?: (this: KeyvLike, ...args: unknown[]) => unknown;
};

/**
 * Look-ups of `keyv` 5 and 6 over any store, with the keys as the app writes them. Keys without a configured prefix are
 * counted under the cache's namespace, or as `keyv`. What its store asks in turn, Redis for example, is part of the same
 * look-up. A store that fails is neither hit nor miss where keyv says so: version 5 hides it unless it throws.
 */
export const keyv: Instrumentation = {
  name: 'keyv',
  start(agent) {
    const undos = FILES.map((file) => onModuleLoad(file, (exports) => observeKeyv(exports, agent)));
    return () => {
      for (const undo of undos) undo();
    };
  },
};

function observeKeyv(exports: unknown, agent: Agent): (() => void) | undefined {
  const { Keyv } = exports as { readonly Keyv?: { readonly prototype?: KeyvPrototype } };
  const prototype = Keyv?.prototype;
  if (typeof prototype?.get !== 'function' || typeof prototype.getMany !== 'function') return undefined;
  const undos = READS.flatMap((name) =>
    prototype[name] === undefined
      ? []
      : [replaceMethod(prototype as Required<KeyvPrototype>, name, (read) => observed(read, agent))],
  );
  if (typeof prototype.emit === 'function') undos.push(observeErrors(prototype as Required<KeyvPrototype>));
  return () => {
    for (const undo of undos) undo();
  };
}

function observed(read: Read, agent: Agent): Read {
  const caches = agent.settings.caches;
  return function observedRead(...args) {
    const outer = outerLookup();
    if (outer !== undefined) {
      const answer = Reflect.apply(read, this, args);
      // Its caller waits for the same promise and hears of a rejection there.
      answer?.then?.(
        (value) => {
          outer.found ||= value !== undefined && !Array.isArray(args[0]);
        },
        () => {},
      );
      return answer;
    }
    const [keys] = args;
    const nameOf = (key: unknown) => cacheNameOf(key, caches) ?? ownName(this);
    return asLookup(
      () => Reflect.apply(read, this, args),
      (value, { failed }) => {
        const told = (key: unknown, item: unknown) => {
          if (item !== undefined || !failed) agent.cacheLookup(nameOf(key), item !== undefined);
        };
        if (!Array.isArray(keys)) told(keys, value);
        else if (Array.isArray(value)) for (const [at, key] of keys.entries()) told(key, value[at]);
      },
    );
  };
}

/** A store's failure is emitted, and the read resolves with nothing. */
function observeErrors(prototype: Required<KeyvPrototype>): () => void {
  return replaceMethod(prototype, 'emit', (emit) => {
    return function observedEmit(...args) {
      const lookup = args[0] === 'error' ? outerLookup() : undefined;
      if (lookup !== undefined) lookup.failed = true;
      return Reflect.apply(emit, this, args);
    };
  });
}

function ownName({ namespace }: KeyvLike): string {
  return typeof namespace === 'string' && namespace !== '' ? namespace : UNNAMED;
}

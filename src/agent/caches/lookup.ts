import { AsyncLocalStorage } from 'node:async_hooks';

/**
 * A look-up being made by a cache that may ask other caches in turn: `cache-manager` over `keyv` over Redis is one look-up,
 * and its outcome is what the app was given.
 */
export class Lookup {
  /** Whether a cache further in had the value. */
  found = false;
  /** Whether a cache further in could not answer. */
  failed = false;
  /** Closed when it is answered: what was started meanwhile and goes on, such as a connection, is no part of it. */
  open = true;
}

const storage = new AsyncLocalStorage<Lookup | undefined>();

/** The look-up the calling code is part of; then it must not count one of its own. */
export function outerLookup(): Lookup | undefined {
  const lookup = storage.getStore();
  return lookup?.open === true ? lookup : undefined;
}

/**
 * Runs `ask` as one look-up and returns what it returns; `answered` is told what it resolves with. A rejection passes
 * through: a look-up that failed is neither hit nor miss.
 */
export function asLookup<T>(ask: () => Promise<T>, answered: (value: T, lookup: Lookup) => void): Promise<T> {
  const lookup = new Lookup();
  const answer = storage.run(lookup, ask);
  if (!(answer instanceof Promise)) {
    lookup.open = false;
    return answer;
  }
  return answer.then(
    (value) => {
      lookup.open = false;
      answered(value, lookup);
      return value;
    },
    (error: unknown) => {
      lookup.open = false;
      throw error;
    },
  );
}

/** Runs what the app does inside a look-up, such as loading a value that is missing: its look-ups are its own. */
export function outsideLookup<T>(fn: () => T): T {
  return storage.run(undefined, fn);
}

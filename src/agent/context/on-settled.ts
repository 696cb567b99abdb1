import { currentContext, runInContext } from './context.ts';

type Callback = (value: unknown) => unknown;
type Then = (this: unknown, onFulfilled?: unknown, onRejected?: unknown) => unknown;

/** Who hears, once, how a piece of work ended. */
interface Listener {
  done(): void;
  failed(error: unknown): void;
}

/**
 * Calls `fn` and one of the others when it is done, synchronously or not; what it returns or throws passes through. A
 * provider's own promise and a query builder are handed back as they are: they are done when the app has awaited them.
 */
export function onSettled<T>(fn: () => T, done: () => void, failed: (error: unknown) => void): T {
  let value: T;
  try {
    value = fn();
  } catch (error) {
    failed(error);
    throw error;
  }
  if (value instanceof Promise && value.constructor === Promise) return watched(value, done, failed) as T;
  if (!listen(value, once(done, failed))) done();
  return value;
}

/** In place of the app's promise, so that a rejection nobody handles stays one; `ended` gets `null` for a rejection. */
export function settled(answer: Promise<unknown>, ended: (result: unknown) => void): Promise<unknown> {
  return watched(answer, ended, () => ended(null));
}

function watched(
  promise: Promise<unknown>,
  done: (result: unknown) => void,
  failed: (error: unknown) => void,
): Promise<unknown> {
  return promise.then(
    (result) => {
      done(result);
      return result;
    },
    (error: unknown) => {
      failed(error);
      throw error;
    },
  );
}

function once(done: () => void, failed: (error: unknown) => void): Listener {
  let over = false;
  const first = (tell: () => void) => {
    if (over) return;
    over = true;
    tell();
  };
  return { done: () => first(done), failed: (error) => first(() => failed(error)) };
}

/**
 * Puts a `then` in front of the object's own. Calling it here instead would run a builder's query before the app has built
 * it, read a body the app wants to read itself, and handle a rejection that nobody handles. `false`: it cannot be done.
 */
function listen(value: unknown, listener: Listener): boolean {
  try {
    if (typeof value !== 'object' || value === null) return false;
    const { then } = value as { readonly then?: unknown };
    if (typeof then !== 'function') return false;
    const observed = inFront(then as Then, listener);
    if (!place(value, 'then', observed)) return false;
    if (value instanceof Promise) alsoBy(value, observed);
    return true;
  } catch {
    return false; // A proxy or getter of the app refuses to be looked at.
  }
}

/** What `then` starts belongs to the work that made the object, what the app does afterwards to where the app waits. */
function inFront(then: Then, listener: Listener): Then {
  const work = currentContext();
  return function observedThen(this: unknown, onFulfilled, onRejected) {
    const waiting = currentContext();
    const back = (callback: unknown) => (result: unknown) =>
      runInContext(waiting, () => (callback as Callback)(result));
    const fulfilled = (result: unknown) => {
      listener.done();
      return typeof onFulfilled === 'function' ? back(onFulfilled)(result) : result;
    };
    const rejected = (error: unknown) => {
      listener.failed(error);
      if (typeof onRejected === 'function') return back(onRejected)(error);
      throw error;
    };
    return runInContext(work, () => Reflect.apply(then, this, [fulfilled, rejected]));
  };
}

/** A promise's `catch` and `finally` may go past its `then`, as those of provider SDKs do. */
function alsoBy(promise: object, then: Then): void {
  place(promise, 'catch', (onRejected: unknown) => then.call(promise, undefined, onRejected));
  place(promise, 'finally', (onFinally: () => void) =>
    (then.call(promise) as Promise<unknown>).finally(onFinally),
  );
}

function place(object: object, key: string, value: unknown): boolean {
  const enumerable = Object.prototype.propertyIsEnumerable.call(object, key);
  return Reflect.defineProperty(object, key, { value, enumerable, configurable: true, writable: true });
}

/** Calls `fn` and one of the others when it is done, synchronously or not; what it returns or throws passes through. */
export function onSettled<T>(fn: () => T, done: () => void, failed: (error: unknown) => void): T {
  let value: T;
  try {
    value = fn();
  } catch (error) {
    failed(error);
    throw error;
  }
  if (value instanceof Promise && value.constructor !== Promise) {
    // A provider's own promise has methods of its own, so it is handed back as it is.
    value.then(done, failed);
    return value;
  }
  if (!isThenable(value)) {
    done();
    return value;
  }
  // A query builder runs each time `then` is called: it is called once, here, and the app awaits its promise.
  return Promise.resolve(value).then(
    (settled) => {
      done();
      return settled;
    },
    (error: unknown) => {
      failed(error);
      throw error;
    },
  ) as T;
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}

/**
 * The store contract of Svelte: `subscribe` calls back at once with the current value, then on every change, and returns
 * the function that ends the subscription. Any framework, or none, can use it.
 */
export interface Readable<Value> {
  subscribe(run: (value: Value) => void): () => void;
}

export interface Writable<Value> extends Readable<Value> {
  get(): Value;
  set(value: Value): void;
}

export function writable<Value>(initial: Value): Writable<Value> {
  let current = initial;
  const subscribers = new Set<{ run: (value: Value) => void }>();
  return {
    get: () => current,
    set(value) {
      current = value;
      for (const subscriber of [...subscribers]) subscriber.run(value);
    },
    subscribe(run) {
      // An object per subscription: the same function may subscribe twice and end each of them.
      const subscriber = { run };
      subscribers.add(subscriber);
      run(current);
      return () => {
        subscribers.delete(subscriber);
      };
    },
  };
}

/** A view of a store that calls back only when the selected value is another one. */
export function derived<Source, Value>(
  store: Readable<Source>,
  select: (value: Source) => Value,
): Readable<Value> {
  return {
    subscribe(run) {
      let last: { readonly value: Value } | null = null;
      return store.subscribe((source) => {
        const value = select(source);
        if (last !== null && Object.is(last.value, value)) return;
        last = { value };
        run(value);
      });
    },
  };
}

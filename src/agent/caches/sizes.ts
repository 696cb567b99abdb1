import type { Agent } from '../instrumentation.ts';

/** Sizes are asked of so many cache instances per library; look-ups of further ones are counted all the same. */
export const SIZED_INSTANCES_MAX = 100;

/** What one cache holds; `bytes` is `null` where it does not measure them. */
export interface MeasuredSize {
  readonly keys: number;
  readonly bytes: number | null;
}

export interface CacheSizesOptions<C extends object> {
  readonly agent: Agent;
  /** The library's name, for the warning at the bound. */
  readonly library: string;
  readonly intervalMs: number;
  readonly measure: (cache: C) => MeasuredSize;
}

/**
 * Reads the sizes of the caches that were looked up and reports their sum per name, on a timer, so that a look-up pays
 * nothing but one set membership. An instance counts for the name of the first key it was asked for.
 */
export class CacheSizes<C extends object> {
  readonly #options: CacheSizesOptions<C>;
  readonly #seen = new WeakSet<C>();
  #instances: { readonly name: string; readonly cache: WeakRef<C> }[] = [];
  #reported = new Set<string>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: CacheSizesOptions<C>) {
    this.#options = options;
  }

  saw(cache: C, name: string): void {
    if (this.#seen.has(cache)) return;
    this.#seen.add(cache);
    const { agent, library, intervalMs } = this.#options;
    if (this.#instances.length >= SIZED_INSTANCES_MAX) {
      const message = `more than ${SIZED_INSTANCES_MAX} ${library} instances; the sizes of further ones are not measured`;
      agent.warnOnce(`${library}.instances`, message);
      return;
    }
    this.#instances.push({ name, cache: new WeakRef(cache) });
    this.#timer ??= setInterval(() => this.#report(), intervalMs).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#instances = [];
  }

  #report(): void {
    const sums = new Map<string, { keys: number; bytes: number | null }>();
    // A name whose caches are all gone is reported once more, with nothing in it.
    for (const name of this.#reported) sums.set(name, { keys: 0, bytes: null });
    this.#instances = this.#instances.filter(({ name, cache }) => {
      const live = cache.deref();
      if (live === undefined) return false;
      const { keys, bytes } = this.#measured(live);
      const sum = sums.get(name) ?? { keys: 0, bytes: null };
      sum.keys += keys;
      if (bytes !== null) sum.bytes = (sum.bytes ?? 0) + bytes;
      sums.set(name, sum);
      return true;
    });
    for (const [name, { keys, bytes }] of sums) this.#options.agent.cacheSize(name, keys, bytes);
    this.#reported = new Set(this.#instances.map(({ name }) => name));
  }

  /** What runs on a timer of ours must not throw, whatever a cache of another version is. */
  #measured(cache: C): MeasuredSize {
    try {
      return this.#options.measure(cache);
    } catch {
      return { keys: 0, bytes: null };
    }
  }
}

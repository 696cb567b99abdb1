import type { Trace } from './trace.ts';

/** How full it is after the oldest were forgotten. */
const ROOM_AFTER = 0.95;

interface RememberedOptions {
  /** Of all traces together. */
  readonly spansMax: number;
  readonly forMs: number;
}

/**
 * Traces that were decided, for what comes of them late: a parent that turns out to be a roll-up of what was counted, or a
 * child of it. Of all that is past a bound the longest untouched is forgotten.
 */
export class Remembered {
  readonly #options: RememberedOptions;
  readonly #traces = new Map<string, { readonly trace: Trace; readonly sinceMs: number }>();
  #spans = 0;

  constructor(options: RememberedOptions) {
    this.#options = options;
  }

  get spans(): number {
    return this.#spans;
  }

  add(trace: Trace, nowMs: number): void {
    this.#traces.set(trace.id, { trace, sinceMs: nowMs });
    this.#spans += trace.nodes.size;
    if (this.#spans > this.#options.spansMax) this.#forgetOldest();
  }

  /** Some more than must be: to find the oldest of a map takes the longer the more were taken out of it before. */
  #forgetOldest(): void {
    for (const id of this.#traces.keys()) {
      if (this.#spans <= this.#options.spansMax * ROOM_AFTER) break;
      this.take(id);
    }
  }

  /** Gives it back, and knows it no longer. */
  take(id: string): Trace | undefined {
    const known = this.#traces.get(id);
    if (known === undefined) return undefined;
    this.#traces.delete(id);
    this.#spans -= known.trace.nodes.size;
    return known.trace;
  }

  /** Forgets what is too old. */
  forget(nowMs: number): void {
    for (const [id, { sinceMs }] of this.#traces) {
      if (sinceMs + this.#options.forMs > nowMs) break;
      this.take(id);
    }
  }
}

import type { Trace } from '../trace.ts';
import { Lexicon } from './lexicon.ts';
import { packTrace, unpackTrace } from './packed-trace.ts';
import { PackedTraces } from './packed-traces.ts';
import { Packer } from './packing.ts';

interface RememberedOptions {
  /** Of all traces together. */
  readonly spansMax: number;
  readonly forMs: number;
}

/** The share of the bound that traces have besides in which no call and no part of a query has come. */
const OTHERS_SHARE = 0.25;

/**
 * Traces that were decided, for what comes of them late: a parent that turns out to be a roll-up of what was counted, or a
 * child of it. Of all that is past a bound the longest untouched is forgotten. Most traces may be of nothing but requests; they
 * have a bound of their own.
 */
export class Remembered {
  readonly #withParts: Traces;
  readonly #others: Traces;

  constructor({ spansMax, forMs }: RememberedOptions) {
    this.#withParts = new Traces({ spansMax, forMs });
    this.#others = new Traces({ spansMax: spansMax * OTHERS_SHARE, forMs });
  }

  get spans(): number {
    return this.#withParts.spans + this.#others.spans;
  }

  add(trace: Trace, nowMs: number): void {
    (trace.hasParts ? this.#withParts : this.#others).add(trace, nowMs);
  }

  /** Gives it back, and knows it no longer. */
  take(id: string): Trace | undefined {
    return this.#withParts.take(id) ?? this.#others.take(id);
  }

  /** Forgets what is too old. */
  forget(nowMs: number): void {
    this.#withParts.forget(nowMs);
    this.#others.forget(nowMs);
  }
}

class Traces {
  readonly #options: RememberedOptions;
  readonly #traces = new PackedTraces();
  #lexicon = new Lexicon();
  readonly #packer = new Packer(this.#lexicon);

  constructor(options: RememberedOptions) {
    this.#options = options;
  }

  get spans(): number {
    return this.#traces.spans;
  }

  /** Hardly one in a hundred is looked at again. */
  add(trace: Trace, nowMs: number): void {
    if (this.#lexicon.isFull) this.#lexicon = new Lexicon();
    const lexicon = this.#lexicon;
    const bytes = packTrace(trace, this.#packer, lexicon);
    this.#traces.add(trace.id, { bytes, lexicon, spans: trace.nodes.size, sinceMs: nowMs });
    while (this.#traces.spans > this.#options.spansMax) this.#traces.forgetOldest();
  }

  take(id: string): Trace | undefined {
    const packed = this.#traces.take(id);
    return packed === null ? undefined : unpackTrace(id, packed);
  }

  forget(nowMs: number): void {
    for (let since = this.#traces.oldestSinceMs; since !== null; since = this.#traces.oldestSinceMs) {
      if (since + this.#options.forMs > nowMs) break;
      this.#traces.forgetOldest();
    }
  }
}

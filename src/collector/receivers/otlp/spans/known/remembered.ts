import type { Trace } from '../trace.ts';
import { Lexicon } from './lexicon.ts';
import { packTrace, unpackTrace } from './packed-trace.ts';
import { Packer, Unpacker } from './packing.ts';

/** How full it is after the oldest were forgotten. */
const ROOM_AFTER = 0.95;

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

/** A trace as it is remembered: hardly one in a hundred is looked at again. */
interface Packed {
  readonly packed: string;
  readonly lexicon: Lexicon;
  readonly spans: number;
  readonly sinceMs: number;
}

class Traces {
  readonly #options: RememberedOptions;
  readonly #traces = new Map<string, Packed>();
  #lexicon = new Lexicon();
  readonly #packer = new Packer(this.#lexicon);
  #spans = 0;

  constructor(options: RememberedOptions) {
    this.#options = options;
  }

  get spans(): number {
    return this.#spans;
  }

  add(trace: Trace, nowMs: number): void {
    if (this.#lexicon.isFull) this.#lexicon = new Lexicon();
    const lexicon = this.#lexicon;
    const packed = packTrace(trace, this.#packer, lexicon);
    const spans = trace.nodes.size;
    this.#traces.set(trace.id, { packed, lexicon, spans, sinceMs: nowMs });
    this.#spans += spans;
    if (this.#spans > this.#options.spansMax) this.#forgetOldest();
  }

  /** Some more than must be: to find the oldest of a map takes the longer the more were taken out of it before. */
  #forgetOldest(): void {
    for (const id of this.#traces.keys()) {
      if (this.#spans <= this.#options.spansMax * ROOM_AFTER) break;
      this.#drop(id);
    }
  }

  take(id: string): Trace | undefined {
    const known = this.#drop(id);
    return known && unpackTrace(id, new Unpacker(known.packed, known.lexicon));
  }

  #drop(id: string): Packed | undefined {
    const known = this.#traces.get(id);
    if (known === undefined) return undefined;
    this.#traces.delete(id);
    this.#spans -= known.spans;
    return known;
  }

  forget(nowMs: number): void {
    for (const [id, { sinceMs }] of this.#traces) {
      if (sinceMs + this.#options.forMs > nowMs) break;
      this.#drop(id);
    }
  }
}

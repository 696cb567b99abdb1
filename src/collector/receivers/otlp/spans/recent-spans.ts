/** So many are remembered at least, twice as many at most; 16 MiB, whatever comes. */
const SLOTS = 2 ** 20;
const USED_MAX = SLOTS / 2;

/**
 * Which spans have come of late, each as 53 bits of a hash of trace and span: what a sender sends again in other batches is
 * seen, and one new span in 10^10 is taken for an old one. Two generations; the older goes when the newer is full.
 */
export class RecentSpans {
  readonly #slots: number;
  #young: Float64Array;
  #old: Float64Array;
  #used = 0;

  constructor(slots: number = SLOTS) {
    this.#slots = slots;
    this.#young = new Float64Array(slots);
    this.#old = new Float64Array(slots);
  }

  /** Whether it is the first time, as far back as this remembers. */
  add(traceId: string, spanId: string): boolean {
    const key = keyOf(traceId, spanId);
    if (isIn(this.#old, key)) return false;
    const at = slotOf(this.#young, key);
    if (this.#young[at] === key) return false;
    this.#young[at] = key;
    if (++this.#used >= Math.min(USED_MAX, this.#slots / 2)) this.#age();
    return true;
  }

  #age(): void {
    [this.#young, this.#old] = [this.#old, this.#young];
    this.#young.fill(0);
    this.#used = 0;
  }
}

function isIn(slots: Float64Array, key: number): boolean {
  return slots[slotOf(slots, key)] === key;
}

/** Where it is, or would be: the next free slot from its own on. There always is one. */
function slotOf(slots: Float64Array, key: number): number {
  const mask = slots.length - 1;
  let at = key & mask;
  while (slots[at] !== 0 && slots[at] !== key) at = (at + 1) & mask;
  return at;
}

/** 53 bits, never 0: two rounds of FNV-1a over both ids, mixed, because not every sender's ids are random. */
function keyOf(traceId: string, spanId: string): number {
  let low = 0x811c9dc5;
  let high = 0x9747b28c;
  for (let i = 0; i < traceId.length; i++) {
    const code = traceId.charCodeAt(i);
    low = Math.imul(low ^ code, 0x01000193);
    high = Math.imul(high ^ code, 0x85ebca6b);
  }
  for (let i = 0; i < spanId.length; i++) {
    const code = spanId.charCodeAt(i);
    low = Math.imul(low ^ code, 0x01000193);
    high = Math.imul(high ^ code, 0x85ebca6b);
  }
  low = Math.imul(low ^ (low >>> 15), 0x2c1b3c6d) ^ (high >>> 13);
  high = Math.imul(high ^ (high >>> 16), 0x297a2d39) ^ (low >>> 14);
  return (high >>> 11) * 2 ** 32 + (low >>> 0) || 1;
}

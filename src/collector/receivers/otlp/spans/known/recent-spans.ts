/** Slots at the beginning, and at most: then 196,608 spans are remembered at least, in 4 MiB. */
const SLOTS_MIN = 2 ** 12;
const SLOTS_MAX = 2 ** 18;
/** Fuller, it would take more than ten looks until a free slot is found, most of them into the same line of the cache. */
const USED_SHARE = 3 / 4;

/**
 * Which spans have come of late, each as 53 bits of a hash of trace and span: what a sender sends again in other batches is
 * seen, and one new span in 10^10 is taken for an old one. Two generations; the older goes when the newer is full.
 */
export class RecentSpans {
  readonly #slotsMax: number;
  #young = new Float64Array(SLOTS_MIN);
  #old = new Float64Array(SLOTS_MIN);
  #used = 0;

  /** @param slotsMax a power of two; three quarters as many spans are remembered at least. */
  constructor(slotsMax: number = SLOTS_MAX) {
    this.#slotsMax = slotsMax;
  }

  /** Whether it is the first time, as far back as this remembers. */
  add(traceId: string, spanId: string): boolean {
    const key = keyOf(traceId, spanId);
    if (isIn(this.#old, key)) return false;
    const at = slotOf(this.#young, key);
    if (this.#young[at] === key) return false;
    this.#young[at] = key;
    if (++this.#used >= this.#young.length * USED_SHARE) this.#makeRoom();
    return true;
  }

  #makeRoom(): void {
    if (this.#young.length < this.#slotsMax) {
      this.#young = enlarged(this.#young);
      return;
    }
    const { length } = this.#young;
    const free = this.#old.length === length ? this.#old.fill(0) : new Float64Array(length);
    this.#old = this.#young;
    this.#young = free;
    this.#used = 0;
  }
}

function enlarged(slots: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(slots.length * 2);
  for (const key of slots) if (key !== 0) larger[slotOf(larger, key)] = key;
  return larger;
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

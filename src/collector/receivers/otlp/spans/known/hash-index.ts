const SLOTS_MIN = 2 ** 10;

/**
 * Numbers by hashes of 32 bits, in 16 bytes each at most and nothing that the garbage collector follows. Several numbers may
 * have one hash: whoever asks tells them apart.
 */
export class HashIndex {
  #hashes = new Uint32Array(SLOTS_MIN);
  /** One more than the number; 0: the slot is free. */
  #numbers = new Uint32Array(SLOTS_MIN);
  #used = 0;

  add(hash: number, number: number): void {
    if (this.#used >= this.#numbers.length / 2) this.#enlarge();
    this.#put(hash, number + 1);
    this.#used++;
  }

  /** The numbers of a hash. One of them may be removed after it was given, the others are not looked at then. */
  *of(hash: number): Generator<number> {
    const mask = this.#numbers.length - 1;
    for (let at = hash & mask; this.#numbers[at] !== 0; at = (at + 1) & mask) {
      if (this.#hashes[at] === hash) yield (this.#numbers[at] ?? 0) - 1;
    }
  }

  /** Whether there is a number of it. */
  has(hash: number): boolean {
    const mask = this.#numbers.length - 1;
    let at = hash & mask;
    while (this.#numbers[at] !== 0 && this.#hashes[at] !== hash) at = (at + 1) & mask;
    return this.#numbers[at] !== 0;
  }

  /** One that was added. */
  remove(hash: number, number: number): void {
    const mask = this.#numbers.length - 1;
    let at = hash & mask;
    while (this.#numbers[at] !== 0 && this.#numbers[at] !== number + 1) at = (at + 1) & mask;
    if (this.#numbers[at] === 0) return;
    this.#used--;
    this.#closeGap(at);
  }

  /** Moves back what stands behind a slot that is free now, and would not be found any more. */
  #closeGap(gap: number): void {
    const mask = this.#numbers.length - 1;
    let free = gap;
    for (let at = (free + 1) & mask; this.#numbers[at] !== 0; at = (at + 1) & mask) {
      const hash = this.#hashes[at] ?? 0;
      if (((at - hash) & mask) < ((at - free) & mask)) continue;
      this.#hashes[free] = hash;
      this.#numbers[free] = this.#numbers[at] ?? 0;
      free = at;
    }
    this.#numbers[free] = 0;
  }

  #put(hash: number, entry: number): void {
    const mask = this.#numbers.length - 1;
    let at = hash & mask;
    while (this.#numbers[at] !== 0) at = (at + 1) & mask;
    this.#hashes[at] = hash;
    this.#numbers[at] = entry;
  }

  #enlarge(): void {
    const [hashes, numbers] = [this.#hashes, this.#numbers];
    this.#hashes = new Uint32Array(2 * hashes.length);
    this.#numbers = new Uint32Array(2 * numbers.length);
    for (const [slot, entry] of numbers.entries()) if (entry !== 0) this.#put(hashes[slot] ?? 0, entry);
  }
}

/** Families of metrics of senders; beyond it those not heard of for longest are forgotten. */
const FAMILIES_MAX = 10_000;

interface Family {
  newest: number;
  /** Up to when an older name was counted, of the sender's clock. */
  olderUntilMs: number;
}

/**
 * Which of the names that say the same is counted: a sender in transition gives its figures by those of two conventions. The
 * later one takes over from the moment up to which the older one was counted.
 */
export class Generations {
  readonly #families = new Map<string, Family>();

  /**
   * Whether figures of a name count, gained between two times of the sender's clock.
   *
   * @param generation 0 for the older convention, 1 for the later one.
   */
  counts(key: string, generation: number, afterMs: number, untilMs: number): boolean {
    const family = this.#families.get(key) ?? { newest: generation, olderUntilMs: Number.NEGATIVE_INFINITY };
    this.#families.delete(key);
    this.#families.set(key, family);
    const [oldest] = this.#families.keys();
    if (this.#families.size > FAMILIES_MAX && oldest !== undefined) this.#families.delete(oldest);
    if (generation < family.newest) return false;
    family.newest = generation;
    if (generation > 0) return afterMs >= family.olderUntilMs;
    family.olderUntilMs = Math.max(family.olderUntilMs, untilMs);
    return true;
  }
}

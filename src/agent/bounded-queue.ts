/**
 * A first-in first-out queue that never holds more than `capacity` items: at the bound the oldest goes, because the newest
 * say most about now. The caller counts what `push` hands back.
 */
export class BoundedQueue<T> {
  readonly #capacity: number;
  #items: T[] = [];
  /** Items before this index are already taken; they are cut off in one go, so that taking is O(1) on average. */
  #head = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#items.length - this.#head;
  }

  /** Adds at the end. Returns the item that had to go for it, if one had to. */
  push(item: T): T | undefined {
    this.#items.push(item);
    if (this.size <= this.#capacity) return undefined;
    const oldest = this.#items[this.#head++];
    this.#compact();
    return oldest;
  }

  /** Takes up to `max` items from the front, oldest first. */
  take(max: number): T[] {
    const taken = this.#items.slice(this.#head, this.#head + max);
    this.#head += taken.length;
    this.#compact();
    return taken;
  }

  #compact(): void {
    if (this.#head * 2 < this.#items.length) return;
    this.#items = this.#items.slice(this.#head);
    this.#head = 0;
  }
}

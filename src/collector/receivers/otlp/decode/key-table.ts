import { hashOf, isSame, viewOf } from './byte-runs.ts';

/** Slots; well above the number of keys, so that most that are not wanted meet an empty one. */
const SLOTS = 8192;

interface Entry {
  readonly key: string;
  readonly view: DataView;
  /** Another one in the same slot. */
  readonly next?: Entry | undefined;
}

/**
 * The keys of attributes that are wanted, found by their bytes: those that are not wanted never become strings. An entry that
 * ends in `*` stands for every key that begins with what is before it.
 */
export class KeyTable {
  readonly #slots: (Entry | undefined)[] = new Array(SLOTS).fill(undefined);
  readonly #prefixes: readonly Entry[];
  /** By byte, whether a prefix begins with it: most keys are told apart by the first. */
  readonly #prefixStarts = new Uint8Array(256);
  readonly #names: ReadonlySet<string>;

  constructor(wanted: Iterable<string>) {
    const all = [...new Set(wanted)];
    this.#names = new Set(all.filter((key) => !key.endsWith('*')));
    this.#prefixes = all.filter((key) => key.endsWith('*')).map((key) => entry(key.slice(0, -1)));
    for (const { view } of this.#prefixes) {
      if (view.byteLength === 0) this.#prefixStarts.fill(1);
      else this.#prefixStarts[view.getUint8(0)] = 1;
    }
    for (const key of this.#names) {
      const one = entry(key);
      const slot = hashOf(one.view, 0, one.view.byteLength) & (SLOTS - 1);
      this.#slots[slot] = { ...one, next: this.#slots[slot] };
    }
  }

  has(key: string): boolean {
    return this.#names.has(key) || this.#prefixes.some((prefix) => key.startsWith(prefix.key));
  }

  /** The key at `bytes[start..end)`, `null` when it is not wanted. @param view of the same bytes. */
  find(bytes: Buffer, view: DataView, start: number, end: number): string | null {
    const length = end - start;
    let entry = this.#slots[hashOf(view, start, end) & (SLOTS - 1)];
    for (; entry !== undefined; entry = entry.next) {
      if (entry.view.byteLength === length && isSame(view, start, entry.view, length)) return entry.key;
    }
    return this.#prefixStarts[bytes[start] ?? 0] === 0 ? null : this.#prefixed(bytes, view, start, end);
  }

  #prefixed(bytes: Buffer, view: DataView, start: number, end: number): string | null {
    for (const { view: own } of this.#prefixes) {
      if (own.byteLength <= end - start && isSame(view, start, own, own.byteLength))
        return bytes.toString('utf8', start, end);
    }
    return null;
  }
}

function entry(key: string): Entry {
  return { key, view: viewOf(Buffer.from(key)) };
}

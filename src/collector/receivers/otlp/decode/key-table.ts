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

  /** The key at `start` to `end` of what is read, `null` when it is not wanted. */
  find(reader: KeyReader, start: number, end: number): string | null {
    const { view } = reader;
    const length = end - start;
    let entry = this.#slots[hashOf(view, start, end) & (SLOTS - 1)];
    for (; entry !== undefined; entry = entry.next) {
      if (entry.view.byteLength === length && isSame(view, start, entry.view, length)) return entry.key;
    }
    return this.#prefixStarts[reader.bytes[start] ?? 0] === 0 ? null : this.#prefixed(reader, start, end);
  }

  #prefixed(reader: KeyReader, start: number, end: number): string | null {
    for (const { view } of this.#prefixes) {
      const { byteLength } = view;
      if (byteLength <= end - start && isSame(reader.view, start, view, byteLength))
        return reader.textAt(start, end);
    }
    return null;
  }
}

/** Where keys are read from. */
interface KeyReader {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  textAt(start: number, end: number): string;
}

function entry(key: string): Entry {
  return { key, view: viewOf(Buffer.from(key)) };
}

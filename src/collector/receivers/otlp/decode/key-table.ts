import { hashOf } from './byte-runs.ts';

/** Slots; well above the number of keys, so that most that are not wanted meet an empty one. */
const SLOTS = 8192;

interface Entry {
  readonly key: string;
  readonly bytes: Uint8Array;
}

/**
 * The keys of attributes that are wanted, found by their bytes: those that are not wanted never become strings. An entry that
 * ends in `*` stands for every key that begins with what is before it.
 */
export class KeyTable {
  readonly #slots: (readonly Entry[] | undefined)[] = new Array(SLOTS).fill(undefined);
  readonly #prefixes: readonly Entry[];
  /** By byte, whether a prefix begins with it: most keys are told apart by the first. */
  readonly #prefixStarts = new Uint8Array(256);
  readonly #names: ReadonlySet<string>;

  constructor(wanted: Iterable<string>) {
    const all = [...new Set(wanted)];
    this.#names = new Set(all.filter((key) => !key.endsWith('*')));
    this.#prefixes = all.filter((key) => key.endsWith('*')).map((key) => entry(key.slice(0, -1)));
    for (const { bytes } of this.#prefixes) {
      if (bytes.length === 0) this.#prefixStarts.fill(1);
      else this.#prefixStarts[bytes[0] ?? 0] = 1;
    }
    for (const key of this.#names) {
      const one = entry(key);
      const slot = hashOf(one.bytes, 0, one.bytes.length) & (SLOTS - 1);
      this.#slots[slot] = [...(this.#slots[slot] ?? []), one];
    }
  }

  has(key: string): boolean {
    return this.#names.has(key) || this.#prefixes.some((prefix) => key.startsWith(prefix.key));
  }

  /** The key at `bytes[start..end)`, `null` when it is not wanted. */
  find(bytes: Buffer, start: number, end: number): string | null {
    const candidates = this.#slots[hashOf(bytes, start, end) & (SLOTS - 1)];
    if (candidates !== undefined) {
      for (const { key, bytes: own } of candidates) {
        if (own.length === end - start && startsWith(bytes, start, own)) return key;
      }
    }
    if (this.#prefixStarts[bytes[start] ?? 0] === 0) return null;
    for (const { bytes: own } of this.#prefixes) {
      if (own.length <= end - start && startsWith(bytes, start, own))
        return bytes.toString('utf8', start, end);
    }
    return null;
  }
}

function entry(key: string): Entry {
  return { key, bytes: Buffer.from(key) };
}

function startsWith(bytes: Uint8Array, start: number, prefix: Uint8Array): boolean {
  for (let index = prefix.length - 1; index >= 0; index--) {
    if (bytes[start + index] !== prefix[index]) return false;
  }
  return true;
}

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
  readonly #names: ReadonlySet<string>;

  constructor(wanted: Iterable<string>) {
    const all = [...new Set(wanted)];
    this.#names = new Set(all.filter((key) => !key.endsWith('*')));
    this.#prefixes = all.filter((key) => key.endsWith('*')).map((key) => entry(key.slice(0, -1)));
    for (const key of this.#names) {
      const one = entry(key);
      const slot = slotOf(one.bytes, 0, one.bytes.length);
      this.#slots[slot] = [...(this.#slots[slot] ?? []), one];
    }
  }

  has(key: string): boolean {
    return this.#names.has(key) || this.#prefixes.some((prefix) => key.startsWith(prefix.key));
  }

  /** The key at `bytes[start..end)`, `null` when it is not wanted. */
  find(bytes: Buffer, start: number, end: number): string | null {
    const candidates = this.#slots[slotOf(bytes, start, end)];
    if (candidates !== undefined) {
      for (const { key, bytes: own } of candidates) {
        if (own.length === end - start && startsWith(bytes, start, own)) return key;
      }
    }
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

/** Of the length and five of the bytes: what is found there is compared in full, and who sends cannot add to the table. */
function slotOf(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  if (length === 0) return 0;
  const byte = (at: number) => bytes[start + at] ?? 0;
  let hash = length;
  hash = Math.imul(hash, 31) + byte(length - 1);
  hash = Math.imul(hash, 31) + byte(length >> 1);
  hash = Math.imul(hash, 31) + byte((length * 3) >> 2);
  hash = Math.imul(hash, 31) + byte(length >> 2);
  hash = Math.imul(hash, 31) + byte(length > 3 ? length - 3 : 0);
  return (hash ^ (hash >>> 13)) & (SLOTS - 1);
}

function startsWith(bytes: Uint8Array, start: number, prefix: Uint8Array): boolean {
  for (let index = prefix.length - 1; index >= 0; index--) {
    if (bytes[start + index] !== prefix[index]) return false;
  }
  return true;
}

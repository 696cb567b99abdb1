/** Beyond that many of a kind what comes is written out. */
const ENTRIES_MAX = 4096;
/** Longer ones are seldom repeated. */
const TEXT_CHARS_MAX = 64;
/** Longer names of fields are nobody's. */
const KEY_CHARS_MAX = 256;
/** Of shapes and shared objects together, in characters and references. */
const SIZE_MAX = 4 * 1024 * 1024;
/** How deep in a shared object its texts are counted. */
const DEPTH_MAX = 4;

/** The names of an object's fields, in order. */
export interface Shape {
  readonly number: number;
  readonly keys: readonly string[];
}

/** A shape on the way: of the fields so far, and with which one more it becomes which. */
class Growing implements Shape {
  readonly number: number;
  readonly keys: readonly string[];
  readonly #next = new Map<string, Growing>();
  /** Objects of one kind have their fields in one order, so this is the next one mostly. */
  #lastKey = '';
  #last: Growing | null = null;

  constructor(number: number, keys: readonly string[]) {
    this.number = number;
    this.keys = keys;
  }

  with(key: string): Growing | undefined {
    if (this.#last !== null && key === this.#lastKey) return this.#last;
    const next = this.#next.get(key);
    if (next !== undefined) this.#remember(key, next);
    return next;
  }

  grow(key: string, number: number): Growing {
    const next = new Growing(number, [...this.keys, key]);
    this.#next.set(key, next);
    this.#remember(key, next);
    return next;
  }

  #remember(key: string, next: Growing): void {
    this.#lastKey = key;
    this.#last = next;
  }
}

/**
 * What comes again in one trace after the other, by number: short texts, the names of fields, and objects that all share. It
 * only grows, so whoever fills it begins another one when it is full; it lives as long as something is written by it.
 */
export class Lexicon {
  readonly #numbers = new Map<string, number>();
  readonly #texts: string[] = [];
  readonly #sharedNumbers = new Map<object, number>();
  readonly #shared: object[] = [];
  readonly #noFields = new Growing(0, []);
  readonly #shapes: Growing[] = [this.#noFields];
  #size = 0;

  /** Whether there is no room for more of some kind. */
  get isFull(): boolean {
    return (
      this.#size >= SIZE_MAX ||
      [this.#texts, this.#shared, this.#shapes].some(({ length }) => length >= ENTRIES_MAX)
    );
  }

  /** -1: it is to be written out. */
  numberOf(text: string): number {
    if (text.length > TEXT_CHARS_MAX) return -1;
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    if (this.#texts.length >= ENTRIES_MAX) return -1;
    this.#numbers.set(text, this.#texts.length);
    return this.#texts.push(text) - 1;
  }

  text(number: number): string {
    return this.#texts[number] ?? '';
  }

  /** Of an object that is the same for many, and that nobody changes. There are few of them in one trace: all have room. */
  numberOfShared(object: object): number {
    const known = this.#sharedNumbers.get(object);
    if (known !== undefined) return known;
    this.#sharedNumbers.set(object, this.#shared.length);
    this.#size += sizeOf(object);
    return this.#shared.push(object) - 1;
  }

  shared(number: number): object | null {
    return this.#shared[number] ?? null;
  }

  /** `null`: there are too many already. */
  shapeOf(object: object): Shape | null {
    let shape = this.#noFields;
    for (const key in object) {
      const next = shape.with(key) ?? this.#newShape(shape, key);
      if (next === null) return null;
      shape = next;
    }
    return shape;
  }

  shape(number: number): Shape {
    return this.#shapes[number] ?? this.#noFields;
  }

  #newShape(of: Growing, key: string): Growing | null {
    if (this.#shapes.length >= ENTRIES_MAX || this.#size >= SIZE_MAX || key.length > KEY_CHARS_MAX)
      return null;
    this.#size += key.length + of.keys.length;
    const shape = of.grow(key, this.#shapes.length);
    this.#shapes.push(shape);
    return shape;
  }
}

/** About: its texts, and a few for everything else. */
function sizeOf(value: unknown, depth = 0): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null || depth === DEPTH_MAX) return 1;
  let size = 1;
  for (const [key, one] of Object.entries(value)) size += key.length + sizeOf(one, depth + 1);
  return size;
}

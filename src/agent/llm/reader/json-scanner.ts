/**
 * What is wanted of one value: `value` keeps it, `presence` only notes that it is there and not null. Where an array repeats
 * the path `sum` adds up numbers, `tally` keeps a `Tally` of them, `count` counts values of any kind, and `words` counts each
 * of a few short texts. A tree is followed.
 */
export type Target = Wanted | 'value' | 'presence' | 'sum' | 'tally' | 'count' | 'words';

/** How often each text of one path was found: the first 32 different ones of at most 64 characters. */
export type Words = ReadonlyMap<string, number>;

/** What is kept of the numbers of one path. */
export interface Tally {
  readonly count: number;
  readonly sum: number;
  readonly first: number;
}

/**
 * Which parts of a JSON document are wanted, by key from the root on; the key `[]` stands for every element of an array, of
 * whose values the last found is kept, and `*` for every key that is not named. Everything else is passed over unread.
 */
export interface Wanted {
  readonly [key: string]: Target;
}

/**
 * What was found, by dotted path (`choices.[].finish_reason`). A key that is followed or only noted holds `true`; where a
 * tree is wanted `null`, `false` and `""` stand for nothing.
 */
export type Found = ReadonlyMap<string, unknown>;

/** Longest text of one kept value; a usage object with all details is under 1 KiB. */
const VALUE_CHARS_MAX = 4096;
/** Longer keys are nobody's we want. */
const KEY_CHARS_MAX = 64;

/** Bounds of `Words`. */
const WORDS_MAX = 32;
const WORD_CHARS_MAX = 64;
/** What adds up over an array, whose values are kept one at a time. */
const ADDING: ReadonlySet<Target | undefined> = new Set(['sum', 'tally', 'words']);

/** What is looked at rather than passed over costs as much as so many texts that are. */
const HANDLING_STEPS = 4;
/** After so many characters of plain values a pattern is faster than looking at each: vectors are long runs of digits. */
const PLAIN_RUN = 16;
/** Key of a `Wanted` that stands for the elements of an array. */
export const ELEMENTS = '[]';
/** Key of a `Wanted` that stands for all keys it does not name; also what a found path has in their place. */
export const ANY_KEY = '*';
const STRUCTURE = /["[\]{}]/g;

const QUOTE = 34;
const COMMA = 44;
const COLON = 58;
const OPEN_BRACKET = 91;
const BACKSLASH = 92;
const CLOSE_BRACKET = 93;
const LOWER_F = 102;
const LOWER_N = 110;
const OPEN_BRACE = 123;
const CLOSE_BRACE = 125;
const SPACE = 32;

type State =
  | 'before-key'
  | 'before-element'
  | 'key'
  | 'before-value'
  | 'string'
  | 'scalar'
  | 'container'
  | 'container-string'
  | 'end';

/** An object or array that is followed. */
interface Followed {
  readonly wanted: Wanted;
  readonly prefix: string;
  readonly isArray: boolean;
}

/**
 * Finds a few small values in a JSON document of any size that arrives in pieces, without holding the document: memory is
 * bounded by `VALUE_CHARS_MAX` per wanted value, long strings are skipped at the speed of `indexOf`. It does not validate:
 * of a broken document it finds what it can and never throws.
 *
 * The text is the document's bytes, one character each (latin1). JSON's structure is ASCII, so pieces may end anywhere,
 * inside a multi-byte character too. Values outside ASCII come back as their bytes.
 */
export class JsonScanner {
  readonly #found = new Map<string, unknown>();
  readonly #open: Followed[] = [];
  #state: State = 'before-value';
  #target: Target | undefined;
  #path = '';
  #key = '';
  /** Text of the value being kept; `null` when the current value is not kept. */
  #kept: string | null = null;
  #depth = 0;
  /** The string that begins is noted unless it turns out to be empty. */
  #notesText = false;
  /** The last character of the previous piece was a backslash that escapes the next one. */
  #escaped = false;
  /** What reading costs, whatever the bytes are: passing over a text is one step, handling a key or value several. */
  steps = 0;

  constructor(wanted: Wanted) {
    this.#target = wanted;
  }

  get found(): Found {
    return this.#found;
  }

  /** The root value has ended. */
  get complete(): boolean {
    return this.#state === 'end';
  }

  write(text: string): void {
    let at = 0;
    while (at < text.length && this.#state !== 'end') {
      this.steps += this.#state === 'container' || this.#state === 'container-string' ? 1 : HANDLING_STEPS;
      at = this.#step(text, at);
    }
  }

  /** Handles what starts at `at`; returns where to go on. */
  #step(text: string, at: number): number {
    switch (this.#state) {
      case 'before-key':
        return this.#beforeKey(text, at);
      case 'before-element':
        return this.#beforeElement(text, at);
      case 'key':
        return this.#readKey(text, at);
      case 'before-value':
        return this.#beforeValue(text, at);
      case 'string':
        return this.#readString(text, at);
      case 'scalar':
        return this.#readScalar(text, at);
      case 'container':
        return this.#readContainer(text, at);
      default:
        return this.#readContainerString(text, at);
    }
  }

  #beforeKey(text: string, at: number): number {
    const char = text.charCodeAt(at);
    if (char === QUOTE) {
      this.#key = '';
      this.#state = 'key';
    } else if (char === CLOSE_BRACE) {
      this.#close();
    }
    return at + 1;
  }

  #beforeElement(text: string, at: number): number {
    const char = text.charCodeAt(at);
    const parent = this.#open.at(-1);
    if (char === CLOSE_BRACKET || parent === undefined) {
      this.#close();
      return at + 1;
    }
    if (char <= SPACE || char === COMMA || char === CLOSE_BRACE) return at + 1; // A brace here is a broken document's.
    this.#target = parent.wanted[ELEMENTS];
    this.#path = `${parent.prefix}${ELEMENTS}`;
    this.#state = 'before-value';
    return at;
  }

  /** The followed object or array has ended. */
  #close(): void {
    this.#open.pop();
    this.#goOn();
  }

  #goOn(): void {
    const parent = this.#open.at(-1);
    this.#state = parent === undefined ? 'end' : parent.isArray ? 'before-element' : 'before-key';
  }

  #readKey(text: string, at: number): number {
    const end = this.#stringEnd(text, at);
    if (this.#key.length <= KEY_CHARS_MAX) {
      this.#key += text.slice(at, Math.min(end === -1 ? text.length : end - 1, at + KEY_CHARS_MAX + 1));
    }
    if (end === -1) return text.length;
    const parent = this.#open.at(-1);
    const named = plainKey(this.#key);
    const key = parent !== undefined && Object.hasOwn(parent.wanted, named) ? named : ANY_KEY;
    this.#target = parent !== undefined && Object.hasOwn(parent.wanted, key) ? parent.wanted[key] : undefined;
    this.#path = this.#target === undefined ? '' : `${parent?.prefix ?? ''}${key}`;
    this.#state = 'before-value';
    return end;
  }

  #beforeValue(text: string, at: number): number {
    const char = text.charCodeAt(at);
    if (char <= SPACE || char === COLON) return at + 1;
    if (char === COMMA || char === CLOSE_BRACE || char === CLOSE_BRACKET) return this.#valueMissing(at);
    this.#kept = this.#target === 'value' || ADDING.has(this.#target) ? '' : null;
    this.#note(char);
    if (char === QUOTE) {
      this.#state = 'string';
      this.#keep(text, at, at + 1);
      return at + 1;
    }
    if ((char === OPEN_BRACE || char === OPEN_BRACKET) && this.#follow(char === OPEN_BRACKET)) return at + 1;
    if (char === OPEN_BRACE || char === OPEN_BRACKET) {
      this.#depth = 0;
      this.#state = 'container';
      return at;
    }
    this.#state = 'scalar';
    return at;
  }

  /** Goes into an object or array, when something is wanted of it. */
  #follow(isArray: boolean): boolean {
    const wanted = this.#target;
    if (typeof wanted !== 'object' || (isArray && !Object.hasOwn(wanted, ELEMENTS))) return false;
    this.#open.push({ wanted, prefix: this.#path === '' ? '' : `${this.#path}.`, isArray });
    this.#goOn();
    return true;
  }

  /** A broken document. The walk goes on with the next key. */
  #valueMissing(at: number): number {
    if (this.#open.length === 0) return at + 1;
    this.#goOn();
    return at;
  }

  /**
   * A key came again: as with `JSON.parse` the last one counts. Elements of an array are told apart by nothing, nor are
   * keys nobody named.
   */
  #note(char: number): void {
    if (this.#path === '' || ADDING.has(this.#target)) return;
    if (this.#target === 'count') {
      this.#found.set(this.#path, Number(this.#found.get(this.#path) ?? 0) + 1);
      return;
    }
    if (this.#open.some(({ isArray }) => isArray)) return;
    if (this.#path.endsWith(ANY_KEY)) {
      this.#found.set(this.#path, true);
      return;
    }
    if (this.#found.delete(this.#path) && typeof this.#target === 'object') {
      for (const path of this.#found.keys()) if (path.startsWith(`${this.#path}.`)) this.#found.delete(path);
    }
    if (this.#target === 'value' || char === LOWER_N) return;
    const isTree = typeof this.#target === 'object';
    if (isTree && char === LOWER_F) return;
    if (isTree && char === QUOTE) this.#notesText = true;
    else this.#found.set(this.#path, true);
  }

  #readString(text: string, at: number): number {
    const end = this.#stringEnd(text, at);
    if (this.#notesText && end !== at + 1) this.#found.set(this.#path, true);
    this.#notesText = false;
    this.#keep(text, at, end === -1 ? text.length : end);
    if (end === -1) return text.length;
    this.#endValue();
    return end;
  }

  #readScalar(text: string, at: number): number {
    let end = at;
    for (; end < text.length; end++) {
      const char = text.charCodeAt(end);
      if (char <= SPACE || char === COMMA || char === CLOSE_BRACE || char === CLOSE_BRACKET) break;
    }
    this.#keep(text, at, end);
    if (end === text.length) return end;
    this.#endValue();
    return end;
  }

  #readContainer(text: string, at: number): number {
    for (let i = at, plain = 0; i < text.length; i++) {
      const char = text.charCodeAt(i);
      if (char < QUOTE || (char > QUOTE && char < OPEN_BRACKET)) {
        if (++plain < PLAIN_RUN) continue;
        plain = 0;
        i = nextStructure(text, i) - 1;
        continue;
      }
      if (char === QUOTE) {
        this.#keep(text, at, i + 1);
        this.#state = 'container-string';
        return i + 1;
      }
      if (char === OPEN_BRACE || char === OPEN_BRACKET) this.#depth++;
      else if ((char === CLOSE_BRACE || char === CLOSE_BRACKET) && --this.#depth === 0) {
        this.#keep(text, at, i + 1);
        this.#endValue();
        return i + 1;
      }
    }
    this.#keep(text, at, text.length);
    return text.length;
  }

  #readContainerString(text: string, at: number): number {
    const end = this.#stringEnd(text, at);
    this.#keep(text, at, end === -1 ? text.length : end);
    if (end === -1) return text.length;
    this.#state = 'container';
    return end;
  }

  /** Where the string that `at` lies in ends (behind its quote), or -1 when not in this piece. */
  #stringEnd(text: string, at: number): number {
    let from = this.#escaped ? at + 1 : at;
    this.#escaped = false;
    for (;;) {
      const quote = text.indexOf('"', from);
      const end = quote === -1 ? text.length : quote;
      let backslashes = 0;
      while (end - backslashes > from && text.charCodeAt(end - backslashes - 1) === BACKSLASH) backslashes++;
      const escapes = backslashes % 2 === 1;
      if (quote === -1) {
        this.#escaped = escapes;
        return -1;
      }
      if (!escapes) return quote + 1;
      from = quote + 1;
    }
  }

  #keep(text: string, from: number, to: number): void {
    if (this.#kept === null) return;
    this.#kept = this.#kept.length + to - from > VALUE_CHARS_MAX ? null : this.#kept + text.slice(from, to);
  }

  #endValue(): void {
    if (this.#kept !== null) {
      const value = parsed(this.#kept);
      if (this.#target === 'sum') this.#add(value);
      else if (this.#target === 'tally') this.#tally(value);
      else if (this.#target === 'words') countWord(this.#found, this.#path, value);
      else if (value !== undefined) this.#found.set(this.#path, value);
      this.#kept = null;
    }
    this.#goOn();
  }

  #add(value: unknown): void {
    if (typeof value !== 'number') return;
    this.#found.set(this.#path, Number(this.#found.get(this.#path) ?? 0) + value);
  }

  #tally(value: unknown): void {
    if (typeof value !== 'number') return;
    const before = this.#found.get(this.#path) as Tally | undefined;
    const { count, sum, first } = before ?? { count: 0, sum: 0, first: value };
    this.#found.set(this.#path, { count: count + 1, sum: sum + value, first } satisfies Tally);
  }
}

/** Where the next string or bracket starts, at or behind `at`; the text's length when there is none. */
function nextStructure(text: string, at: number): number {
  STRUCTURE.lastIndex = at;
  return STRUCTURE.test(text) ? STRUCTURE.lastIndex - 1 : text.length;
}

function plainKey(raw: string): string {
  if (!raw.includes('\\')) return raw;
  const key = parsed(`"${raw}"`);
  return typeof key === 'string' ? key : raw;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // Not JSON: the value counts as absent.
  }
}

/** Counts one text of a path that wants `words`. */
export function countWord(found: Map<string, unknown>, path: string, value: unknown): void {
  if (typeof value !== 'string' || value.length > WORD_CHARS_MAX) return;
  const words = (found.get(path) ?? new Map<string, number>()) as Map<string, number>;
  if (!words.has(value) && words.size >= WORDS_MAX) return;
  words.set(value, (words.get(value) ?? 0) + 1);
  found.set(path, words);
}

import {
  ANY_KEY,
  countWord,
  ELEMENTS,
  type Found,
  JsonScanner,
  type Tally,
  type Target,
  type Wanted,
} from './json-scanner.ts';

/** Documents up to this length that come in one piece are parsed as a whole; no value in them is too long to be kept. */
const WHOLE_CHARS_MAX = 4096;

const OPEN_BRACE = 123;
const CLOSE_BRACE = 125;
const LINE_FEED = 10;

/**
 * Finds in one JSON document what `JsonScanner` finds in it. A short object that comes in one piece goes through the
 * engine's own parser, which is fast from the first call on, where code of ours is slow until it was compiled. Where a key
 * is repeated inside an array the last one counts for all.
 */
export class JsonReader {
  readonly #wanted: Wanted;
  #found: Found | null = null;
  #scanner: JsonScanner | null = null;
  #isComplete = true;

  constructor(wanted: Wanted) {
    this.#wanted = wanted;
  }

  /** What was found so far. */
  get found(): Found {
    return this.#found ?? this.#scanner?.found ?? NOTHING;
  }

  /** The root value has ended. */
  get complete(): boolean {
    return this.#found !== null ? this.#isComplete : this.#scanner?.complete === true;
  }

  /** Steps that reading took so far, where it was not parsed as a whole. */
  get steps(): number {
    return this.#scanner?.steps ?? 0;
  }

  /** A piece of the document, its bytes as characters (latin1). What follows the document is passed over. */
  write(text: string): void {
    if (this.#found !== null) return;
    if (this.#scanner === null) {
      this.#found = foundInWhole(text, this.#wanted);
      if (this.#found !== null) return;
      this.#scanner = new JsonScanner(this.#wanted);
    }
    this.#scanner.write(text);
  }

  /** No more comes: what was found stays, and nothing of the text. */
  close(): void {
    if (this.#scanner === null) return;
    this.#isComplete = this.#scanner.complete;
    this.#found = this.#scanner.found;
    this.#scanner = null;
  }
}

const NOTHING: Found = new Map();

/** `null` when the text is not one short object. */
function foundInWhole(text: string, wanted: Wanted): Found | null {
  if (text.length > WHOLE_CHARS_MAX || text.charCodeAt(0) !== OPEN_BRACE || !endsInBrace(text)) return null;
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return null; // A beginning, or broken: the scanner makes of it what it can.
  }
  const found = new Map<string, unknown>();
  lookInside(document, { wanted, prefix: '', inArray: false }, found);
  return found;
}

function endsInBrace(text: string): boolean {
  const last = text.length - 1;
  return text.charCodeAt(text.charCodeAt(last) === LINE_FEED ? last - 1 : last) === CLOSE_BRACE;
}

/** What is looked for at one place of the document. */
interface Place {
  readonly wanted: Wanted;
  /** Of the paths here: empty, or ends in a dot. */
  readonly prefix: string;
  /** Elements of an array are told apart by nothing: what is inside one is not noted. */
  readonly inArray: boolean;
}

function lookInside(value: unknown, place: Place, found: Map<string, unknown>): void {
  if (typeof value !== 'object' || value === null) return;
  if (Array.isArray(value)) {
    if (!Object.hasOwn(place.wanted, ELEMENTS)) return;
    const inside = { wanted: place.wanted, prefix: place.prefix, inArray: true };
    for (const element of value) lookAt(ELEMENTS, element, inside, found);
    return;
  }
  const wantsAny = Object.hasOwn(place.wanted, ANY_KEY);
  for (const name of Object.keys(value)) {
    if (Object.hasOwn(place.wanted, name)) lookAt(name, Reflect.get(value, name), place, found);
    else if (wantsAny) lookAt(ANY_KEY, Reflect.get(value, name), place, found);
  }
}

function lookAt(key: string, value: unknown, place: Place, found: Map<string, unknown>): void {
  const target = place.wanted[key];
  const path = place.prefix + key;
  if (target === 'value') found.set(path, value);
  else if (target === 'words') countWord(found, path, value);
  else if (target === 'count') found.set(path, Number(found.get(path) ?? 0) + 1);
  else if (target === 'sum' || target === 'tally') addUp(target, path, value, found);
  else if (target !== undefined) {
    if (!place.inArray && (key === ANY_KEY || isThere(target, value))) found.set(path, true);
    if (target === 'presence') return;
    lookInside(value, { wanted: target, prefix: `${path}.`, inArray: place.inArray }, found);
  }
}

function isThere(target: Target, value: unknown): boolean {
  return value !== null && (target === 'presence' || (value !== false && value !== ''));
}

function addUp(target: 'sum' | 'tally', path: string, value: unknown, found: Map<string, unknown>): void {
  if (typeof value !== 'number') return;
  if (target === 'sum') {
    found.set(path, Number(found.get(path) ?? 0) + value);
    return;
  }
  const { count, sum, first } = (found.get(path) as Tally | undefined) ?? { count: 0, sum: 0, first: value };
  found.set(path, { count: count + 1, sum: sum + value, first } satisfies Tally);
}

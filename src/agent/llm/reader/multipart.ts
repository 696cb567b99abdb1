/** A field's value that is longer is none we want. */
const VALUE_CHARS_MAX = 200;
/** Enough of a body to find a field that the network cut: its headers and its value. */
const TAIL_CHARS_MAX = 1024;

const NAME = 'name="';
/** A field's headers up to the empty line, and its value up to the end of the line. */
const FIELD =
  /name="([\w[\]-]{1,64})"([^\r\n]*)(?:\r\n[^\r\n]{1,200}){0,4}\r\n\r\n(?:([^\r\n]{0,200})\r\n)?/g;

/**
 * Finds short text fields in a `multipart/form-data` body of any size that arrives in pieces, and notes which others are
 * there; files are passed over at the speed of `indexOf`. Held: the last 1 KiB and the fields wanted.
 */
export class MultipartFields {
  readonly #names: ReadonlySet<string>;
  readonly #noted: ReadonlySet<string>;
  readonly #found = new Map<string, unknown>();
  #tail = '';

  /**
   * @param names the fields whose texts are wanted.
   * @param noted fields that need only be there. @default none
   */
  constructor(names: readonly string[], noted: readonly string[] = []) {
    this.#names = new Set(names);
    this.#noted = new Set(noted);
  }

  /** The fields' texts so far, `true` for one that is only noted, a file, or a text that is no single short line. */
  get found(): ReadonlyMap<string, unknown> {
    return this.#found;
  }

  write(text: string): void {
    const joined = this.#tail + text;
    this.#tail = joined.slice(-TAIL_CHARS_MAX);
    if (!joined.includes(NAME)) return;
    for (const [, name = '', isFile = '', value] of joined.matchAll(FIELD)) {
      if (this.#noted.has(name)) this.#found.set(name, true);
      if (!this.#names.has(name)) continue;
      const short = !isFile.includes('filename') && value !== undefined && value.length <= VALUE_CHARS_MAX;
      // A value that the network cut is seen again with the next piece.
      if (short) this.#found.set(name, copied(value));
      else if (!this.#found.has(name)) this.#found.set(name, true);
    }
  }

  /** No more comes: what was found stays, and nothing of the text. */
  close(): void {
    this.#tail = '';
  }
}

/** A slice would keep all it is cut from, a prompt maybe, for as long as a model's name is kept. */
function copied(slice: string): string {
  return [...slice].join('');
}

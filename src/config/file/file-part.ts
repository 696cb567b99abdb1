import { printable } from '../setting-reader.ts';

type Fields = Readonly<Record<string, unknown>>;

/** A part with its name, of several that could stand in its place. */
interface NamedPart<Name extends string> {
  readonly name: Name;
  readonly part: FilePart;
}

/**
 * A part of a configuration file that keeps account of what is read of it: what nobody asks for is not in effect. The file
 * was judged by its schema, so what is of a wrong type cannot come here.
 */
export class FilePart {
  readonly #path: string;
  readonly #fields: Fields;
  readonly #unread: Set<string>;
  readonly #children = new Map<string, FilePart>();
  /** Of the whole file: every part that was looked into, and what is not in effect though it was. */
  readonly #all: { readonly parts: FilePart[]; readonly left: string[] };

  private constructor(path: string, fields: Fields, all: { parts: FilePart[]; left: string[] }) {
    this.#path = path;
    this.#fields = fields;
    this.#unread = new Set(Object.keys(fields));
    this.#all = all;
    all.parts.push(this);
  }

  static root(fields: Fields): FilePart {
    return new FilePart('', fields, { parts: [], left: [] });
  }

  /** The paths of all that is in the file and not in effect. */
  notInEffect(): string[] {
    const unread = this.#all.parts.flatMap((part) =>
      [...part.#unread].filter((name) => part.#fields[name] !== null).map((name) => part.#pathOf(name)),
    );
    return [...this.#all.left, ...unread];
  }

  text(name: string): string | null {
    const value = this.#read(name);
    return typeof value === 'string' && value !== '' ? value : null;
  }

  number(name: string): number | null {
    const value = this.#read(name);
    return typeof value === 'number' ? value : null;
  }

  flag(name: string): boolean {
    return this.#read(name) === true;
  }

  value(name: string): unknown {
    return this.#read(name);
  }

  /** What stands there, if anything does. */
  part(name: string): FilePart | null {
    const value = this.#read(name);
    return isFields(value) ? this.#child(name, value) : null;
  }

  /** A list of parts, empty where there is none. */
  parts(name: string): FilePart[] {
    const value = this.#read(name);
    if (!Array.isArray(value)) return [];
    return value.map((item, at) => this.#child(`${name}[${at}]`, isFields(item) ? item : {}));
  }

  /** Which of several things this is; `null` for none of those, which is then not in effect. */
  oneOf<Name extends string>(names: readonly Name[]): NamedPart<Name> | null {
    const [given, ...more] = Object.keys(this.#fields);
    const name = names.find((one) => one === given);
    if (name !== undefined && more.length === 0) {
      const value = this.#read(name);
      return { name, part: this.#child(name, isFields(value) ? value : {}) };
    }
    for (const other of Object.keys(this.#fields)) this.leave(other);
    return null;
  }

  /** What is not in effect, though it was read. */
  leave(name: string): void {
    this.#unread.delete(name);
    this.#all.left.push(this.#pathOf(name));
  }

  /** What says only what holds anyway. */
  passOver(holds: Readonly<Record<string, unknown>>): void {
    for (const [name, value] of Object.entries(holds))
      if (this.#fields[name] === value) this.#unread.delete(name);
  }

  /** What is wrong with a value, for whoever refuses the file. */
  refused(name: string, expected: string, shown = this.#fields[name]): Error {
    return new Error(`${this.#pathOf(name)}: expected ${expected}, got "${printable(String(shown))}"`);
  }

  #read(name: string): unknown {
    this.#unread.delete(name);
    return this.#fields[name];
  }

  /** The same one whoever asks, so that each reads what is theirs. */
  #child(name: string, fields: Fields): FilePart {
    const known = this.#children.get(name);
    if (known !== undefined) return known;
    const child = new FilePart(this.#pathOf(name), fields, this.#all);
    this.#children.set(name, child);
    return child;
  }

  #pathOf(name: string): string {
    return this.#path === '' ? name : `${this.#path}.${name}`;
  }
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

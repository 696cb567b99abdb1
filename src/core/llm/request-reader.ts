import type { Dialect } from './dialect.ts';
import { type Found, JsonScanner, type Wanted } from './json-scanner.ts';

/** Finds in a request's JSON body which model is asked and whether the answer is to be streamed. */
export class RequestReader {
  readonly #dialect: Dialect;
  readonly #scanner: JsonScanner;
  #done = false;

  constructor(dialect: Dialect) {
    this.#dialect = dialect;
    const keys = dialect.requestKeys.map((key): [string, Wanted[string]] => [key, 'presence']);
    this.#scanner = new JsonScanner({ model: 'value', stream: 'value', ...Object.fromEntries(keys) });
  }

  /** Everything there is to know is known; the rest of the body need not be given. */
  get done(): boolean {
    return this.#done;
  }

  /** A piece of the body, its bytes as characters (latin1). */
  write(text: string): void {
    if (this.#done) return;
    this.#scanner.write(text);
    this.#done = this.#scanner.complete || (this.#found.has('stream') && this.hasDialectKeys);
  }

  get #found(): Found {
    return this.#scanner.found;
  }

  get model(): unknown {
    return this.#found.get('model');
  }

  get streaming(): boolean {
    return this.#found.get('stream') === true;
  }

  /** The body has the keys that make it a request of this dialect. */
  get hasDialectKeys(): boolean {
    return typeof this.model === 'string' && this.#dialect.requestKeys.every((key) => this.#found.has(key));
  }
}

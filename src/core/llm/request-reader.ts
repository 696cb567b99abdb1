import type { Dialect } from './dialect.ts';
import { type Found, JsonScanner, type Wanted } from './json-scanner.ts';

/** Finds in a request's JSON body which model is asked and whether the answer is to be streamed. */
export class RequestReader {
  readonly #dialect: Dialect;
  readonly #pathModel: string | null;
  readonly #scanner: JsonScanner;
  #done = false;

  /** @param pathModel the model that the path names, which counts when the body names none. */
  constructor(dialect: Dialect, pathModel: string | null = null) {
    this.#dialect = dialect;
    this.#pathModel = pathModel;
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
    const named = this.#found.get('model');
    return typeof named === 'string' ? named : this.#pathModel;
  }

  /** What the body asks for; the path may say otherwise (`Recognised.pathStreams`). */
  get streaming(): boolean {
    return this.#dialect.streamsByDefault
      ? this.#found.get('stream') !== false
      : this.#found.get('stream') === true;
  }

  /** The body has the keys that make it a request of this dialect. */
  get hasDialectKeys(): boolean {
    return typeof this.model === 'string' && this.#dialect.requestKeys.every((key) => this.#found.has(key));
  }
}

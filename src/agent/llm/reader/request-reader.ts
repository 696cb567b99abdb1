import { forgetMatchedText } from '../../forget-matched-text.ts';
import type { Dialect } from '../dialects/dialect.ts';
import { ByteOrderMark } from './byte-order-mark.ts';
import { JsonReader } from './json-reader.ts';
import type { Found, Wanted } from './json-scanner.ts';
import { MultipartFields } from './multipart.ts';

/** Begins every body of several parts; no JSON document does. */
const BOUNDARY = '--';

/** Finds in a request's body, JSON or a form, which model is asked and whether the answer is to be streamed. */
export class RequestReader {
  readonly #dialect: Dialect;
  readonly #pathModel: string | null;
  readonly #json: JsonReader;
  /** Reads the body when it is a form; `null` when it is not, `undefined` before it has begun. */
  #form: MultipartFields | null | undefined;
  #done = false;
  readonly #mark = new ByteOrderMark();

  /** @param pathModel the model that the path names, which counts when the body names none. */
  constructor(dialect: Dialect, pathModel: string | null = null) {
    this.#dialect = dialect;
    this.#pathModel = pathModel;
    this.#json = new JsonReader(wantedOf(dialect));
  }

  /** Everything there is to know is known; the rest of the body need not be given. */
  get done(): boolean {
    return this.#done;
  }

  /** A piece of the body, its bytes as characters (latin1). */
  write(bytes: string): void {
    const text = this.#mark.passedOver(bytes);
    if (this.#done || text === '') return;
    if (this.#form === undefined) this.#form = this.#formOf(text);
    if (this.#form !== null) {
      this.#form.write(text);
      return;
    }
    this.#json.write(text);
    this.#done = this.#json.complete || (this.#found.has('stream') && this.hasDialectKeys);
  }

  /** No more comes: what was found stays, and nothing of the text. */
  close(): void {
    this.#done = true;
    this.#json.close();
    this.#form?.close();
    forgetMatchedText();
  }

  get #found(): Found {
    return this.#form?.found ?? this.#json.found;
  }

  #formOf(text: string): MultipartFields | null {
    if (!BOUNDARY.startsWith(text.slice(0, BOUNDARY.length))) return null;
    return new MultipartFields(['model', 'stream'], this.#dialect.requestKeys);
  }

  get model(): unknown {
    const named = this.#found.get('model');
    return typeof named === 'string' ? named : this.#pathModel;
  }

  /** What the body asks for; the path may say otherwise (`Recognised.pathStreams`). */
  get streaming(): boolean {
    const asked = this.#found.get('stream');
    return this.#dialect.streamsByDefault ? asked !== false : asked === true || asked === 'true';
  }

  /** The body has the keys that make it a request of this dialect. */
  get hasDialectKeys(): boolean {
    return typeof this.model === 'string' && this.#hasKeys;
  }

  /** As `hasDialectKeys`, whether or not a model is named: some APIs have one by default. */
  get hasKeysButModel(): boolean {
    return this.#dialect.requestKeys.length > 0 && this.#hasKeys;
  }

  get #hasKeys(): boolean {
    return this.#dialect.requestKeys.every((key) => this.#found.has(key));
  }
}

const wantedByDialect = new WeakMap<Dialect, Wanted>();

/** Made once per dialect: every call needs it. */
function wantedOf(dialect: Dialect): Wanted {
  const known = wantedByDialect.get(dialect);
  if (known !== undefined) return known;
  const keys = dialect.requestKeys.map((key): [string, Wanted[string]] => [key, 'presence']);
  const wanted: Wanted = { model: 'value', stream: 'value', ...Object.fromEntries(keys) };
  wantedByDialect.set(dialect, wanted);
  return wanted;
}

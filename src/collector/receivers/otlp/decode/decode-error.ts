/** What a body has to be and is not, with the place of it: `resourceSpans[0].scopeSpans[1].spans[3].traceId`. */
export class DecodeError extends Error {
  readonly #expectation: string;
  #place = '';

  /** @param expectation such as `expected 16 bytes, not 7`. */
  constructor(expectation: string) {
    super(expectation);
    this.name = 'DecodeError';
    this.#expectation = expectation;
  }

  /** Says where that is, seen from what holds it. */
  within(place: string): this {
    this.#place = this.#place === '' ? place : `${place}.${this.#place}`;
    this.message = `${this.#place}: ${this.#expectation}`;
    return this;
  }
}

/** The error to throw on for one that was met inside of `place`. */
export function placed(error: unknown, place: string): unknown {
  return error instanceof DecodeError ? error.within(place) : error;
}

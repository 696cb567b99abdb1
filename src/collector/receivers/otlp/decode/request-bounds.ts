import { DecodeError } from './decode-error.ts';
import type { LeftOut } from './left-out.ts';
import { RECORDS_MAX } from './limits.ts';
import { BEYOND } from './records.ts';

/**
 * Counts what one request holds. Two bytes are an empty message, so a body has room for millions of them. No sender
 * has as many resources or scopes: such a request is refused. Of records those past the bound are left out.
 */
export class RequestBounds {
  readonly #leftOut: LeftOut;
  #resources = 0;
  #scopes = 0;
  #records = 0;

  constructor(leftOut: LeftOut) {
    this.#leftOut = leftOut;
  }

  /** One more. @throws DecodeError past the bound. */
  resource(): void {
    if (++this.#resources > RECORDS_MAX) throw tooMany('resources');
  }

  /** One more, of all resources together. @throws DecodeError past the bound. */
  scope(): void {
    if (++this.#scopes > RECORDS_MAX) throw tooMany('scopes');
  }

  /** One more, whatever is in it. False past the bound: it is counted as left out. */
  record(): boolean {
    if (++this.#records <= RECORDS_MAX) return true;
    this.#leftOut.records(BEYOND);
    return false;
  }
}

function tooMany(what: string): DecodeError {
  return new DecodeError(`expected at most ${RECORDS_MAX} ${what} in a request`);
}

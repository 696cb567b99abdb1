import { NervecenterError } from '../../../../core/errors.ts';

/** What one request holds; to be released once, when it is answered. */
export interface Share {
  /** @throws NervecenterError `NC_OVERLOADED` */
  add(bytes: number): void;
  release(): void;
}

/** Bounds the bytes that all requests hold at once, so that many senders together cannot take all memory. */
export class InFlight {
  readonly #bytesMax: number;
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Held now. */
  get bytes(): number {
    return this.#bytes;
  }

  share(): Share {
    let held = 0;
    return {
      add: (bytes) => {
        if (this.#bytes + bytes > this.#bytesMax) throw overloaded();
        held += bytes;
        this.#bytes += bytes;
      },
      release: () => {
        this.#bytes -= held;
        held = 0;
      },
    };
  }
}

export function overloaded(): NervecenterError {
  return new NervecenterError(
    'NC_OVERLOADED',
    'More comes in than can be taken at once. Send it again a little later.',
  );
}

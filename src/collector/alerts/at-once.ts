import { NervecenterError } from '../../core/errors.ts';

/** Work that reaches out to others, of which so much at a time is done as is said: what is more is refused. */
export class AtOnce {
  readonly #max: number;
  readonly #busy: string;
  #underWay = 0;

  /** @param busy what is said to whoever is refused. */
  constructor(max: number, busy: string) {
    this.#max = max;
    this.#busy = busy;
  }

  /** @throws NervecenterError `NC_UNAVAILABLE` where too much is under way */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#underWay >= this.#max)
      throw new NervecenterError('NC_UNAVAILABLE', `${this.#busy} Try again in a moment.`);
    this.#underWay++;
    try {
      return await work();
    } finally {
      this.#underWay--;
    }
  }
}

import type { Log } from '../log.ts';

/** A state of affairs that is logged once when it begins and once when it ends, however often it is noticed. */
export class Condition {
  readonly #log: Log;
  #holds = false;

  constructor(log: Log) {
    this.#log = log;
  }

  begin(component: string, message: string): void {
    if (this.#holds) return;
    this.#holds = true;
    this.#log(component, message);
  }

  end(component: string, message: string): void {
    if (!this.#holds) return;
    this.#holds = false;
    this.#log(component, message);
  }
}

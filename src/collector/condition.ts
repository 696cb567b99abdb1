import type { Log } from './log.ts';

/** A state of affairs that is logged once when it begins and once when it ends, however often it is noticed. */
export class Condition {
  readonly #log: Log;
  readonly #component: string;
  /** What it holds for; `null` while it does not hold. */
  #reason: string | null = null;

  constructor(log: Log, component: string) {
    this.#log = log;
    this.#component = component;
  }

  get holds(): boolean {
    return this.#reason !== null;
  }

  /** @param reason one that differs from the last is worth another line. */
  begin(message: string, reason = ''): void {
    if (this.#reason === reason) return;
    this.#reason = reason;
    this.#log(this.#component, message);
  }

  /** @param message left out where its end is seen elsewhere. */
  end(message?: string): void {
    if (this.#reason === null) return;
    this.#reason = null;
    if (message !== undefined) this.#log(this.#component, message);
  }
}

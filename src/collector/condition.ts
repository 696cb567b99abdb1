import { MINUTE_MS, SECOND_MS } from '../core/units.ts';
import type { Log } from './log.ts';

/** What begins again so soon had not ended. */
const RELAPSE_MS = MINUTE_MS;
const CALM_MIN_MS = 5 * SECOND_MS;
const CALM_MAX_MS = 10 * MINUTE_MS;

/**
 * A state of affairs that is logged once when it begins and once when it ends, however often it is noticed. The end of one that
 * comes and goes is said only once it has lasted, for 5 s, and for twice as long each time it did not last, up to 10 minutes:
 * until then, as far as the log goes, it holds.
 */
export class Condition {
  readonly #log: Log;
  readonly #component: string;
  /** What it holds for; `null` while it does not hold. */
  #reason: string | null = null;
  /** What it holds for according to the log. */
  #said: string | null = null;
  /** How long an end has to last to be said. */
  #calmMs = 0;
  #endedMs = Number.NEGATIVE_INFINITY;
  #ending: NodeJS.Timeout | undefined;

  constructor(log: Log, component: string) {
    this.#log = log;
    this.#component = component;
  }

  get holds(): boolean {
    return this.#reason !== null;
  }

  /** @param reason one that differs from the last is worth another line. */
  begin(message: string, reason = ''): void {
    if (this.#reason === null) this.#resume();
    this.#reason = reason;
    if (this.#said === reason) return;
    this.#said = reason;
    this.#log(this.#component, message);
  }

  /** @param message left out where its end is seen elsewhere. */
  end(message?: string): void {
    if (this.#reason === null) return;
    this.#reason = null;
    this.#endedMs = performance.now();
    if (this.#calmMs === 0) this.#sayEnd(message);
    else this.#ending = setTimeout(() => this.#sayEnd(message), this.#calmMs).unref();
  }

  #resume(): void {
    clearTimeout(this.#ending);
    const awayMs = performance.now() - this.#endedMs;
    if (awayMs > Math.max(RELAPSE_MS, 2 * this.#calmMs)) this.#calmMs = 0;
    else this.#calmMs = Math.min(CALM_MAX_MS, Math.max(CALM_MIN_MS, 2 * this.#calmMs));
  }

  #sayEnd(message: string | undefined): void {
    this.#said = null;
    if (message !== undefined) this.#log(this.#component, message);
  }
}

import { backoffMs } from '../../../../core/backoff.ts';
import { describeError } from '../../../../core/errors.ts';
import { MINUTE_MS } from '../../../../core/units.ts';
import { Condition } from '../../../condition.ts';
import type { Log } from '../../../log.ts';

/** A disk that fails again so soon after it was used is tried as seldom as before: one that is full takes a small file now and then. */
const RELAPSE_MS = MINUTE_MS;

/** Whether the spool's disk can be used, when to try it again, and the two lines about it. */
export class DiskState {
  readonly #unusable: Condition;
  readonly #onRetry: () => void;
  #failed = false;
  #failures = 0;
  #recoveredMs = Number.NEGATIVE_INFINITY;
  #retryAtMs = 0;
  #retryTimer: NodeJS.Timeout | null = null;
  /** Before, a data directory that cannot be used would be told twice: by the spool and by the server that lives there. */
  #announced = false;
  #unsaid: unknown = null;

  /** @param onRetry called when it is time to try again. */
  constructor(log: Log, onRetry: () => void) {
    this.#unusable = new Condition(log, 'spool');
    this.#onRetry = onRetry;
  }

  /** It should hold rows and cannot. */
  get failed(): boolean {
    return this.#failed;
  }

  get mayBeTried(): boolean {
    return performance.now() >= this.#retryAtMs;
  }

  tryNow(): void {
    this.#retryAtMs = 0;
  }

  /** From now on a disk that cannot be used is told; what was found before storage itself had a verdict, too. */
  announce(): void {
    this.#announced = true;
    if (this.failed && this.#unsaid !== null) this.#say(this.#unsaid);
    this.#unsaid = null;
  }

  /** It could not be used. */
  fail(error: unknown): void {
    if (this.#announced) this.#say(error);
    else this.#unsaid ??= error;
    if (!this.#failed && performance.now() - this.#recoveredMs > RELAPSE_MS) this.#failures = 0;
    this.#failed = true;
    this.#failures++;
    const waitMs = backoffMs(this.#failures, Math.random());
    this.#retryAtMs = performance.now() + waitMs;
    this.#retryTimer?.close();
    this.#retryTimer = setTimeout(this.#onRetry, waitMs + 1).unref();
  }

  /** It was used. */
  recover(): void {
    if (!this.failed) return;
    this.#failed = false;
    this.#recoveredMs = performance.now();
    this.#unsaid = null;
    this.#unusable.end('can be used again.');
  }

  #say(error: unknown): void {
    this.#unusable.begin(`cannot be used, rows wait in memory meanwhile: ${describeError(error)}`);
  }
}

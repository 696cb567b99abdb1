import { createHash, randomBytes } from 'node:crypto';
import { MINUTE_MS } from '../../../core/units.ts';

/** How long a login link opens the dashboard. */
export const LOGIN_CODE_LIFETIME_MS = 15 * MINUTE_MS;
/** Links at once; the oldest goes first. */
export const LOGIN_CODES_MAX = 20;
const CODE_BYTES = 24;

/** What login links carry: a code that opens one session, once and soon. */
export class LoginCodes {
  readonly #untilMs = new Map<string, number>();
  readonly #now: () => number;

  /** @param now a clock in milliseconds that never goes back. */
  constructor(now: () => number) {
    this.#now = now;
  }

  make(): string {
    if (this.#untilMs.size >= LOGIN_CODES_MAX) {
      for (const oldest of this.#untilMs.keys()) {
        this.#untilMs.delete(oldest);
        break;
      }
    }
    const code = randomBytes(CODE_BYTES).toString('hex');
    this.#untilMs.set(digestOf(code), this.#now() + LOGIN_CODE_LIFETIME_MS);
    return code;
  }

  /** Whether the code opens a session; it does not do so again. */
  take(code: string): boolean {
    const digest = digestOf(code);
    const untilMs = this.#untilMs.get(digest);
    this.#untilMs.delete(digest);
    return untilMs !== undefined && this.#now() <= untilMs;
  }
}

/** Digests are looked up, so that the time it takes says nothing of the codes there are. */
function digestOf(code: string): string {
  return createHash('sha256').update(code).digest('base64url');
}

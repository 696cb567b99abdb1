import { isIPv6 } from 'node:net';
import { MINUTE_MS } from '../../../core/units.ts';

/** Failed attempts per address and minute, after which the address has to wait until the minute is over. */
export const FAILURES_PER_ADDRESS_MAX = 10;
/** The same for all addresses together: guessing from many machines is no faster than from a few. */
export const FAILURES_MAX = 100;
export const ATTEMPT_WINDOW_MS = MINUTE_MS;
/** Addresses remembered; at the bound the one known longest is forgotten, which only the limit per address notices. */
const ADDRESSES_MAX = 1000;

interface Attempts {
  failures: number;
  sinceMs: number;
  /** A right token came from here: others' failures must not lock this address out. */
  known: boolean;
}

/** Slows down the guessing of tokens. */
export class AttemptLimiter {
  readonly #byAddress = new Map<string, Attempts>();
  readonly #all: Attempts;
  readonly #now: () => number;

  /** @param now a clock in milliseconds that never goes back. */
  constructor(now: () => number) {
    this.#now = now;
    this.#all = { failures: 0, sinceMs: now(), known: false };
  }

  /** Whether an attempt from this address may be made at all. */
  admits(address: string): boolean {
    const attempts = this.#byAddress.get(network(address));
    if (attempts !== undefined && this.#failures(attempts) >= FAILURES_PER_ADDRESS_MAX) return false;
    return attempts?.known === true || this.#failures(this.#all) < FAILURES_MAX;
  }

  failed(address: string): void {
    this.#count(this.#attempts(address));
    this.#count(this.#all);
  }

  succeeded(address: string): void {
    this.#attempts(address).known = true;
  }

  #attempts(address: string): Attempts {
    const key = network(address);
    const existing = this.#byAddress.get(key);
    if (existing !== undefined) return existing;
    if (this.#byAddress.size >= ADDRESSES_MAX) {
      for (const oldest of this.#byAddress.keys()) {
        this.#byAddress.delete(oldest);
        break;
      }
    }
    const attempts = { failures: 0, sinceMs: this.#now(), known: false };
    this.#byAddress.set(key, attempts);
    return attempts;
  }

  #failures(attempts: Attempts): number {
    return this.#now() - attempts.sinceMs > ATTEMPT_WINDOW_MS ? 0 : attempts.failures;
  }

  #count(attempts: Attempts): void {
    if (this.#now() - attempts.sinceMs > ATTEMPT_WINDOW_MS) {
      attempts.failures = 0;
      attempts.sinceMs = this.#now();
    }
    attempts.failures++;
  }
}

/** An IPv4 address, or the /64 of an IPv6 one: whoever has one IPv6 address has all of its /64. */
function network(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  if (mapped?.[1] !== undefined) return mapped[1];
  if (!isIPv6(address)) return address;
  const [head = '', tail] = address.split('::');
  const groups = head.split(':');
  if (tail !== undefined) {
    const rest = tail.split(':');
    while (groups.length + rest.length < 8) groups.push('0');
    groups.push(...rest);
  }
  return groups
    .slice(0, 4)
    .map((group) => group || '0')
    .join(':');
}

import { isIPv6, type Socket } from 'node:net';

/** Wrong credentials per address and minute, after which each further one from there has to wait for its turn. */
export const FAILURES_PER_ADDRESS_MAX = 10;
/** How often the same wrong credential is looked at in a minute, wherever it comes from. */
export const FAILURES_PER_CREDENTIAL_MAX = 10;
export const ATTEMPT_WINDOW_MS = 60_000;
/** One turn of an address whose attempts take turns. */
export const TURN_MS = 100;
/** Within so many turns everybody has had one: more are served at a time where more wait. */
export const TURNS_WAITED_MAX = 50;
/** Addresses, and credentials, remembered; at the bound the one known longest is forgotten. */
const REMEMBERED_MAX = 1000;

interface Failures {
  count: number;
  sinceMs: number;
}

interface Attempts extends Failures {
  /** Who waits for a turn: one per open connection, of which the server has a bound. */
  readonly waiting: Set<() => void>;
  /** How many a turn serves, by the most who waited since somebody does; 0: nobody waits. */
  atOnce: number;
}

/**
 * Slows down the guessing of tokens and keys. Nobody is locked out: a right credential is looked at in its turn, however many wrong
 * ones came before it.
 */
export class AttemptLimiter {
  readonly #byAddress = new Map<string, Attempts>();
  readonly #byCredential = new Map<string, Failures>();
  /** The connections somebody waits on. */
  readonly #waiting = new WeakSet<object>();
  readonly #now: () => number;

  /** @param now a clock in milliseconds that never goes back. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Whether this credential was wrong so often that it need not be looked at. */
  isKnownWrong(digest: string): boolean {
    const failures = this.#byCredential.get(digest);
    return failures !== undefined && this.#recent(failures) >= FAILURES_PER_CREDENTIAL_MAX;
  }

  /** Whether attempts from this address take turns. */
  isSlowed(address: string): boolean {
    const attempts = this.#byAddress.get(networkOf(address));
    return attempts !== undefined && this.#recent(attempts) >= FAILURES_PER_ADDRESS_MAX;
  }

  /**
   * Resolves when an attempt from this address may be made: at once, or after those that came before it, within some 5 s.
   *
   * @returns false where it may not be, because another one waits on the same connection: nobody pipelines guesses that are to be right.
   */
  turn(address: string, connection: Pick<Socket, 'once' | 'off'>): Promise<boolean> {
    const attempts = this.#byAddress.get(networkOf(address));
    if (attempts === undefined || !this.isSlowed(address)) return Promise.resolve(true);
    if (this.#waiting.has(connection)) return Promise.resolve(false);
    this.#waiting.add(connection);
    return new Promise((resolve) => {
      const go = () => {
        attempts.waiting.delete(go);
        this.#waiting.delete(connection);
        connection.off('close', go); // Who is gone makes no room for a guess more.
        resolve(true);
      };
      connection.once('close', go);
      attempts.waiting.add(go);
      serve(attempts);
    });
  }

  /** The same wrong credential again is no other guess: an address is charged for it once. */
  failed(address: string, digest: string): void {
    const known = this.#byCredential.get(digest);
    const isRepeated = known !== undefined && this.#recent(known) > 0;
    this.#count(known ?? remembered(this.#byCredential, digest, { count: 0, sinceMs: this.#now() }));
    if (isRepeated) return;
    const key = networkOf(address);
    const fresh = { count: 0, sinceMs: this.#now(), waiting: new Set<() => void>(), atOnce: 0 };
    this.#count(this.#byAddress.get(key) ?? remembered(this.#byAddress, key, fresh));
  }

  #recent(failures: Failures): number {
    return this.#now() - failures.sinceMs > ATTEMPT_WINDOW_MS ? 0 : failures.count;
  }

  #count(failures: Failures): void {
    if (this.#now() - failures.sinceMs > ATTEMPT_WINDOW_MS) {
      failures.count = 0;
      failures.sinceMs = this.#now();
    }
    failures.count++;
  }
}

function serve(attempts: Attempts): void {
  if (attempts.atOnce > 0) return;
  attempts.atOnce = 1;
  const turn = () => {
    attempts.atOnce = Math.max(attempts.atOnce, Math.ceil(attempts.waiting.size / TURNS_WAITED_MAX));
    for (const go of [...attempts.waiting].slice(0, attempts.atOnce)) go();
    if (attempts.waiting.size > 0) setTimeout(turn, TURN_MS).unref();
    else attempts.atOnce = 0;
  };
  setTimeout(turn, TURN_MS).unref();
}

function remembered<T>(all: Map<string, T>, key: string, value: T): T {
  if (all.size >= REMEMBERED_MAX) {
    for (const oldest of all.keys()) {
      all.delete(oldest);
      break;
    }
  }
  all.set(key, value);
  return value;
}

/** An IPv4 address, or the /64 of an IPv6 one: whoever has one IPv6 address has all of its /64. */
export function networkOf(address: string): string {
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

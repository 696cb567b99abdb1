import { createHash, randomBytes } from 'node:crypto';
import { HOUR_MS } from '../../core/units.ts';

/** A session ends after so long without a request or a live stream. */
export const SESSION_IDLE_MS = 12 * HOUR_MS;
/** At the bound the session that was idle longest ends. */
export const SESSIONS_MAX = 1000;
const SESSION_ID_BYTES = 24;

/** What is kept of a session's id: a hash, so that neither a look-up's time nor the memory gives an id away. */
export type SessionKey = string;

/** Browser sessions, in memory: they end with the collector. */
export class Sessions {
  /** When each session was last seen, least recently seen first. */
  readonly #lastSeenMs = new Map<SessionKey, number>();
  readonly #now: () => number;

  /** @param now a clock in milliseconds that never goes back. */
  constructor(now: () => number) {
    this.#now = now;
  }

  get size(): number {
    return this.#lastSeenMs.size;
  }

  /** Opens a session; the id returned goes into the browser's cookie and nowhere else. */
  open(): string {
    if (this.#lastSeenMs.size >= SESSIONS_MAX) {
      for (const oldest of this.#lastSeenMs.keys()) {
        this.#lastSeenMs.delete(oldest);
        break;
      }
    }
    const id = randomBytes(SESSION_ID_BYTES).toString('base64url');
    this.#lastSeenMs.set(keyOf(id), this.#now());
    return id;
  }

  /** The key of a live session, whose time begins anew; `null` for any other id. */
  find(id: string): SessionKey | null {
    const key = keyOf(id);
    return this.touch(key) ? key : null;
  }

  /** Whether the session is alive; if so its time begins anew. */
  touch(key: SessionKey): boolean {
    const lastSeenMs = this.#lastSeenMs.get(key);
    if (lastSeenMs === undefined) return false;
    this.#lastSeenMs.delete(key);
    const now = this.#now();
    if (now - lastSeenMs > SESSION_IDLE_MS) return false;
    this.#lastSeenMs.set(key, now);
    return true;
  }

  close(key: SessionKey): void {
    this.#lastSeenMs.delete(key);
  }
}

function keyOf(id: string): SessionKey {
  return createHash('sha256').update(id).digest('base64');
}

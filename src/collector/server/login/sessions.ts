import { createHmac, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../../core/units.ts';
import type { ServerStatistics } from '../statistics.ts';

/** A session ends after so long without a request or a live stream. */
export const SESSION_IDLE_MS = 12 * HOUR_MS;
/** A session ends so long after its login, however busy it is. */
export const SESSION_LIFETIME_MS = 30 * DAY_MS;
/** A cookie older than this is replaced by a younger one, whose idle time begins anew. */
export const RENEWAL_MS = 5 * MINUTE_MS;
/** A stream sends no cookies: after so long its viewer has to connect again and gets a younger one. */
export const STREAM_RENEWAL_MS = SESSION_IDLE_MS / 2;
/** Logouts remembered at once; at the bound the oldest is forgotten and counted. */
export const LOGOUTS_MAX = 10_000;
/** A cookie from further ahead was made by a clock that was wrong, and would live as much too long. */
const CLOCK_SKEW_MS = 5 * MINUTE_MS;

/** Changing it ends every session. */
const KEY_INFO = 'nervecenter session cookie v1';
const KEY_BYTES = 32;
/** One byte of flags, the id, two times of six bytes, the signature: 63 bytes, which base64url writes in one way only. */
const ID_BYTES = 18;
const OPENED_AT = 1 + ID_BYTES;
const TIME_BYTES = 6;
const ISSUED_AT = OPENED_AT + TIME_BYTES;
const PAYLOAD_BYTES = ISSUED_AT + TIME_BYTES;
const WELL_FORMED = /^[\w-]{84}$/;
const SECURE_FLAG = 1;

/** What a browser's cookie says, once its signature has been checked. */
export interface Session {
  /** The same in every cookie of the session. */
  readonly id: string;
  /** Index of the admin token it was opened with, whose key signs it. */
  readonly token: number;
  readonly openedMs: number;
  readonly issuedMs: number;
  /** Opened over TLS: its cookies are only ever sent over TLS. */
  readonly secure: boolean;
}

export interface SessionsOptions {
  readonly tokens: readonly string[];
  /** Milliseconds since the Unix epoch: sessions outlive the process. */
  readonly now: () => number;
  readonly statistics: Pick<ServerStatistics, 'logoutsForgotten'>;
}

/**
 * Browser sessions that survive a restart. Everything about a session is in its cookie, signed with a key derived from the
 * admin token it was opened with: every collector that knows the token accepts it, and taking the token out of the settings
 * ends it.
 *
 * Only logouts are kept here, until the last cookie of the session is too old to be accepted. A restart forgets them. That
 * matters only to somebody who copied the cookie out of the browser before the logout removed it; against that, change the
 * token.
 */
export class Sessions {
  readonly #keys: readonly Buffer[];
  readonly #options: SessionsOptions;
  /** When the last cookie of each session that was logged out is too old, in the order of the logouts. */
  readonly #loggedOutUntilMs = new Map<string, number>();

  constructor(options: SessionsOptions) {
    this.#options = options;
    this.#keys = options.tokens.map((token) =>
      Buffer.from(hkdfSync('sha256', token, '', KEY_INFO, KEY_BYTES)),
    );
  }

  open(token: number, secure: boolean): Session {
    const nowMs = this.#options.now();
    const id = randomBytes(ID_BYTES).toString('base64url');
    return { id, token, secure, openedMs: nowMs, issuedMs: nowMs };
  }

  /** The cookie's value. */
  encode({ id, token, openedMs, issuedMs, secure }: Session): string {
    const payload = Buffer.alloc(PAYLOAD_BYTES);
    payload.writeUInt8(secure ? SECURE_FLAG : 0);
    payload.write(id, 1, 'base64url');
    payload.writeUIntBE(openedMs, OPENED_AT, TIME_BYTES);
    payload.writeUIntBE(issuedMs, ISSUED_AT, TIME_BYTES);
    const key = this.#keys[token];
    if (key === undefined) throw new RangeError(`there is no token ${token}`);
    return Buffer.concat([payload, sign(payload, key)]).toString('base64url');
  }

  /** The live session a cookie stands for; `null` for anything else. */
  find(cookie: string): Session | null {
    if (!WELL_FORMED.test(cookie)) return null;
    const bytes = Buffer.from(cookie, 'base64url');
    const payload = bytes.subarray(0, PAYLOAD_BYTES);
    const token = this.#signer(payload, bytes.subarray(PAYLOAD_BYTES));
    if (token === null) return null;
    const session: Session = {
      id: payload.toString('base64url', 1, OPENED_AT),
      token,
      openedMs: payload.readUIntBE(OPENED_AT, TIME_BYTES),
      issuedMs: payload.readUIntBE(ISSUED_AT, TIME_BYTES),
      secure: payload.readUInt8() === SECURE_FLAG,
    };
    const ageMs = this.#options.now() - session.issuedMs;
    const isFresh = ageMs <= SESSION_IDLE_MS && ageMs >= -CLOCK_SKEW_MS;
    return isFresh && !this.isOver(session) ? session : null;
  }

  /** The session with its idle time begun anew, when that is due. */
  renewed(session: Session): Session | null {
    const nowMs = this.#options.now();
    return nowMs - session.issuedMs > RENEWAL_MS ? { ...session, issuedMs: nowMs } : null;
  }

  /** Whether a stream opened with this session has to be opened again, so that its cookie stays young enough. */
  outlivesCookie(session: Session): boolean {
    return this.#options.now() - session.issuedMs > STREAM_RENEWAL_MS;
  }

  /** Whether the session has ended, however young its cookie. */
  isOver({ id, openedMs }: Session): boolean {
    return this.#options.now() - openedMs > SESSION_LIFETIME_MS || this.#loggedOutUntilMs.has(id);
  }

  /** Ends the session: none of its cookies is accepted any more. */
  close({ id }: Session): void {
    const nowMs = this.#options.now();
    for (const [oldest, untilMs] of this.#loggedOutUntilMs) {
      const isFull = this.#loggedOutUntilMs.size >= LOGOUTS_MAX;
      if (untilMs > nowMs && !isFull) break;
      if (untilMs > nowMs) this.#options.statistics.logoutsForgotten++;
      this.#loggedOutUntilMs.delete(oldest);
    }
    // Nobody renews a closed session: its youngest cookie is from now at the latest.
    this.#loggedOutUntilMs.set(id, nowMs + SESSION_IDLE_MS + CLOCK_SKEW_MS);
  }

  /** The token whose key made the signature. Every key is tried, so that the time taken tells nothing. */
  #signer(payload: Buffer, signature: Buffer): number | null {
    let signer: number | null = null;
    for (const [token, key] of this.#keys.entries()) {
      if (timingSafeEqual(sign(payload, key), signature)) signer = token;
    }
    return signer;
  }
}

function sign(payload: Buffer, key: Buffer): Buffer {
  return createHmac('sha256', key).update(payload).digest();
}

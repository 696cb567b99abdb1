import { createHmac, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto';
import type { AccessRegister } from '../../../core/access/register.ts';
import type { Role } from '../../../core/access/token.ts';
import { NervecenterError } from '../../../core/errors.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../../../core/units.ts';
import type { ServerStatistics } from '../statistics.ts';

/** A session ends after so long without a request or a live stream. */
export const SESSION_IDLE_MS = 12 * HOUR_MS;
/** A session ends so long after its login, however busy it is. */
export const SESSION_LIFETIME_MS = 30 * DAY_MS;
/** A cookie older than this is replaced by a younger one, whose idle time begins anew. */
export const RENEWAL_MS = 5 * MINUTE_MS;
/** A stream sends no cookies: after so long its viewer has to connect again and gets a younger one. */
export const STREAM_RENEWAL_MS = SESSION_IDLE_MS / 2;
/** A cookie from further ahead was made by a clock that was wrong, and would live as much too long. */
const CLOCK_SKEW_MS = 5 * MINUTE_MS;
/** Of sessions that were opened with the same token: a logout is a file and a row, and whoever has a token can open any number. */
export const LOGOUTS_PER_SECOND_MAX = 10;

/** Changing it ends every session. */
const KEY_INFO = 'nervecenter session cookie v2';
const KEY_BYTES = 32;
/** One byte of flags, the id, two times of six bytes, a token's id, the signature: 72 bytes, which base64url writes in one way only. */
const ID_BYTES = 18;
const OPENED_AT = 1 + ID_BYTES;
const TIME_BYTES = 6;
const ISSUED_AT = OPENED_AT + TIME_BYTES;
const TOKEN_AT = ISSUED_AT + TIME_BYTES;
const TOKEN_BYTES = 9;
const PAYLOAD_BYTES = TOKEN_AT + TOKEN_BYTES;
const WELL_FORMED = /^[\w-]{96}$/;
/** In place of a named token's id: an admin token of the settings, or the one made at the first start. */
const NO_TOKEN = '00'.repeat(TOKEN_BYTES);
const SECURE_FLAG = 1;

/** What a browser's cookie says, once its signature has been checked. */
export interface Session {
  /** The same in every cookie of the session: 36 hex digits. */
  readonly id: string;
  /** Index of the admin token whose key signs it. */
  readonly key: number;
  /** Of the named token it was opened with; `null`: with an admin token, or a login link. */
  readonly tokenId: string | null;
  readonly openedMs: number;
  readonly issuedMs: number;
  /** Opened over TLS: its cookies are only ever sent over TLS. */
  readonly secure: boolean;
}

export interface SessionsOptions {
  /** Admin tokens; at least one. */
  readonly tokens: readonly string[];
  readonly register: AccessRegister;
  /** Milliseconds since the Unix epoch: sessions outlive the process. */
  readonly now: () => number;
  readonly statistics: Pick<ServerStatistics, 'logoutsForgotten'>;
}

/**
 * Browser sessions that survive a restart. Everything about a session is in its cookie, signed with a key derived from an
 * admin token: every collector that knows the token accepts it, and taking the token out of the settings ends it. That of a
 * named token has its id and ends with it. Which sessions were logged out is in the register, until they would be over anyhow.
 */
export class Sessions {
  readonly #keys: readonly Buffer[];
  readonly #options: SessionsOptions;
  /** Logouts of this second, by the token their sessions were opened with. */
  readonly #logouts = new Map<string | number, number>();
  #second = 0;

  constructor(options: SessionsOptions) {
    this.#options = options;
    this.#keys = options.tokens.map((token) =>
      Buffer.from(hkdfSync('sha256', token, '', KEY_INFO, KEY_BYTES)),
    );
  }

  /** Begins one. */
  open({ key, tokenId }: Pick<Session, 'key' | 'tokenId'>, secure: boolean): Session {
    const nowMs = this.#options.now();
    const id = randomBytes(ID_BYTES).toString('hex');
    return { id, key, tokenId, secure, openedMs: nowMs, issuedMs: nowMs };
  }

  /** The cookie's value. */
  encode({ id, key, tokenId, openedMs, issuedMs, secure }: Session): string {
    const payload = Buffer.alloc(PAYLOAD_BYTES);
    payload.writeUInt8(secure ? SECURE_FLAG : 0);
    payload.write(id, 1, 'hex');
    payload.writeUIntBE(openedMs, OPENED_AT, TIME_BYTES);
    payload.writeUIntBE(issuedMs, ISSUED_AT, TIME_BYTES);
    payload.write(tokenId ?? NO_TOKEN, TOKEN_AT, 'hex');
    const signing = this.#keys[key];
    if (signing === undefined) throw new RangeError(`there is no admin token ${key}`);
    return Buffer.concat([payload, sign(payload, signing)]).toString('base64url');
  }

  /** The live session a cookie stands for; `null` for anything else. */
  find(cookie: string): Session | null {
    if (!WELL_FORMED.test(cookie)) return null;
    const bytes = Buffer.from(cookie, 'base64url');
    const payload = bytes.subarray(0, PAYLOAD_BYTES);
    const key = this.#signer(payload, bytes.subarray(PAYLOAD_BYTES));
    if (key === null) return null;
    const tokenId = payload.toString('hex', TOKEN_AT);
    const session: Session = {
      id: payload.toString('hex', 1, OPENED_AT),
      key,
      tokenId: tokenId === NO_TOKEN ? null : tokenId,
      openedMs: payload.readUIntBE(OPENED_AT, TIME_BYTES),
      issuedMs: payload.readUIntBE(ISSUED_AT, TIME_BYTES),
      secure: payload.readUInt8() === SECURE_FLAG,
    };
    const ageMs = this.#options.now() - session.issuedMs;
    const isFresh = ageMs <= SESSION_IDLE_MS && ageMs >= -CLOCK_SKEW_MS;
    return isFresh && !this.isOver(session) ? session : null;
  }

  /** What whoever has it may do; `null`: nothing, because its token was revoked. */
  roleOf({ tokenId }: Pick<Session, 'tokenId'>): Role | null {
    return tokenId === null ? 'admin' : (this.#options.register.token(tokenId)?.role ?? null);
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
  isOver(session: Session): boolean {
    if (this.#options.now() - session.openedMs > SESSION_LIFETIME_MS) return true;
    return this.roleOf(session) === null || this.isLoggedOut(session);
  }

  isLoggedOut(session: Pick<Session, 'id' | 'openedMs'>): boolean {
    return this.#options.register.isEnded(session);
  }

  /**
   * Ends the session: none of its cookies is accepted any more. Resolves once that is kept.
   *
   * @throws NervecenterError `NC_UNAVAILABLE` past 10 a second of one token.
   */
  async close(session: Session): Promise<void> {
    const { register, now, statistics } = this.#options;
    const { id, openedMs } = session;
    const nowMs = now();
    this.#countLogout(session, nowMs);
    // However long a collector that cannot hear of it goes on renewing the cookie, it does not do so for longer.
    const untilMs = openedMs + SESSION_LIFETIME_MS + CLOCK_SKEW_MS;
    const kept = register.end({ id, openedMs, untilMs }, nowMs);
    statistics.logoutsForgotten = register.covered;
    await kept;
  }

  #countLogout({ key, tokenId }: Session, nowMs: number): void {
    const second = Math.floor(nowMs / SECOND_MS);
    if (second !== this.#second) this.#logouts.clear();
    this.#second = second;
    const token = tokenId ?? key;
    const logouts = this.#logouts.get(token) ?? 0;
    if (logouts >= LOGOUTS_PER_SECOND_MAX) {
      const message = 'Too many sessions of one token end at once. Try again in a moment.';
      throw new NervecenterError('NC_UNAVAILABLE', message);
    }
    this.#logouts.set(token, logouts + 1);
  }

  /** The admin token whose key made the signature. Every key is tried, so that the time taken tells nothing. */
  #signer(payload: Buffer, signature: Buffer): number | null {
    let signer: number | null = null;
    for (const [key, signing] of this.#keys.entries()) {
      if (timingSafeEqual(sign(payload, signing), signature)) signer = key;
    }
    return signer;
  }
}

function sign(payload: Buffer, key: Buffer): Buffer {
  return createHmac('sha256', key).update(payload).digest();
}

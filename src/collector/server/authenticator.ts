import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { NervecenterError } from '../../errors.ts';
import type { AttemptLimiter } from './attempt-limiter.ts';
import type { SessionKey, Sessions } from './sessions.ts';
import type { ServerStatistics } from './statistics.ts';

/** Who asks: a client with the token, or a browser that exchanged it for a session. */
export type Identity =
  | { readonly kind: 'bearer' }
  | { readonly kind: 'session'; readonly session: SessionKey };

/** Longer than any token somebody would set; what is longer is wrong without being hashed. */
const TOKEN_LENGTH_MAX = 1024;

export interface AuthenticatorOptions {
  /** Every one of them opens the door, so that a new one can be handed out before the old one goes. */
  readonly tokens: readonly string[];
  readonly sessions: Sessions;
  readonly limiter: AttemptLimiter;
  readonly statistics: ServerStatistics;
  /** Named after the port, because browsers share cookies between the ports of a host. */
  readonly cookieName: () => string;
}

/** Decides who a request comes from. Tokens are compared in constant time and are kept as hashes only. */
export class Authenticator {
  readonly #tokenHashes: readonly Buffer[];
  readonly #options: AuthenticatorOptions;

  constructor(options: AuthenticatorOptions) {
    this.#tokenHashes = options.tokens.map(sha256);
    this.#options = options;
  }

  /**
   * A bearer token counts before the cookie: who sends a wrong one is told so.
   *
   * @throws NervecenterError `NC_UNAUTHENTICATED`, `NC_TOKEN_WRONG`, `NC_TOO_MANY_ATTEMPTS`
   */
  identify(request: IncomingMessage): Identity {
    const authorization = request.headers.authorization;
    if (authorization !== undefined) {
      const token = /^Bearer +([^\s]+) *$/i.exec(authorization)?.[1];
      this.checkToken(token ?? '', request.socket.remoteAddress ?? '');
      return { kind: 'bearer' };
    }
    const id = cookie(request.headers.cookie, this.#options.cookieName());
    const session = id === null ? null : this.#options.sessions.find(id);
    if (session !== null) return { kind: 'session', session };
    throw new NervecenterError(
      'NC_UNAUTHENTICATED',
      'Send "Authorization: Bearer <token>", or log in at /login with the token printed at start.',
    );
  }

  /** @throws NervecenterError `NC_TOKEN_WRONG`, or `NC_TOO_MANY_ATTEMPTS` before the token is even looked at. */
  checkToken(token: string, address: string): void {
    const { limiter, statistics } = this.#options;
    if (!limiter.admits(address)) {
      statistics.attemptsRefused++;
      throw new NervecenterError(
        'NC_TOO_MANY_ATTEMPTS',
        'Too many wrong tokens were sent. Wait a minute, then try again.',
      );
    }
    if (this.#isToken(token)) {
      limiter.succeeded(address);
      return;
    }
    limiter.failed(address);
    statistics.attemptsFailed++;
    throw new NervecenterError(
      'NC_TOKEN_WRONG',
      'This token is not valid. The valid one was printed at start, or is set in NERVECENTER_ADMIN_TOKEN.',
    );
  }

  #isToken(token: string): boolean {
    if (token === '' || token.length > TOKEN_LENGTH_MAX) return false;
    const hash = sha256(token);
    let found = false;
    for (const known of this.#tokenHashes) {
      if (timingSafeEqual(hash, known)) found = true;
    }
    return found;
  }
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** The value of the first cookie of that name. */
function cookie(header: string | undefined, name: string): string | null {
  for (const pair of header?.split(';') ?? []) {
    const at = pair.indexOf('=');
    if (at !== -1 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim();
  }
  return null;
}

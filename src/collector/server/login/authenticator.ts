import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { NervecenterError } from '../../../core/errors.ts';
import type { ServerStatistics } from '../statistics.ts';
import type { AttemptLimiter } from './attempt-limiter.ts';
import type { SessionCookies } from './session-cookies.ts';
import type { Session } from './sessions.ts';

/** Who asks: a client with the token, or a browser that exchanged it for a session. */
export type Identity = { readonly kind: 'bearer' } | { readonly kind: 'session'; readonly session: Session };

/** Longer than any token somebody would set; what is longer is wrong without being hashed. */
const TOKEN_LENGTH_MAX = 1024;

export interface AuthenticatorOptions {
  /** Every one of them opens the door, so that a new one can be handed out before the old one goes. */
  readonly tokens: readonly string[];
  readonly cookies: SessionCookies;
  readonly limiter: AttemptLimiter;
  readonly statistics: ServerStatistics;
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
    const session = this.#options.cookies.read(request);
    if (session !== null) return { kind: 'session', session };
    throw new NervecenterError(
      'NC_UNAUTHENTICATED',
      'Send "Authorization: Bearer <token>", or log in at /login with the token printed at start.',
    );
  }

  /**
   * Which of the tokens this is, by its index.
   *
   * @throws NervecenterError `NC_TOKEN_WRONG`, or `NC_TOO_MANY_ATTEMPTS` before the token is even looked at.
   */
  checkToken(token: string, address: string): number {
    const { limiter, statistics } = this.#options;
    if (!limiter.admits(address)) {
      statistics.attemptsRefused++;
      throw new NervecenterError(
        'NC_TOO_MANY_ATTEMPTS',
        'Too many wrong tokens were sent. Wait a minute, then try again.',
      );
    }
    const index = this.#indexOf(token);
    if (index !== null) {
      limiter.succeeded(address);
      return index;
    }
    limiter.failed(address);
    statistics.attemptsFailed++;
    throw new NervecenterError(
      'NC_TOKEN_WRONG',
      'This token is not valid. The valid one was printed at start, or is set in NERVECENTER_ADMIN_TOKEN.',
    );
  }

  #indexOf(token: string): number | null {
    if (token === '' || token.length > TOKEN_LENGTH_MAX) return null;
    const hash = sha256(token);
    let found: number | null = null;
    for (const [index, known] of this.#tokenHashes.entries()) {
      if (timingSafeEqual(hash, known)) found = index;
    }
    return found;
  }
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

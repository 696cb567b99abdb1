import type { IncomingMessage } from 'node:http';
import type { Role } from '../../../core/access/token.ts';
import { NervecenterError } from '../../../core/errors.ts';
import type { AttemptLimiter } from '../../../platform/attempt-limiter.ts';
import type { ServerStatistics } from '../statistics.ts';
import type { ClientAddresses } from './client-address.ts';
import { digestOf, type Grant, type Grants, LOGIN_LINK_GRANT } from './grants.ts';
import type { LoginCodes } from './login-codes.ts';
import type { SessionCookies } from './session-cookies.ts';
import type { Session } from './sessions.ts';

/** Who asks: a client with a token, or a browser that exchanged one for a session. */
export type Identity =
  | { readonly kind: 'bearer'; readonly role: Role; readonly tokenId: string | null }
  | { readonly kind: 'session'; readonly role: Role; readonly session: Session };

/** Longer than any token somebody would set; what is longer is wrong without being hashed. */
const TOKEN_LENGTH_MAX = 1024;

export interface AuthenticatorOptions {
  readonly grants: Grants;
  readonly codes: LoginCodes;
  readonly cookies: SessionCookies;
  readonly addresses: ClientAddresses;
  readonly limiter: AttemptLimiter;
  readonly statistics: ServerStatistics;
}

/** Decides who a request comes from. */
export class Authenticator {
  readonly #options: AuthenticatorOptions;

  constructor(options: AuthenticatorOptions) {
    this.#options = options;
  }

  /** Whoever has a live session, by the request's cookie. */
  session(request: IncomingMessage): Identity | null {
    return this.#options.cookies.identify(request);
  }

  /**
   * A bearer token counts before the cookie: who sends a wrong one is told so.
   *
   * @throws NervecenterError `NC_UNAUTHENTICATED`, `NC_TOKEN_WRONG`, `NC_TOO_MANY_ATTEMPTS`
   */
  async identify(request: IncomingMessage): Promise<Identity> {
    const authorization = request.headers.authorization;
    if (authorization !== undefined) {
      const token = /^Bearer +([^\s]+) *$/i.exec(authorization)?.[1];
      const { role, tokenId } = await this.checkToken(token ?? '', request);
      return { kind: 'bearer', role, tokenId };
    }
    const identity = this.session(request);
    if (identity !== null) return identity;
    throw new NervecenterError(
      'NC_UNAUTHENTICATED',
      'Send "Authorization: Bearer <token>", or log in: `nervecenter url` prints a link, and /login takes a token.',
    );
  }

  /**
   * What this token opens. A right one is never refused, whatever came from the same address: where wrong ones did, it may
   * have to wait until it is its turn to be looked at.
   *
   * @throws NervecenterError `NC_TOKEN_WRONG`; `NC_TOO_MANY_ATTEMPTS` for another wrong one after many.
   */
  async checkToken(token: string, request: IncomingMessage): Promise<Grant> {
    const { grants, limiter, addresses } = this.#options;
    const digest = digestOf(token.length > TOKEN_LENGTH_MAX ? '' : token);
    const made = grants.made(digest);
    if (made !== null) return made;
    const address = addresses.of(request);
    if (grants.canBeGuessed && !limiter.isKnownWrong(digest)) {
      const isItsTurn = await limiter.turn(address, request.socket);
      const chosen = isItsTurn ? grants.chosen(digest) : null;
      if (chosen !== null) return chosen;
    }
    throw this.#wrong(
      address,
      digest,
      'This token is not valid. The valid one is in the file admin-token of the data directory, or set in NERVECENTER_ADMIN_TOKEN; `nervecenter token list` shows the named ones.',
    );
  }

  /** What the code of a login link opens, once. @throws NervecenterError `NC_TOKEN_WRONG`, `NC_TOO_MANY_ATTEMPTS` */
  checkCode(code: string, request: IncomingMessage): Grant {
    if (this.#options.codes.take(code)) return LOGIN_LINK_GRANT;
    throw this.#wrong(
      this.#options.addresses.of(request),
      digestOf(code),
      'This login link has been used already, or is older than 15 minutes. `nervecenter url` prints a new one.',
    );
  }

  #wrong(address: string, digest: string, message: string): NervecenterError {
    const { limiter, statistics } = this.#options;
    const isOneOfMany = limiter.isSlowed(address) || limiter.isKnownWrong(digest);
    limiter.failed(address, digest);
    if (!isOneOfMany) {
      statistics.attemptsFailed++;
      return new NervecenterError('NC_TOKEN_WRONG', message);
    }
    statistics.attemptsRefused++;
    return new NervecenterError(
      'NC_TOO_MANY_ATTEMPTS',
      `Many wrong tokens were sent from this address, or this one many times. ${message}`,
    );
  }
}

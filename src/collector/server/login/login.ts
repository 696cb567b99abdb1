import type { IncomingMessage, ServerResponse } from 'node:http';
import { NervecenterError } from '../../../core/errors.ts';
import { parseJson } from '../../../core/json.ts';
import { KIB } from '../../../core/units.ts';
import { readBody } from '../request-body.ts';
import { respond, respondJson } from '../respond.ts';
import type { Authenticator, Identity } from './authenticator.ts';
import type { SessionCookies } from './session-cookies.ts';
import type { Sessions } from './sessions.ts';

const BODY_BYTES_MAX = 4 * KIB;
const DASHBOARD = '/admin/system';

/**
 * Where a person looks at the dashboard for the first time. The code is in the fragment: it reaches no server, no log and no
 * Referer, and the page removes it from the address bar.
 */
export function loginUrl(url: string, code: string): string {
  return `${url}/login#code=${code}`;
}

/** Where to go after the login: only a path of the dashboard itself, whatever was asked for. */
export function safeNext(next: unknown): string {
  if (typeof next !== 'string') return DASHBOARD;
  // Parsed as a browser would, which reads `\` as `/` and drops tabs and line breaks.
  const base = 'http://nervecenter.invalid';
  if (!URL.canParse(next, base)) return DASHBOARD;
  const { origin, pathname, search, hash } = new URL(next, base);
  if (origin !== base || !/^\/admin(\/|$)/.test(pathname)) return DASHBOARD;
  return `${pathname}${search}${hash}`;
}

export interface LoginOptions {
  readonly authenticator: Authenticator;
  readonly sessions: Sessions;
  readonly cookies: SessionCookies;
}

/** Exchanges a token, or the code of a login link, for a session, and ends sessions. */
export class Login {
  readonly #options: LoginOptions;

  constructor(options: LoginOptions) {
    this.#options = options;
  }

  /**
   * `{"token": "…", "next": "/admin/…"}` in, or `code` instead of `token`; `{"next": "/admin/…"}` and the cookie out.
   *
   * @throws NervecenterError `NC_BAD_REQUEST`, `NC_PAYLOAD_TOO_LARGE`, `NC_TOKEN_WRONG`, `NC_TOO_MANY_ATTEMPTS`
   */
  async logIn(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { code, token, next } = parseBody(
      await readBody(request, { bytesMax: BODY_BYTES_MAX, what: 'A login' }),
    );
    const { authenticator, sessions, cookies } = this.#options;
    const grant =
      code === null ? await authenticator.checkToken(token, request) : authenticator.checkCode(code, request);
    response.setHeader('set-cookie', cookies.write(sessions.open(grant, isOnTls(request))));
    respondJson(response, 200, { next: safeNext(next) });
  }

  /** The answer says that the session has ended, so it comes once that is kept. */
  async logOut(request: IncomingMessage, response: ServerResponse, identity: Identity | null): Promise<void> {
    const { sessions, cookies } = this.#options;
    if (identity?.kind === 'session') await sessions.close(identity.session);
    response.setHeader('set-cookie', cookies.remove(isOnTls(request)));
    respond(response, 204, {});
  }
}

/**
 * Where it is not us who speak TLS, a proxy in front may. The browser itself says so in the Origin of its request, which was
 * checked to be ours: a better witness than a forwarding header that anybody can send.
 */
function isOnTls({ headers, socket }: IncomingMessage): boolean {
  if ('encrypted' in socket) return true; // Node's mark of a socket that TLS is spoken on.
  return headers.origin?.toLowerCase().startsWith('https:') ?? false;
}

interface LoginBody {
  /** Of a login link; `null`: there is a token instead. */
  readonly code: string | null;
  readonly token: string;
  readonly next: unknown;
}

function parseBody(text: string): LoginBody {
  try {
    const parsed = parseJson(text);
    if (typeof parsed === 'object' && parsed !== null) {
      const fields = new Map<string, unknown>(Object.entries(parsed));
      const [token, code, next] = [fields.get('token'), fields.get('code'), fields.get('next') ?? null];
      if (typeof code === 'string' && token === undefined) return { code, token: '', next };
      if (typeof token === 'string' && code === undefined) return { code: null, token, next };
    }
  } catch {
    // Answered below, together with JSON of another shape.
  }
  throw new NervecenterError('NC_BAD_REQUEST', 'A login is JSON such as {"token": "..."}.');
}

import type { IncomingMessage } from 'node:http';
import type { Identity } from './authenticator.ts';
import type { Session, Sessions } from './sessions.ts';

/** A session whose idle time began anew, and the header that tells the browser so. */
export interface Renewal {
  readonly session: Session;
  readonly setCookie: string;
}

/** Sessions as browsers carry them. */
export class SessionCookies {
  readonly #sessions: Sessions;
  readonly #name: () => string;

  /** @param name of the cookie, once the port is known: browsers share cookies between the ports of a host. */
  constructor(sessions: Sessions, name: () => string) {
    this.#sessions = sessions;
    this.#name = name;
  }

  /** Who has the session a request came with. */
  identify({ headers }: IncomingMessage): Identity | null {
    const value = cookie(headers.cookie, this.#name());
    const session = value === null ? null : this.#sessions.find(value);
    const role = session && this.#sessions.roleOf(session);
    return session === null || role === null ? null : { kind: 'session', role, session };
  }

  /** The `Set-Cookie` that begins a session. */
  write(session: Session): string {
    return this.#setCookie(this.#sessions.encode(session), session.secure);
  }

  /** The younger cookie a browser should get with its answer, when one is due. */
  renew(session: Session): Renewal | null {
    const renewed = this.#sessions.renewed(session);
    return renewed === null ? null : { session: renewed, setCookie: this.write(renewed) };
  }

  /** The `Set-Cookie` that removes the cookie. */
  remove(secure: boolean): string {
    return `${this.#setCookie('', secure)}; Max-Age=0`;
  }

  #setCookie(value: string, secure: boolean): string {
    return `${this.#name()}=${value}; Path=/; HttpOnly; SameSite=Strict${secure ? '; Secure' : ''}`;
  }
}

/** The value of the first cookie of that name. */
function cookie(header: string | undefined, name: string): string | null {
  for (const pair of header?.split(';') ?? []) {
    const at = pair.indexOf('=');
    if (at !== -1 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim();
  }
  return null;
}

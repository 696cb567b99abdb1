import type { IncomingMessage } from 'node:http';
import type { UserHeaders } from '../../core/user-headers.ts';
import type { User } from './context.ts';

/** Tells who a request is for; `undefined`: nobody known. */
export type IdentifyUser = (request: IncomingMessage) => User | null | undefined;

/** The widths of the columns they are stored in. */
const EMAIL_LENGTH_MAX = 255;
const DEPARTMENT_LENGTH_MAX = 50;

const NOT_ASCII = /\P{ASCII}/u;

/** Who requests are for: as the app's own function says, else as the headers say that the operator trusts. */
export class Identity {
  readonly #headers: UserHeaders | null;
  readonly #warnOnce: (key: string, message: string) => void;
  #identify: IdentifyUser | undefined;

  constructor(headers: UserHeaders | null, warnOnce: (key: string, message: string) => void) {
    this.#headers = headers;
    this.#warnOnce = warnOnce;
  }

  /** Whether anybody has said how to tell; while nobody has, requests cost nothing. */
  get isKnown(): boolean {
    return this.#identify !== undefined || this.#headers !== null;
  }

  /** From now on `identify` alone decides; headers are no longer looked at. The latest wins. */
  use(identify: IdentifyUser): void {
    if (typeof identify === 'function') this.#identify = identify;
    else this.#warn(`expected a function, got ${typeof identify}`);
  }

  /** Never throws: what the app's function throws is swallowed and warned about once. */
  userOf(request: IncomingMessage): User | undefined {
    return this.#identify === undefined ? this.#fromHeaders(request) : this.#told(this.#identify, request);
  }

  #told(identify: IdentifyUser, request: IncomingMessage): User | undefined {
    try {
      const user: unknown = identify(request);
      if (user === undefined || user === null) return undefined;
      if (user instanceof Promise) {
        user.catch(() => {}); // A rejection nobody can handle would end the app.
        this.#warn('expected a user at once, got a promise');
        return undefined;
      }
      const { email, department } = user as User;
      return known(cleaned(email, EMAIL_LENGTH_MAX), cleaned(department, DEPARTMENT_LENGTH_MAX));
    } catch {
      this.#warn('it has thrown');
      return undefined;
    }
  }

  #fromHeaders({ headers }: IncomingMessage): User | undefined {
    const names = this.#headers;
    const [email, department] = [names?.email, names?.department].map((name) =>
      typeof name === 'string' ? decoded(headers[name]) : undefined,
    );
    if (cameTwice(email) || cameTwice(department)) return undefined;
    return known(cleaned(email, EMAIL_LENGTH_MAX), cleaned(department, DEPARTMENT_LENGTH_MAX));
  }

  #warn(what: string): void {
    this.#warnOnce('identifyUser', `identifyUser: ${what}; requests stay without a user`);
  }
}

/** Node joins them with a comma, and one of the two may be the client's own. */
function cameTwice(value: string | undefined): boolean {
  return value?.includes(',') === true;
}

function known(email: string | undefined, department: string | undefined): User | undefined {
  return email === undefined && department === undefined ? undefined : { email, department };
}

/** One line without control characters, trimmed, cut to what is stored; `undefined` when nothing is left. */
function cleaned(value: unknown, lengthMax: number): string | undefined {
  if (typeof value !== 'string') return undefined;
  const text = value
    .slice(0, 4 * lengthMax)
    .replace(/[\p{Cc}\p{Cf}\p{Cs}]/gu, '')
    .trim()
    .slice(0, lengthMax);
  return text === '' ? undefined : text;
}

/** Node reads a header's bytes as Latin-1; proxies send UTF-8. */
function decoded(header: string | string[] | undefined): string | undefined {
  if (typeof header !== 'string') return undefined;
  if (!NOT_ASCII.test(header)) return header;
  const text = Buffer.from(header, 'latin1').toString('utf8');
  return text.includes('\uFFFD') ? header : text;
}

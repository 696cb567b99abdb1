import { createHash, timingSafeEqual } from 'node:crypto';
import type { AccessRegister } from '../../../core/access/register.ts';
import { tokenId as idOf, type Role } from '../../../core/access/token.ts';

/** What a token opens. */
export interface Grant {
  readonly role: Role;
  /** Index of the admin token whose key signs what is opened with it. */
  readonly key: number;
  /** Of a named token; `null`: an admin token. */
  readonly tokenId: string | null;
}

export interface GrantsOptions {
  /** Every one of them opens the door, so that a new one can be handed out before the old one goes. */
  readonly adminTokens: readonly string[];
  /** Whether an operator chose them: then they may be ones that can be guessed. */
  readonly chosen: boolean;
  readonly register: AccessRegister;
  readonly now: () => number;
}

/** Sessions of named tokens, and of login links, are signed with the first admin token's key. */
const FIRST_KEY = 0;

export const LOGIN_LINK_GRANT: Grant = { role: 'admin', key: FIRST_KEY, tokenId: null };

/** Which tokens open what. They are compared in constant time and are kept as digests only. */
export class Grants {
  readonly #adminDigests: readonly Buffer[];
  readonly #options: GrantsOptions;

  constructor(options: GrantsOptions) {
    this.#options = options;
    this.#adminDigests = options.adminTokens.map((token) => Buffer.from(digestOf(token), 'hex'));
  }

  /** Whether there is a token that somebody thought of, so that guessing it has to be slow. */
  get canBeGuessed(): boolean {
    return this.#options.chosen;
  }

  /** Of a token that was made by chance, which nobody guesses: it may be looked at as often as anybody likes. */
  made(digest: string): Grant | null {
    return this.#named(digest) ?? (this.#options.chosen ? null : this.#admin(digest));
  }

  /** Of a token that somebody thought of. */
  chosen(digest: string): Grant | null {
    return this.#options.chosen ? this.#admin(digest) : null;
  }

  #named(digest: string): Grant | null {
    const { register, now } = this.#options;
    const tokenId = idOf({ digest });
    const token = register.token(tokenId);
    if (token === null || !isSame(digest, token.digest)) return null;
    register.used(tokenId, now());
    return { role: token.role, key: FIRST_KEY, tokenId };
  }

  #admin(digest: string): Grant | null {
    let found: Grant | null = null;
    for (const [key, known] of this.#adminDigests.entries()) {
      if (timingSafeEqual(Buffer.from(digest, 'hex'), known)) found = { role: 'admin', key, tokenId: null };
    }
    return found;
  }
}

/** SHA-256 of a token, as hex digits. */
export function digestOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

function isSame(digest: string, other: string): boolean {
  return timingSafeEqual(Buffer.from(digest, 'hex'), Buffer.from(other, 'hex'));
}

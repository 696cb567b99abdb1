/** What somebody may do: a viewer sees everything, an admin changes alerts as well. */
export const ROLES = ['viewer', 'admin'] as const;
export type Role = (typeof ROLES)[number];

/** Named tokens at once. */
export const TOKENS_MAX = 100;
/** In lower case: where they are files, names that differ in case only would be one. */
export const TOKEN_NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/;
/** So many digits of its digest name a token. */
const ID_HEX_DIGITS = 18;

/** A token that was given a name, as it is stored: the token itself is nowhere. */
export interface AccessToken {
  readonly name: string;
  readonly role: Role;
  /** SHA-256 of the token, 64 lower-case hex digits. */
  readonly digest: string;
  /** Milliseconds since the Unix epoch. */
  readonly madeMs: number;
  /** When it was last used, to within a minute; `null`: never. */
  readonly usedMs: number | null;
}

/** What sessions name a token by: another one of the same name has another id. */
export function tokenId({ digest }: Pick<AccessToken, 'digest'>): string {
  return digest.slice(0, ID_HEX_DIGITS);
}

export function isRole(text: unknown): text is Role {
  return ROLES.some((role) => role === text);
}

/** Whether a role is enough where `needed` is asked for. */
export function allows(role: Role, needed: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(needed);
}

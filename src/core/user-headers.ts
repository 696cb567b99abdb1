/** The request headers that say who a request is for, in lower case; `null`: not taken from a header. */
export interface UserHeaders {
  readonly email: string | null;
  readonly department: string | null;
}

const TOKEN = /^[\w!#$%&'*+.^`|~-]{1,100}$/;
/** Their values would end up in rows. */
const SECRETS: ReadonlySet<string> = new Set([
  'authorization',
  'proxy-authorization',
  'cookie',
  'set-cookie',
]);

/**
 * Reads `x-user-email` (the e-mail address alone) or `email=x-user-email,department=x-user-department`, in any order, each
 * once. Headers that hold credentials are refused.
 *
 * @returns what could not be read in place of the headers; `null` when there is nothing to read.
 */
export function parseUserHeaders(items: readonly string[]): UserHeaders | string | null {
  const headers: { email: string | null; department: string | null } = { email: null, department: null };
  for (const item of items) {
    const [field, header] = item.includes('=') ? item.split('=').map((part) => part.trim()) : ['email', item];
    const name = header?.toLowerCase() ?? '';
    if (field !== 'email' && field !== 'department') return item;
    if (headers[field] !== null || !TOKEN.test(name) || SECRETS.has(name)) return item;
    headers[field] = name;
  }
  return items.length === 0 ? null : headers;
}

/** The headers as they are written, `unset` for none. */
export function userHeadersText(headers: UserHeaders | null): string {
  const pairs = Object.entries(headers ?? {}).filter(([, header]) => header !== null);
  return pairs.map(([field, header]) => `${field}=${header}`).join(',') || 'unset';
}

/** What comes before the name of a request's header in the attribute that holds it. */
const HEADER = 'http.request.header.';
/** Names by which tools other than OpenTelemetry's conventions say who it was. */
const OTHER_NAMES: ReadonlySet<string> = new Set([
  'traceloop.association.properties.user_id',
  'ai.telemetry.metadata.userid',
  'ai.telemetry.metadata.user_id',
  'langfuse.user.id',
]);
/** `user.email`, `enduser.id`, `baggage.user.id`, and whatever else the conventions come to tell of a user. */
const OF_USER = /^(?:baggage\.)?(?:end)?user\.(?<of>.+)$/;
/** What many have in common, and tells nobody apart. */
const SHARED: ReadonlySet<string> = new Set(['department', 'role', 'roles', 'scope']);

/** The attributes that hold a trusted header, if there is one. Older instrumentations write `_` for `-`. */
export function headerAttributes(name: string | null | undefined): string[] {
  if (name === null || name === undefined) return [];
  return [`${HEADER}${name}`, `${HEADER}${name.replaceAll('-', '_')}`];
}

/** Whether an attribute's value tells one person from others. */
export type IsUserAttribute = (name: string) => boolean;

/** @param headers those that say who a request is for. */
export function userAttributes(headers: UserHeaders | null): IsUserAttribute {
  const ofHeader = new Set(headerAttributes(headers?.email));
  return (name) => {
    const lower = name.toLowerCase();
    if (ofHeader.has(lower) || OTHER_NAMES.has(lower)) return true;
    const of = OF_USER.exec(lower)?.groups?.['of'];
    return of !== undefined && !SHARED.has(of);
  };
}

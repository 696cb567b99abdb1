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

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
/** The attributes that hold a trusted header, if there is one. Older instrumentations write `_` for `-`. */
export function headerAttributes(name: string | null | undefined): string[] {
  if (name === null || name === undefined) return [];
  return [`${HEADER}${name}`, `${HEADER}${name.replaceAll('-', '_')}`];
}

/** Whether an attribute's value tells one person from others. */
export type IsUserAttribute = (name: string) => boolean;

/** What is one of these, or ends in one, is a user: `user.email`, `enduser.id`, `X-Forwarded-User`, and Datadog's `usr.id`. */
const USER: ReadonlySet<string> = new Set(['user', 'users', 'enduser', 'usr']);
/** What many have in common, and tells nobody apart. */
const SHARED: ReadonlySet<string> = new Set(['department', 'role', 'roles', 'scope']);
/** By which of these words a user is told where it is written together with others: `userId`, `user_name`, not `user_count`. */
const IDENTITY: ReadonlySet<string> = new Set(
  (
    'id ids uid uuid guid identifier key email emails mail address name names username login handle hash ' +
    'subject sub principal phone ip identity pseudonym account'
  ).split(' '),
);
/** Likewise without anything between. */
const WRITTEN_TOGETHER = /(?:user|usr)(?:id|ids|uid|uuid|guid|key|e?mail|emails|name|names|login|hash)$/;
/** Users of a database or an operating system, and what is counted or asked of users. */
const OTHERS_BEFORE: ReadonlySet<string> = new Set(['db', 'cpu', 'is', 'has', 'per', 'num', 'no']);
const OTHERS: ReadonlySet<string> = new Set(['process', 'db']);
const MAIL: ReadonlySet<string> = new Set(['email', 'emails', 'mail']);
const OF_MAIL: ReadonlySet<string> = new Set(['address', 'value']);
/** Names come again with every span; past so many they are judged anew, and those that are long always. */
const KNOWN_MAX = 2000;
const KNOWN_CHARS_MAX = 256;
/** Nobody names anything so long: what is longer is judged by its end. */
const NAME_CHARS_MAX = 512;

/** Parts of a name between dots and the like, each of its words. */
type Parts = readonly (readonly string[])[];

/**
 * By its name, in any case and spelling: `user.email`, `User-Id`, `userId`, `enduser.id`, also below others
 * (`app.user.id`, `baggage.user.id`), the header that is trusted wherever it is named, headers such as `X-User-Id`, and what is
 * an e-mail address by its name.
 *
 * @param headers those that say who a request is for.
 */
export function userAttributes(headers: UserHeaders | null): IsUserAttribute {
  const headerParts = partsOf(headers?.email ?? '');
  const header = headerParts.length > 0 ? joined(headerParts) : null;
  const ofHeader = new Set(headerAttributes(headers?.email));
  const known = new Map<string, boolean>();
  return (name) => {
    const before = known.get(name);
    if (before !== undefined) return before;
    const end = name.slice(-NAME_CHARS_MAX);
    const lower = end.toLowerCase();
    const is =
      ofHeader.has(lower) ||
      [lower, end].some((spelled) => {
        const parts = partsOf(spelled);
        return tellsOfUser(parts) || (header !== null && joined(parts).includes(header));
      });
    if (known.size >= KNOWN_MAX) known.clear();
    if (name.length <= KNOWN_CHARS_MAX) known.set(name, is);
    return is;
  };
}

/** The name of what stands below an attribute, or of an attribute that is below none (`''`). */
export function attributeBelow(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`.slice(-NAME_CHARS_MAX);
}

const HINTS: readonly string[] = ['user', 'usr', 'mail'];

/**
 * Of these, in lower case, one is in every name that `userAttributes` takes for a user's: who looks for users can skip over a
 * text that holds none of them.
 */
export function userHints(headers: UserHeaders | null): readonly string[] {
  const header = headers?.email ?? null;
  if (header === null) return HINTS;
  const [longest = header] = partsOf(header)
    .flat()
    .toSorted((a, b) => b.length - a.length);
  return [...HINTS, longest];
}

/** `X-User-Id`, `x_user_id`, `xUserId`: words are the same however they are set off. Which one of several it is says nothing. */
function partsOf(name: string): Parts {
  const parts = name.split(/[^\w-]+/).map((part) =>
    part
      .replace(/([a-z\d])([A-Z])/g, '$1-$2')
      .replace(/([A-Z])([A-Z][a-z])/g, '$1-$2')
      .toLowerCase()
      .split(/[_-]+/)
      .filter((word) => word !== ''),
  );
  return parts.filter(([word = '', another]) => another !== undefined || !/^\d*$/.test(word));
}

/** Bounded on both sides, so that no header is found in the end of another one's name. */
function joined(parts: Parts): string {
  return `.${parts.map((words) => words.join('-')).join('.')}.`;
}

function tellsOfUser(parts: Parts): boolean {
  if (OTHERS.has(parts[0]?.[0] ?? '') && parts.length > 1 && !isMail(parts, parts.length - 1)) return false;
  return parts.some((_, at) => isUser(parts, at) || isMail(parts, at));
}

function isUser(parts: Parts, at: number): boolean {
  const words = parts[at] ?? [];
  if (words.some((word) => WRITTEN_TOGETHER.test(word))) return true;
  return words.some((word, index) => {
    if (!USER.has(word) || OTHERS_BEFORE.has(words[index - 1] ?? '')) return false;
    const rest = words.slice(index + 1);
    if (rest.length > 0) return !SHARED.has(rest[0] ?? '') && rest[0] !== 'agent' && rest.some(isIdentity);
    const next = parts[at + 1];
    if (next === undefined) return word !== 'users';
    if (word === 'users') return next.some(isIdentity);
    return !SHARED.has(next.join('-'));
  });
}

const isIdentity = (word: string): boolean => IDENTITY.has(word);

function isMail(parts: Parts, at: number): boolean {
  const words = parts[at] ?? [];
  const isAddress = words.at(-1) === 'address' && MAIL.has(words.at(-2) ?? '');
  if (!isAddress && !MAIL.has(words.at(-1) ?? '')) return false;
  const next = parts[at + 1];
  return next === undefined || OF_MAIL.has(next.join('-'));
}

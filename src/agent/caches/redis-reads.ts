import { type CachePrefix, cacheNameOf, PREFIX_LENGTH_MAX } from '../../core/names/cache-names.ts';

/** Which caches a command reads; for one of several keys, the name of each, `undefined` where a key is of no cache. */
export type Asked = string | readonly (string | undefined)[];

/** Whether a reply holds the value asked for. */
type Outcome = (reply: unknown) => boolean;

const isValue: Outcome = (reply) => reply !== null && reply !== undefined;
const hasValue: Outcome = (reply) => Array.isArray(reply) && reply.some(isValue);
const hasFields: Outcome = (reply) => {
  if (Array.isArray(reply)) return reply.length > 0;
  if (reply instanceof Map) return reply.size > 0;
  return typeof reply === 'object' && reply !== null && Object.keys(reply).length > 0;
};

/**
 * The commands that read a cached value, with how their reply tells whether it was there. `EXISTS` and `TTL` read none:
 * a `GET` follows where one is wanted, and the two would count twice.
 */
const OUTCOMES: ReadonlyMap<string, Outcome> = new Map([
  ['get', isValue],
  ['getex', isValue],
  ['getdel', isValue],
  ['json.get', isValue],
  ['hget', isValue],
  ['hmget', hasValue],
  ['hgetall', hasFields],
]);
const MANY = 'mget';
/** The most bytes a prefix can have in UTF-8. */
const PREFIX_BYTES_MAX = 4 * PREFIX_LENGTH_MAX;

/**
 * The caches a command reads, by what its keys begin with; `undefined` for anything but a look-up. Redis holds sessions,
 * locks and counters too, so a key that begins with no configured prefix is none.
 *
 * @param command in lower case.
 * @param firstKey where in `args` the keys begin.
 */
export function askedCaches(
  command: string,
  args: readonly unknown[],
  firstKey: number,
  caches: readonly CachePrefix[],
): Asked | undefined {
  if (OUTCOMES.has(command)) return nameOf(args[firstKey], caches);
  if (command !== MANY) return undefined;
  const names = args.slice(firstKey).map((key) => nameOf(key, caches));
  return names.some((name) => name !== undefined) ? names : undefined;
}

/** Tells each look-up of a command and whether it was a hit; a reply of an unknown shape tells nothing. */
export function readOutcomes(
  command: string,
  asked: Asked,
  reply: unknown,
  tell: (name: string, hit: boolean) => void,
): void {
  if (typeof asked === 'string') {
    const hit = OUTCOMES.get(command)?.(reply);
    if (hit !== undefined) tell(asked, hit);
    return;
  }
  if (!Array.isArray(reply) || reply.length !== asked.length) return;
  for (const [at, name] of asked.entries()) {
    if (name !== undefined) tell(name, isValue(reply[at]));
  }
}

function nameOf(key: unknown, caches: readonly CachePrefix[]): string | undefined {
  return cacheNameOf(Buffer.isBuffer(key) ? key.toString('utf8', 0, PREFIX_BYTES_MAX) : key, caches);
}

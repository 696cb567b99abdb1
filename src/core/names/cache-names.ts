/** The name look-ups are counted under when their key starts with `prefix`. */
export interface CachePrefix {
  readonly prefix: string;
  readonly name: string;
}

/** The keys of the specification. */
export const DEFAULT_CACHES: readonly CachePrefix[] = [
  { prefix: 'rag:', name: 'rag' },
  { prefix: 'emb:', name: 'embedding' },
];
/** As many as are told apart when they are counted. */
const CACHES_MAX = 50;
export const PREFIX_LENGTH_MAX = 100;
/** Written for the empty prefix, which every key has. */
const EVERY_KEY = '*';
const NAME = /^[\w.:-]{1,50}$/;

/**
 * Reads pairs such as `rag=rag:,embedding=emb:`: a name of at most 50 letters, digits, `_`, `.`, `:` or `-`, and the at
 * most 100 characters its keys begin with; `*` stands for every key. At most 50 pairs; none at all are the default ones.
 *
 * @returns what could not be read in place of the list.
 */
export function parseCachePrefixes(items: readonly string[]): readonly CachePrefix[] | string {
  if (items.length === 0) return DEFAULT_CACHES;
  const caches: CachePrefix[] = [];
  for (const item of items) {
    const [name, prefix] = splitOnce(item);
    if (caches.length === CACHES_MAX || !NAME.test(name) || !isPrefix(prefix)) return item;
    caches.push({ name, prefix: prefix === EVERY_KEY ? '' : prefix });
  }
  return caches;
}

/** The pairs as they are written. */
export function cachesText(caches: readonly CachePrefix[]): string {
  return caches.map(({ name, prefix }) => `${name}=${prefix === '' ? EVERY_KEY : prefix}`).join(',');
}

/** The name of the first prefix the key starts with; `undefined` when there is none or the key is no string. */
export function cacheNameOf(key: unknown, caches: readonly CachePrefix[]): string | undefined {
  if (typeof key !== 'string') return undefined;
  for (const { prefix, name } of caches) if (key.startsWith(prefix)) return name;
  return undefined;
}

function isPrefix(prefix: string): boolean {
  return prefix !== '' && prefix.length <= PREFIX_LENGTH_MAX;
}

function splitOnce(item: string): [name: string, prefix: string] {
  const at = item.indexOf('=');
  return at === -1 ? ['', ''] : [item.slice(0, at).trim(), item.slice(at + 1).trim()];
}

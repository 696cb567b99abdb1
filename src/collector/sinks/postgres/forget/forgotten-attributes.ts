/** Which names, in which attributes. */
export interface Forgetting {
  readonly names: readonly string[];
  readonly isUser: (attribute: string) => boolean;
  /** What takes their place. @default the attribute goes */
  readonly instead?: string;
}

/**
 * JSON without a user; the same value where it is not in it. An address is one wherever it stands, a short id only where an
 * attribute says that it is a user's.
 */
export function withoutUser(value: unknown, forgetting: Forgetting, path = ''): unknown {
  if (typeof value !== 'object' || value === null) return value;
  let changed = false;
  if (Array.isArray(value)) {
    const items = value.map((item: unknown) => {
      const now = named(item, path, forgetting)
        ? (forgetting.instead ?? null)
        : withoutUser(item, forgetting, path);
      changed ||= now !== item;
      return now;
    });
    return changed ? items : value;
  }
  const kept = Object.entries(value).flatMap(([name, inner]): [string, unknown][] => {
    const at = path === '' ? name : `${path}.${name}`;
    if (!named(inner, at, forgetting)) {
      const now = withoutUser(inner, forgetting, at);
      changed ||= now !== inner;
      return [[name, now]];
    }
    changed = true;
    return forgetting.instead === undefined ? [] : [[name, forgetting.instead]];
  });
  return changed ? Object.fromEntries(kept) : value;
}

function named(value: unknown, attribute: string, { names, isUser }: Forgetting): boolean {
  if (typeof value !== 'string' && typeof value !== 'number') return false;
  const text = String(value);
  return names.includes(text) && (isUser(attribute) || text.includes('@') || text.startsWith('user-'));
}

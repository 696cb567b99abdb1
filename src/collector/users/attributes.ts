import type { IsUserAttribute } from '../../core/user-headers.ts';

/** Values in each other; deeper ones are left out, because nobody can say what is in them. */
const DEPTH_MAX = 64;

/**
 * Attributes with users under other names; the same object where there is none. Below an attribute that holds others their
 * names count as `outer.inner`.
 */
export function withHiddenUsers<T>(attributes: T, isUser: IsUserAttribute, of: (user: string) => string): T {
  return hidden(attributes, ['', ''], { isUser, of }, 0) as T;
}

interface Hiding {
  readonly isUser: IsUserAttribute;
  readonly of: (user: string) => string;
}

/** @param names of the attribute: its own, and with those that it is below. */
function hidden(
  value: unknown,
  names: readonly [own: string, path: string],
  hiding: Hiding,
  depth: number,
): unknown {
  if (names.some((name) => hiding.isUser(name))) return hiddenUser(value, hiding);
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= DEPTH_MAX) return null;
  if (Array.isArray(value)) {
    const items = value.map((item: unknown) => hidden(item, names, hiding, depth + 1));
    return items.some((item, at) => item !== value[at]) ? items : value;
  }
  const [, path] = names;
  let changed = false;
  const entries = Object.entries(value).map(([name, inner]): [string, unknown] => {
    const now = hidden(inner, [name, path === '' ? name : `${path}.${name}`], hiding, depth + 1);
    changed ||= now !== inner;
    return [name, now];
  });
  return changed ? Object.fromEntries(entries) : value;
}

/** A name, or a number that is one; several of them likewise. Of anything else nothing is left. */
function hiddenUser(value: unknown, { of }: Hiding): unknown {
  if (typeof value === 'string') return value === '' ? value : of(value);
  if (typeof value === 'number' || typeof value === 'bigint') return of(String(value));
  if (Array.isArray(value))
    return value.map((one: unknown) =>
      typeof one === 'string' || typeof one === 'number' ? of(String(one)) : null,
    );
  return null;
}

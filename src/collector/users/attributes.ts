import { attributeBelow, type IsUserAttribute } from '../../core/user-headers.ts';

/** Values in each other; deeper ones are left out, because nobody can say what is in them. */
const DEPTH_MAX = 64;

/** How users are found, and what stands for them. */
export interface Hiding {
  readonly isUser: IsUserAttribute;
  readonly of: (user: string) => string;
  /** Whether there may be a user in a text that has attributes written in it. */
  readonly mayHave: (text: string) => boolean;
}

/**
 * Attributes with users under other names; the same object where there is none. Below an attribute that holds others their
 * names count as `outer.inner`, also where they are written as JSON in a text.
 *
 * @param path of the attribute that they are the value of.
 */
export function withHiddenUsers<T>(attributes: T, hiding: Hiding, path = ''): T {
  return hidden(attributes, path, hiding, 0) as T;
}

function hidden(value: unknown, path: string, hiding: Hiding, depth: number): unknown {
  if (typeof value !== 'object' || value === null) return hiddenLeaf(value, path, hiding, depth);
  if (depth >= DEPTH_MAX) return null;
  if (Array.isArray(value)) {
    const items = value.map((item: unknown) => hidden(item, path, hiding, depth + 1));
    return items.some((item, at) => item !== value[at]) ? items : value;
  }
  let changed = false;
  const entries = Object.entries(value).map(([name, inner]): [string, unknown] => {
    const now = hidden(inner, attributeBelow(path, name), hiding, depth + 1);
    changed ||= now !== inner;
    return [name, now];
  });
  return changed ? Object.fromEntries(entries) : value;
}

/** A text, or a number that is an id. */
function hiddenLeaf(value: unknown, path: string, hiding: Hiding, depth: number): unknown {
  if (typeof value === 'string') {
    if (value === '') return value;
    return hiding.isUser(path) ? hiding.of(value) : inText(value, path, hiding, depth);
  }
  const isNumber = typeof value === 'number' || typeof value === 'bigint';
  return isNumber && hiding.isUser(path) ? hiding.of(String(value)) : value;
}

/** What instrumentations pack into one attribute, such as the parameters of a model call or metadata. */
export function hiddenInText(text: string, path: string, hiding: Hiding): string {
  return inText(text, path, hiding, 0);
}

function inText(text: string, path: string, hiding: Hiding, depth: number): string {
  if (!/^\s*[[{]/.test(text) || !hiding.mayHave(text)) return text;
  let told: unknown;
  try {
    told = JSON.parse(text);
  } catch {
    return text; // It only looks like it.
  }
  const now = hidden(told, path, hiding, depth + 1);
  return now === told ? text : JSON.stringify(now);
}

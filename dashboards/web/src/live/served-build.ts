/** Reloads of a screen nobody watches: the first at once, then this long after the last, doubled up to the longest. */
const RELOAD_FIRST_MS = 60_000;
const RELOAD_LONGEST_MS = 3_600_000;
/** A screen that stayed as it is for so long begins anew. */
const RELOADS_FORGOTTEN_MS = 4 * RELOAD_LONGEST_MS;
const KEY = 'nervecenter.reloads';

/** What is kept over a reload, so that one that changes nothing is not followed by the next at once. */
export interface Reloads {
  readonly count: number;
  /** When the last one was, in milliseconds since 1970. */
  readonly atMs: number;
}

/**
 * The built files that a page's HTML names, which carry a hash of their content: the same names are the same dashboard.
 * Empty for what is not a built dashboard, such as a login page.
 */
export function assetsOf(html: string): readonly string[] {
  const names = html.match(/\/assets\/[\w.-]+\.(?:js|css)\b/g) ?? [];
  return [...new Set(names)].sort();
}

/** Whether `served` is a dashboard, and another than `own`. */
export function isAnother(own: readonly string[], served: readonly string[]): boolean {
  return own.length > 0 && served.length > 0 && own.join() !== served.join();
}

/** How long a screen has to wait before it may reload again, in milliseconds; 0: not at all. */
export function waitBeforeReload({ count, atMs }: Reloads, nowMs: number): number {
  const since = nowMs - atMs;
  // A clock that was set back must not stop the screen for as long.
  if (count === 0 || since < 0 || since > RELOADS_FORGOTTEN_MS) return 0;
  const delay = Math.min(RELOAD_FIRST_MS * 2 ** Math.min(count - 1, 10), RELOAD_LONGEST_MS);
  return Math.max(0, delay - since);
}

export function afterReload({ count, atMs }: Reloads, nowMs: number): Reloads {
  return { count: nowMs - atMs > RELOADS_FORGOTTEN_MS ? 1 : count + 1, atMs: nowMs };
}

/** `null` where the browser keeps nothing: there a reload could not be told from the first. */
export function readReloads(storage: () => Storage): Reloads | null {
  try {
    const kept: unknown = JSON.parse(storage().getItem(KEY) ?? 'null');
    const isKept = typeof kept === 'object' && kept !== null && 'count' in kept && 'atMs' in kept;
    if (!isKept) return { count: 0, atMs: 0 };
    return { count: Number(kept.count) || 0, atMs: Number(kept.atMs) || 0 };
  } catch {
    return null;
  }
}

/** Whether it was kept. */
export function writeReloads(storage: () => Storage, reloads: Reloads): boolean {
  try {
    storage().setItem(KEY, JSON.stringify(reloads));
    return true;
  } catch {
    return false;
  }
}

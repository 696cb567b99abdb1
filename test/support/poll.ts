import { setTimeout as pause } from 'node:timers/promises';

const POLL_MS = 10;

/**
 * Waits until `condition` gives something truthy and returns it.
 *
 * @param options.timeoutMs far above what is expected: it only keeps a broken test from hanging. @default 60 s
 * @throws Error when the time is over, with the last error of the condition as its cause.
 */
export async function until<T>(
  condition: () => T | Promise<T>,
  options: { readonly timeoutMs?: number; readonly what?: string } = {},
): Promise<NonNullable<T>> {
  const deadline = performance.now() + (options.timeoutMs ?? 60_000);
  let cause: unknown;
  do {
    try {
      const value = await condition();
      if (value) return value;
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    await pause(POLL_MS);
  } while (performance.now() < deadline);
  throw new Error(`not in time: ${options.what ?? String(condition)}`, { cause });
}

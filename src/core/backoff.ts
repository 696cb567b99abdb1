import { SECOND_MS } from './units.ts';

/** How long somebody waits between attempts. */
export interface Backoff {
  /** The longest wait after the first failure; it doubles with each further one. @default 250 ms */
  readonly firstMs?: number;
  /** It doubles no further. @default 30 s */
  readonly ceilingMs?: number;
  /** The share of a wait that is random, from 0 to 1, so that many do not come back in the same moment. @default 0.5 */
  readonly jitter?: number;
}

/**
 * How long to wait before trying again.
 *
 * @param failures in a row so far, from 1.
 * @param random from 0 to 1.
 */
export function backoffMs(failures: number, random: number, backoff: Backoff = {}): number {
  const { firstMs = SECOND_MS / 4, ceilingMs = 30 * SECOND_MS, jitter = 0.5 } = backoff;
  const wholeMs = Math.min(ceilingMs, firstMs * 2 ** (failures - 1));
  return wholeMs * (1 - jitter + jitter * random);
}

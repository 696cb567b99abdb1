import { SECOND_MS } from './units.ts';

const BACKOFF_MIN_MS = SECOND_MS / 4;
const BACKOFF_MAX_MS = 30 * SECOND_MS;

/**
 * How long to wait before trying again: doubles from 250 ms to 30 s, of which the last half is random, so that many
 * collectors do not come back to a restarted server at the same moment.
 *
 * @param attempt failures in a row so far, from 1.
 * @param random from 0 to 1.
 */
export function backoffMs(attempt: number, random: number): number {
  const whole = Math.min(BACKOFF_MAX_MS, BACKOFF_MIN_MS * 2 ** (attempt - 1));
  return whole / 2 + (whole / 2) * random;
}

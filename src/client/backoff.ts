export const RECONNECT_BASE_MS = 1000;
export const RECONNECT_MAX_MS = 30_000;

/** The longest wait before attempt `attempt` (0 is the first retry): doubles from 1 s to 30 s. */
export function backoffCeilingMs(attempt: number): number {
  return Math.min(RECONNECT_BASE_MS * 2 ** attempt, RECONNECT_MAX_MS);
}

/** Full jitter: anywhere below the ceiling, so that a hundred wall screens do not come back in the same instant. */
export function backoffDelayMs(attempt: number, random: () => number): number {
  return Math.floor(random() * backoffCeilingMs(attempt));
}

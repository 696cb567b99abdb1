import type { MetricsState } from '../../../../src/client/index.ts';
import { duration } from '../format.ts';

/** `12 s old`, or an empty text before the first snapshot. */
export function ageText(state: MetricsState, nowMs: number): string {
  return state.lastUpdated === null ? '' : `${duration(nowMs - state.lastUpdated.getTime())} old`;
}

function attemptText(state: MetricsState, nowMs: number): string {
  if (state.connection === 'idle') return '';
  if (state.nextAttemptAt === null) return 'connecting…';
  return `next attempt in ${duration(Math.max(0, state.nextAttemptAt - nowMs))}`;
}

/** What stands beside the badge while the stream is down: how old the data is and what is being done about it. */
export function connectionDetail(state: MetricsState, nowMs: number): string {
  if (state.connected) return state.stale ? `waiting for data, ${ageText(state, nowMs)}` : '';
  const polling = state.connection === 'polling' ? 'polling' : '';
  return [polling, ageText(state, nowMs), attemptText(state, nowMs)]
    .filter((text) => text !== '')
    .join(' · ');
}

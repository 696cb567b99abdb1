import type { Snapshot } from '../core/snapshot.ts';
import { appendHistory, EMPTY_HISTORY, type MetricsHistory } from './history.ts';

/**
 * - `idle`: not asked to connect, or disconnected on purpose
 * - `connecting`: an attempt is under way and nothing else delivers
 * - `live`: snapshots come over the WebSocket
 * - `polling`: no WebSocket; snapshots are fetched meanwhile
 * - `waiting`: neither; the next attempt is at `nextAttemptAt`
 */
export type Connection = 'idle' | 'connecting' | 'live' | 'polling' | 'waiting';

export interface MetricsState {
  /** The newest snapshot; kept when the connection is lost. */
  readonly snapshot: Snapshot | null;
  /** The WebSocket is open. */
  readonly connected: boolean;
  /** What is wrong at the moment, in a sentence; `null` when nothing is. */
  readonly error: string | null;
  /** When the newest snapshot arrived here. */
  readonly lastUpdated: Date | null;
  readonly history: MetricsHistory;
  readonly connection: Connection;
  /** When the next attempt to connect is due, in milliseconds since 1970; `null` while none is scheduled. */
  readonly nextAttemptAt: number | null;
  /** The values are old: nothing delivers any at the moment. */
  readonly stale: boolean;
  /** The collector answered 401: somebody must log in. */
  readonly loginNeeded: boolean;
  /** The interval of the stream in milliseconds, as learnt from it. */
  readonly intervalMs: number;
  /** Messages that could not be read, since the last `reset`. */
  readonly malformed: number;
  /** Snapshots the collector made and we never saw, since the last `reset`. */
  readonly missed: number;
  /** Times the collector was found to have restarted, since the last `reset`. */
  readonly restarts: number;
}

export function initialState(intervalMs: number): MetricsState {
  return {
    snapshot: null,
    connected: false,
    error: null,
    lastUpdated: null,
    history: EMPTY_HISTORY,
    connection: 'idle',
    nextAttemptAt: null,
    stale: false,
    loginNeeded: false,
    intervalMs,
    malformed: 0,
    missed: 0,
    restarts: 0,
  };
}

/** The state with a snapshot taken in. One that is older than the one shown is refused; the same one is not counted twice. */
export function withSnapshot(state: MetricsState, snapshot: Snapshot, nowMs: number): MetricsState {
  const last = state.snapshot;
  const fresh = {
    ...state,
    lastUpdated: new Date(nowMs),
    error: null,
    stale: false,
    loginNeeded: false,
  };
  // `seq` is only comparable within one run of the collector.
  const restarted = last !== null && last.boot_id !== snapshot.boot_id;
  const step = last === null || restarted ? 1 : snapshot.seq - last.seq;
  if (step < 0) return state;
  // An answer of an older collector has no `seq`: what is new is told by its time.
  if (step === 0 && last?.timestamp === snapshot.timestamp) return fresh;
  return {
    ...fresh,
    snapshot,
    history: appendHistory(state.history, snapshot),
    missed: state.missed + Math.max(step - 1, 0),
    restarts: state.restarts + (restarted ? 1 : 0),
  };
}

/** What changes when an attempt to open the stream begins. */
export function connecting({ connection }: MetricsState): Partial<MetricsState> {
  return { connection: connection === 'polling' ? 'polling' : 'connecting', nextAttemptAt: null };
}

/** What changes when the stream is open. */
export const LIVE: Partial<MetricsState> = {
  connection: 'live',
  connected: true,
  error: null,
  loginNeeded: false,
};

/** What changes when the stream is lost, or could not be opened. */
export function lost(state: MetricsState, reason: string, nextAttemptAt: number): Partial<MetricsState> {
  const polling = state.connection === 'polling';
  return {
    connection: polling ? 'polling' : 'waiting',
    connected: false,
    // What the collector itself said tells more than a closed socket can.
    error: state.loginNeeded || polling ? state.error : reason,
    nextAttemptAt,
    stale: !polling && state.snapshot !== null,
  };
}

/** What changes when a poll brought no snapshot. */
export function unpolled({ nextAttemptAt, snapshot }: MetricsState): Partial<MetricsState> {
  return { connection: nextAttemptAt === null ? 'connecting' : 'waiting', stale: snapshot !== null };
}

/** What changes when something came that is no snapshot. */
export function malformed(state: MetricsState): Partial<MetricsState> {
  return { malformed: state.malformed + 1, error: 'The collector sent something that is not a snapshot' };
}

/** What changes when nothing is to be delivered any more. */
export function disconnected({ snapshot }: MetricsState): Partial<MetricsState> {
  return { connection: 'idle', connected: false, nextAttemptAt: null, stale: snapshot !== null };
}

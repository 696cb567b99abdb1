import type { Snapshot } from '../core/snapshot.ts';
import { type Environment, environmentOf, type MetricsStoreOptions } from './environment.ts';
import type { MetricsHistory } from './history.ts';
import {
  connecting,
  disconnected,
  initialState,
  LIVE,
  lost,
  type MetricsState,
  malformed,
  unpolled,
  withSnapshot,
} from './metrics-state.ts';
import { createPace } from './pace.ts';
import { readMessage } from './parse.ts';
import { createPoller, type PollResult, pollOnce } from './poller.ts';
import { derived, type Readable, writable } from './readable.ts';
import { createStream } from './stream.ts';
import { type Verdict, verdictOf } from './verdict.ts';

const INTERVAL_DEFAULT_MS = 5000;
/** A connection that stays silent for so many intervals is dead, whatever the operating system believes. */
const SILENT_INTERVALS = 3;

export interface MetricsStore extends Readable<MetricsState> {
  /**
   * Opens the stream and keeps it open: reconnects for ever, 1 s to 30 s with jitter, and polls the snapshot meanwhile.
   * Called while it waits for its next attempt, it tries at once. Called while it is connected, it does nothing.
   */
  connect(): void;
  /** Closes the stream and stops all attempts. The last snapshot and the history stay. */
  disconnect(): void;
  /** Fetches the snapshot once, without a stream. Never rejects: a failure is in the state's `error`. */
  fetchSnapshot(): Promise<void>;
  /** Disconnects and forgets everything. */
  reset(): void;
}

/**
 * The live view's store: one WebSocket to the collector, the newest snapshot and the history of the last 60.
 * Works without a framework; `subscribe` follows Svelte's store contract. Nothing it does throws.
 */
export function createMetricsStore(options: MetricsStoreOptions = {}): MetricsStore {
  const environment = environmentOf(options);
  const initialIntervalMs = options.intervalMs ?? INTERVAL_DEFAULT_MS;
  let pace = createPace(initialIntervalMs);
  const state = createState(environment, () => pace.intervalMs());
  // Answers asked for before a reset belong to the past.
  let generation = 0;

  const poller = createPoller(
    environment,
    () => pace.intervalMs(),
    (result) =>
      state.polled(result, result.kind === 'snapshot' ? { connection: 'polling' } : unpolled(state.get())),
  );

  const stream = createStream(environment, {
    connecting: () => state.change(connecting(state.get())),
    opened() {
      poller.stop();
      pace.restart();
      stream.expect(SILENT_INTERVALS * pace.intervalMs());
      state.change(LIVE);
    },
    received(data) {
      const message = readMessage(data);
      if (message.kind === 'malformed') state.change(malformed(state.get()));
      if (message.kind !== 'snapshot') return;
      pace.saw(message.snapshot);
      stream.alive(SILENT_INTERVALS * pace.intervalMs());
      state.took(message.snapshot);
    },
    silent: () => pace.silent(),
    lost(reason, nextAttemptAt) {
      state.change(lost(state.get(), reason, nextAttemptAt));
      poller.start();
    },
  });

  function disconnect(): void {
    stream.stop();
    poller.stop();
    state.change(disconnected(state.get()));
  }

  return {
    subscribe: state.subscribe,
    connect: () => stream.start(),
    disconnect,
    async fetchSnapshot() {
      const mine = generation;
      const result = await pollOnce(environment);
      if (mine === generation) state.polled(result, {});
    },
    reset() {
      generation++;
      disconnect();
      pace = createPace(initialIntervalMs);
      state.change(initialState(pace.intervalMs()));
    },
  };
}

/** The state, and what comes into it. */
function createState({ now }: Environment, intervalMs: () => number) {
  const { subscribe, get, set } = writable(initialState(intervalMs()));
  const change = (changes: Partial<MetricsState>): void => set({ ...get(), ...changes });
  const took = (snapshot: Snapshot, changes: Partial<MetricsState> = {}): void =>
    set({ ...withSnapshot(get(), snapshot, now()), intervalMs: intervalMs(), ...changes });

  function polled(result: PollResult, changes: Partial<MetricsState>): void {
    if (result.kind === 'snapshot') took(result.snapshot, changes);
    else if (result.kind === 'malformed') change({ ...changes, ...malformed(get()) });
    else if (result.kind === 'unauthorized') change({ ...changes, loginNeeded: true, error: 'Login needed' });
    else change({ ...changes, error: result.reason });
  }

  return { subscribe, get, change, took, polled };
}

/** The store of the page: the collector of the same origin. */
export const metricsStore: MetricsStore = createMetricsStore();

/** The newest snapshot, `null` before the first. */
export const metricsSnapshot: Readable<Snapshot | null> = derived(metricsStore, (state) => state.snapshot);
/** Whether the WebSocket is open. */
export const metricsConnected: Readable<boolean> = derived(metricsStore, (state) => state.connected);
/** The last 60 snapshots, by measure. */
export const metricsHistory: Readable<MetricsHistory> = derived(metricsStore, (state) => state.history);
/** The verdict on the newest snapshot. */
export const systemHealth: Readable<Verdict> = derived(metricsStore, (state) => verdictOf(state.snapshot));

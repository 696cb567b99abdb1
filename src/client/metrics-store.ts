import type { Snapshot } from '../core/snapshot.ts';
import { environmentOf, type MetricsStoreOptions } from './environment.ts';
import type { MetricsHistory } from './history.ts';
import { createPace } from './pace.ts';
import { readMessage } from './parse.ts';
import { createPoller, type PollResult, pollOnce } from './poller.ts';
import { derived, type Readable, writable } from './readable.ts';
import { initialState, type MetricsState, withSnapshot } from './state.ts';
import { createStream } from './stream.ts';
import { type Verdict, verdictOf } from './verdict.ts';

const INTERVAL_DEFAULT_MS = 5000;
/** A connection that stays silent for so many intervals is dead, whatever the operating system believes. */
const SILENT_INTERVALS = 3;
const UNREADABLE = 'The collector sent something that is not a snapshot';

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
  const state = writable(initialState(pace.intervalMs()));
  // Answers asked for before a reset belong to the past.
  let generation = 0;

  function change(changes: Partial<MetricsState>): void {
    state.set({ ...state.get(), ...changes });
  }

  function take(snapshot: Snapshot, changes: Partial<MetricsState> = {}): void {
    const next = withSnapshot(state.get(), snapshot, environment.now());
    state.set({ ...next, intervalMs: pace.intervalMs(), ...changes });
  }

  function takePolled(result: PollResult, changes: Partial<MetricsState>): void {
    if (result.kind === 'snapshot') take(result.snapshot, changes);
    else if (result.kind === 'malformed') countMalformed(changes);
    else if (result.kind === 'unauthorized') change({ ...changes, loginNeeded: true, error: 'Login needed' });
    else change({ ...changes, error: result.reason });
  }

  function countMalformed(changes: Partial<MetricsState> = {}): void {
    change({ ...changes, malformed: state.get().malformed + 1, error: UNREADABLE });
  }

  const poller = createPoller(
    environment,
    () => pace.intervalMs(),
    (result) => {
      if (result.kind === 'snapshot') return takePolled(result, { connection: 'polling' });
      const { nextAttemptAt, snapshot } = state.get();
      const connection = nextAttemptAt === null ? 'connecting' : 'waiting';
      takePolled(result, { connection, stale: snapshot !== null });
    },
  );

  const stream = createStream(environment, {
    connecting() {
      const polling = state.get().connection === 'polling';
      change({ connection: polling ? 'polling' : 'connecting', nextAttemptAt: null });
    },
    opened() {
      poller.stop();
      pace.restart();
      stream.expect(SILENT_INTERVALS * pace.intervalMs());
      change({ connection: 'live', connected: true, error: null, loginNeeded: false });
    },
    received(data) {
      const message = readMessage(data);
      if (message.kind === 'malformed') countMalformed();
      if (message.kind !== 'snapshot') return;
      pace.saw(message.snapshot);
      stream.alive(SILENT_INTERVALS * pace.intervalMs());
      take(message.snapshot);
    },
    silent: () => pace.silent(),
    lost(reason, nextAttemptAt) {
      const { connection, error, loginNeeded, snapshot } = state.get();
      const polling = connection === 'polling';
      change({
        connection: polling ? 'polling' : 'waiting',
        connected: false,
        // What the collector itself said tells more than a closed socket can.
        error: loginNeeded || polling ? error : reason,
        nextAttemptAt,
        stale: !polling && snapshot !== null,
      });
      poller.start();
    },
  });

  function disconnect(): void {
    stream.stop();
    poller.stop();
    change({
      connection: 'idle',
      connected: false,
      nextAttemptAt: null,
      stale: state.get().snapshot !== null,
    });
  }

  return {
    subscribe: state.subscribe,
    connect: () => stream.start(),
    disconnect,
    async fetchSnapshot() {
      const mine = generation;
      const result = await pollOnce(environment);
      if (mine === generation) takePolled(result, {});
    },
    reset() {
      generation++;
      disconnect();
      pace = createPace(initialIntervalMs);
      state.set(initialState(pace.intervalMs()));
    },
  };
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

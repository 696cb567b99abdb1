import type { Snapshot } from '../core/snapshot.ts';

/** Bounds of the collector's stream interval. */
const INTERVAL_MIN_MS = 1000;
const INTERVAL_MAX_MS = 60_000;
/** Gaps remembered; their median counts, so that neither a hiccup nor the burst after it changes anything. */
const GAPS_MAX = 9;

/** Learns the interval of the stream, which the collector's operator chooses and no message states. */
export interface Pace {
  intervalMs(): number;
  /** A snapshot came over the stream. */
  saw(snapshot: Snapshot): void;
  /** A new connection: its first snapshot comes at once and says nothing about the interval. */
  restart(): void;
  /** Silence where a snapshot was due: either the connection is dead or the interval is longer than believed. */
  silent(): void;
}

function clamp(intervalMs: number): number {
  return Math.min(Math.max(intervalMs, INTERVAL_MIN_MS), INTERVAL_MAX_MS);
}

function medianOf(gaps: readonly number[]): number {
  const sorted = gaps.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

export function createPace(initialMs: number): Pace {
  let intervalMs = clamp(initialMs);
  let gaps: readonly number[] = [];
  let lastMs: number | null = null;
  let isFirst = true;
  return {
    intervalMs: () => intervalMs,
    saw(snapshot) {
      if (isFirst) {
        isFirst = false;
        return;
      }
      const atMs = Date.parse(snapshot.timestamp);
      if (lastMs !== null && atMs > lastMs) {
        gaps = [...gaps, atMs - lastMs].slice(-GAPS_MAX);
        intervalMs = clamp(medianOf(gaps));
      }
      lastMs = atMs;
    },
    restart() {
      gaps = [];
      lastMs = null;
      isFirst = true;
    },
    silent() {
      intervalMs = clamp(intervalMs * 2);
    },
  };
}

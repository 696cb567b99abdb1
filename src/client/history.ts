import type { Snapshot } from '../core/snapshot.ts';
import { totalsOf } from './totals.ts';

/** Snapshots kept for the charts: 5 minutes at the default interval of 5 s. The oldest gives way. */
export const MAX_HISTORY = 60;

/** One column per measure, oldest first, all of the same length, at most `MAX_HISTORY` long. */
export interface MetricsHistory {
  /** ISO 8601 in UTC: when the collector made the snapshot. */
  readonly timestamps: readonly string[];
  /** Percent. */
  readonly cpu: readonly number[];
  /** Percent. */
  readonly memory: readonly number[];
  /** Mean of the window in milliseconds; says nothing where `ragQueries` is 0. */
  readonly ragLatency: readonly number[];
  /** RAG queries the mean is made of. */
  readonly ragQueries: readonly number[];
  /** Percent; says nothing where `cacheLookups` is 0. */
  readonly cacheHitRate: readonly number[];
  /** Hits and misses of the RAG cache so far; 0 while what was counted before the collector's start is not known. */
  readonly cacheLookups: readonly number[];
  readonly wsConnections: readonly number[];
}

export const EMPTY_HISTORY: MetricsHistory = {
  timestamps: [],
  cpu: [],
  memory: [],
  ragLatency: [],
  ragQueries: [],
  cacheHitRate: [],
  cacheLookups: [],
  wsConnections: [],
};

function append<Value>(column: readonly Value[], value: Value): readonly Value[] {
  return [...column, value].slice(-MAX_HISTORY);
}

/** The history with one more snapshot at its end. */
export function appendHistory(history: MetricsHistory, snapshot: Snapshot): MetricsHistory {
  const { cache, rag, system, websocket } = snapshot;
  return {
    timestamps: append(history.timestamps, snapshot.timestamp),
    cpu: append(history.cpu, system.cpu_percent),
    memory: append(history.memory, system.memory_percent),
    ragLatency: append(history.ragLatency, rag.latency_avg_ms),
    ragQueries: append(history.ragQueries, rag.window_count),
    cacheHitRate: append(history.cacheHitRate, cache.rag_hit_rate),
    cacheLookups: append(
      history.cacheLookups,
      totalsOf(snapshot).known ? cache.rag_hits + cache.rag_misses : 0,
    ),
    wsConnections: append(history.wsConnections, websocket.connections_active),
  };
}

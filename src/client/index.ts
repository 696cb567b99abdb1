export type {
  ApiSnapshot,
  CacheSnapshot,
  EndpointSnapshot,
  FilterSnapshot,
  InstanceSnapshot,
  LlmSnapshot,
  ModelSnapshot,
  NamedCacheSnapshot,
  PipelineSnapshot,
  RagSnapshot,
  Snapshot,
  StageSnapshot,
  StorageState,
  SystemSnapshot,
  WebSocketSnapshot,
} from '../core/snapshot.ts';
export type { FetchInit, MetricsStoreOptions, ResponseLike, SocketLike, Timers } from './environment.ts';
export { MAX_HISTORY, type MetricsHistory } from './history.ts';
export type { Connection, MetricsState } from './metrics-state.ts';
export {
  createMetricsStore,
  type MetricsStore,
  metricsConnected,
  metricsHistory,
  metricsSnapshot,
  metricsStore,
  systemHealth,
} from './metrics-store.ts';
export type { Readable } from './readable.ts';
export { HIT_RATE_MIN_PERCENT, RAG_P95_MAX_MS, type Verdict, verdictOf, verdictReasons } from './verdict.ts';

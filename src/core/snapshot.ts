/**
 * The snapshot: the one documented JSON of the live view (`GET /api/metrics/snapshot` and the WebSocket stream). Field
 * names, units and rounding are the contract with every dashboard: nothing is ever renamed or removed. Numbers are always
 * finite; with no data they are 0 and the count beside them says so. Durations are milliseconds with 1 decimal, rates are
 * percent (0 to 100) with 1 decimal, GB and MB are binary with 2 decimals, costs are US dollars with 4.
 */
export interface Snapshot {
  readonly schema_version: 1;
  /** Grows by one with every snapshot of one collector; a gap means missed snapshots. */
  readonly seq: number;
  /** Changes when the collector restarts. */
  readonly boot_id: string;
  readonly service: string;
  /** Averages and percentiles cover the last so many seconds. */
  readonly window_seconds: number;
  /** ISO 8601 in UTC, with Z. */
  readonly timestamp: string;
  readonly uptime_seconds: number;
  readonly system: SystemSnapshot;
  readonly websocket: WebSocketSnapshot;
  readonly rag: RagSnapshot;
  readonly cache: CacheSnapshot;
  readonly llm: LlmSnapshot;
  readonly api: ApiSnapshot;
  readonly instances: readonly InstanceSnapshot[];
  readonly pipeline: PipelineSnapshot;
  /** Only where the figures are not everybody's. */
  readonly filter?: FilterSnapshot;
}

/** Whose figures a snapshot has: `system` but for its processes, and `pipeline`, are the collector's all the same. */
export interface FilterSnapshot {
  readonly service: string | null;
  readonly instance: string | null;
  /** Everybody who sends: `instances` without the filter. */
  readonly senders: readonly InstanceSnapshot[];
  /** How many were not told apart any more because they are gone or too many, and are in `<other>`. */
  readonly folded: { readonly services: number; readonly instances: number };
}

export interface SystemSnapshot {
  readonly cpu_percent: number;
  readonly memory_percent: number;
  readonly memory_used_gb: number;
  readonly memory_total_gb: number;
  readonly disk_percent: number;
  readonly disk_used_gb: number;
  readonly process_memory_mb: number;
  readonly process_threads: number;
  readonly cpu_count: number;
  readonly load_1m: number;
  readonly disk_total_gb: number;
  readonly heap_used_mb: number;
  readonly event_loop_p99_ms: number;
  readonly event_loop_utilization_percent: number;
  readonly network_rx_bytes_per_second: number;
  readonly network_tx_bytes_per_second: number;
  /** CPU and memory are measured against a container's limit. */
  readonly container_limited: boolean;
}

export interface WebSocketSnapshot {
  readonly connections_active: number;
  readonly connections_total: number;
  readonly messages_in: number;
  readonly messages_out: number;
  readonly bytes_in: number;
  readonly bytes_out: number;
  readonly session_avg_seconds: number;
}

export interface StageSnapshot {
  readonly count: number;
  readonly avg_ms: number;
  readonly p50_ms: number;
  readonly p95_ms: number;
  readonly p99_ms: number;
}

export interface RagSnapshot {
  readonly total_queries: number;
  readonly latency_avg_ms: number;
  readonly latency_p95_ms: number;
  /** Mean contribution of the stage to every query of the window; a query that skipped it adds 0. */
  readonly embedding_avg_ms: number;
  readonly search_avg_ms: number;
  readonly avg_chunks: number;
  /** Percent of the successful queries that found nothing. */
  readonly zero_chunk_rate: number;
  /** Successful queries that told how many chunks they found: without one, `zero_chunk_rate` is 0 and says nothing. */
  readonly chunks_told_total: number;
  /** Those of the window: without one, `avg_chunks` is 0 and says nothing. */
  readonly chunks_told_window: number;
  readonly latency_p50_ms: number;
  readonly latency_p99_ms: number;
  readonly error_count: number;
  readonly window_count: number;
  readonly stages: Readonly<Record<string, StageSnapshot>>;
}

export interface NamedCacheSnapshot {
  readonly hits: number;
  readonly misses: number;
  readonly hit_rate: number;
  readonly keys_count: number;
  readonly memory_used_bytes: number;
}

export interface CacheSnapshot {
  readonly rag_hit_rate: number;
  readonly embedding_hit_rate: number;
  readonly rag_hits: number;
  readonly rag_misses: number;
  readonly embedding_hits: number;
  readonly embedding_misses: number;
  readonly caches: Readonly<Record<string, NamedCacheSnapshot>>;
}

export interface ModelSnapshot {
  readonly provider: string;
  readonly model: string;
  readonly requests: number;
  readonly errors: number;
  readonly tokens_in: number;
  readonly tokens_out: number;
  readonly cost_usd: number;
  /** Calls whose price is not known; they are not in `cost_usd`. */
  readonly unpriced_requests: number;
  /** Calls refused because there were too many. */
  readonly rate_limited_requests: number;
  readonly latency_p95_ms: number;
}

/** A model without a known price. */
export interface UnpricedModelSnapshot {
  readonly provider: string;
  readonly model: string;
  /** Calls that are in no cost figure. */
  readonly requests: number;
}

export interface LlmSnapshot {
  readonly total_requests: number;
  readonly latency_avg_ms: number;
  readonly latency_p95_ms: number;
  readonly first_token_avg_ms: number;
  readonly tokens_in_total: number;
  readonly tokens_out_total: number;
  readonly cost_total_usd: number;
  readonly error_count: number;
  readonly latency_p50_ms: number;
  readonly latency_p99_ms: number;
  readonly first_token_p95_ms: number;
  /** Time between two chunks with content of one stream. */
  readonly chunk_gap_p95_ms: number;
  readonly tokens_cached_total: number;
  readonly tokens_reasoning_total: number;
  /** Calls whose price is not known; they are in no cost figure. */
  readonly unpriced_requests: number;
  /** Whose calls those are, busiest first, at most 20. */
  readonly unpriced_models: readonly UnpricedModelSnapshot[];
  /** What reading from the providers' prompt caches cost less than the input price. */
  readonly cache_savings_usd: number;
  readonly estimated_requests: number;
  /** Calls refused because there were too many. */
  readonly rate_limited_requests: number;
  readonly aborted_requests: number;
  /** Cost of the window, or of what has been watched of it, extrapolated to an hour. */
  readonly cost_per_hour_usd: number;
  readonly by_model: readonly ModelSnapshot[];
}

export interface EndpointSnapshot {
  readonly requests: number;
  readonly latency_avg_ms: number;
  readonly latency_p95_ms: number;
  /** Responses with a status of 400 or above. */
  readonly errors: number;
}

export interface ApiSnapshot {
  /** By route template, `<unmatched>`, `<static>` and `<other>` included; at most 200 keys. */
  readonly endpoints: Readonly<Record<string, EndpointSnapshot>>;
  readonly requests_total: number;
  readonly errors_total: number;
  /** Over the window, or over as much of it as has been watched, 10 s at least. */
  readonly requests_per_second: number;
  /** Requests counted in `<other>` because the bound of route templates was reached. */
  readonly overflow_endpoints: number;
}

export interface InstanceSnapshot {
  readonly service: string;
  readonly instance_id: string;
  readonly host: string;
  readonly pid: number;
  readonly last_seen_seconds: number;
  readonly up: boolean;
}

/** accepted = stored + queued + in flight + the sum of dropped, at every moment. */
export interface PipelineSnapshot {
  readonly events_accepted: number;
  readonly events_stored: number;
  readonly events_queued: number;
  readonly events_in_flight: number;
  readonly events_dropped: Readonly<Record<string, number>>;
  /** Of the dropped ones those of the window: above 0 while events are being dropped. */
  readonly events_dropped_window: number;
  /** False while the disk cannot hold what waits for the database, so that only memory does. */
  readonly durable: boolean;
  /** Names that gave up their place to busier ones, and uses of names that found none: shown as `other`. */
  readonly labels_folded: number;
  /** Of those how many by kind of name: `route`, `model`, `provider`, `cache`, `stage`, `websocket_path`, …; no kind without one. */
  readonly labels_folded_by: Readonly<Record<string, number>>;
  /** Requests and answers of apps that were not followed to their end, by reason; no reason without one. */
  readonly observations_given_up: Readonly<Record<string, number>>;
  readonly spool_bytes: number;
  readonly storage: StorageState;
  /** `loading`: what was counted before this start is not known yet, so every total is still to grow by it. */
  readonly totals: 'loading' | 'known';
  readonly prices_version: string;
}

export type StorageState = 'ok' | 'down' | 'off';

/** The documented body of `GET /api/metrics/health`. */
export interface Health {
  readonly status: HealthStatus;
  readonly issues: readonly string[];
  readonly uptime_seconds: number;
  readonly ws_connections: number;
  readonly timestamp: string;
}

export type HealthStatus = 'healthy' | 'degraded' | 'critical';

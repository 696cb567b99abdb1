import type { FilterSnapshot, Snapshot } from '../core/snapshot.ts';
import {
  NEUTRAL_CACHE,
  NEUTRAL_ENDPOINT,
  NEUTRAL_FILTER,
  NEUTRAL_INSTANCE,
  NEUTRAL_MODEL,
  NEUTRAL_SNAPSHOT,
  NEUTRAL_STAGE,
} from './neutral-snapshot.ts';

/** A full snapshot of 200 routes and 50 models is about 60 KB; what is far above it is not one of ours. */
const MESSAGE_CHARS_MAX = 4 * 1024 * 1024;

/**
 * What makes a snapshot usable: the fields documented from the beginning. Later additions may be missing from an older
 * collector and are then neutral.
 */
const REQUIRED = {
  system: [
    'cpu_percent',
    'memory_percent',
    'memory_used_gb',
    'memory_total_gb',
    'disk_percent',
    'disk_used_gb',
    'process_memory_mb',
    'process_threads',
  ],
  websocket: ['connections_active', 'connections_total', 'messages_in', 'messages_out'],
  rag: [
    'total_queries',
    'latency_avg_ms',
    'latency_p95_ms',
    'embedding_avg_ms',
    'search_avg_ms',
    'avg_chunks',
    'zero_chunk_rate',
  ],
  cache: [
    'rag_hit_rate',
    'embedding_hit_rate',
    'rag_hits',
    'rag_misses',
    'embedding_hits',
    'embedding_misses',
  ],
  llm: [
    'total_requests',
    'latency_avg_ms',
    'latency_p95_ms',
    'first_token_avg_ms',
    'tokens_in_total',
    'tokens_out_total',
    'cost_total_usd',
    'error_count',
  ],
} as const satisfies { readonly [Section in keyof Snapshot]?: readonly (keyof Snapshot[Section])[] };

type Fields = Readonly<Record<string, unknown>>;

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isUsable(value: unknown): value is Fields {
  if (!isFields(value)) return false;
  if (typeof value['timestamp'] !== 'string' || Number.isNaN(Date.parse(value['timestamp']))) return false;
  if (!Number.isFinite(value['uptime_seconds'])) return false;
  if (!isFields(value['api']) || !isFields(value['api']['endpoints'])) return false;
  return Object.entries(REQUIRED).every(([section, names]) => {
    const fields = value[section];
    return isFields(fields) && names.every((name) => Number.isFinite(fields[name]));
  });
}

function isLike(value: unknown, neutral: unknown): boolean {
  if (typeof neutral === 'number') return Number.isFinite(value);
  if (Array.isArray(neutral)) return Array.isArray(value);
  if (isFields(neutral)) return isFields(value);
  return typeof value === typeof neutral;
}

/** The neutral object with every field of the right type taken from `value`; fields it does not know are kept. */
function complete<Shape extends object>(value: unknown, neutral: Shape): Shape {
  if (!isFields(value)) return neutral;
  const result: Record<string, unknown> = { ...value };
  for (const [name, fallback] of Object.entries(neutral)) {
    const field = value[name];
    if (!isLike(field, fallback)) result[name] = fallback;
    else if (isFields(fallback)) result[name] = complete(field, fallback);
  }
  return result as Shape;
}

function completeMap<Entry extends object>(
  map: Readonly<Record<string, unknown>>,
  neutral: Entry,
): Record<string, Entry> {
  return Object.fromEntries(
    Object.entries(map)
      .filter(([, entry]) => isFields(entry))
      .map(([name, entry]) => [name, complete(entry, neutral)]),
  );
}

function completeList<Entry extends object>(list: readonly unknown[], neutral: Entry): Entry[] {
  return list.filter(isFields).map((entry) => complete(entry, neutral));
}

function finiteOnly(map: Readonly<Record<string, unknown>>): Record<string, number> {
  const result: Record<string, number> = {};
  for (const [name, value] of Object.entries(map)) {
    if (typeof value === 'number' && Number.isFinite(value)) result[name] = value;
  }
  return result;
}

function readFilter(value: unknown): FilterSnapshot {
  const { service, instance } = isFields(value) ? value : {};
  const filter = complete(value, NEUTRAL_FILTER);
  return {
    ...filter,
    service: typeof service === 'string' ? service : null,
    instance: typeof instance === 'string' ? instance : null,
    senders: completeList(filter.senders, NEUTRAL_INSTANCE),
  };
}

/** A snapshot whose every field is present and of its type, or `null` when a documented field is missing or not finite. */
export function readSnapshot(value: unknown): Snapshot | null {
  if (!isUsable(value)) return null;
  const snapshot = complete(value, NEUTRAL_SNAPSHOT);
  const { api, cache, filter, llm, pipeline, rag, ...rest } = snapshot;
  return {
    ...rest,
    ...(filter === undefined ? {} : { filter: readFilter(filter) }),
    rag: { ...rag, stages: completeMap(rag.stages, NEUTRAL_STAGE) },
    cache: { ...cache, caches: completeMap(cache.caches, NEUTRAL_CACHE) },
    llm: { ...llm, by_model: completeList(llm.by_model, NEUTRAL_MODEL) },
    api: { ...api, endpoints: completeMap(api.endpoints, NEUTRAL_ENDPOINT) },
    instances: completeList(snapshot.instances, NEUTRAL_INSTANCE),
    pipeline: {
      ...pipeline,
      events_dropped: finiteOnly(pipeline.events_dropped),
      labels_folded_by: finiteOnly(pipeline.labels_folded_by),
      observations_given_up: finiteOnly(pipeline.observations_given_up),
    },
  };
}

/** What came over the stream: a snapshot, a message of a kind this version does not know, or nothing that can be read. */
export type StreamMessage =
  | { readonly kind: 'snapshot'; readonly snapshot: Snapshot }
  | { readonly kind: 'other' }
  | { readonly kind: 'malformed' };

const MALFORMED: StreamMessage = { kind: 'malformed' };

/** Reads one message of the stream; never throws. */
export function readMessage(data: unknown): StreamMessage {
  if (typeof data !== 'string' || data.length > MESSAGE_CHARS_MAX) return MALFORMED;
  let message: unknown;
  try {
    message = JSON.parse(data);
  } catch {
    return MALFORMED;
  }
  if (!isFields(message) || typeof message['type'] !== 'string') return MALFORMED;
  if (message['type'] !== 'metrics_snapshot') return { kind: 'other' };
  const snapshot = readSnapshot(message['data']);
  return snapshot === null ? MALFORMED : { kind: 'snapshot', snapshot };
}

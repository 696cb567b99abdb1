import type { PoolClient } from 'pg';
import type { SpanEvent, StoredTrace } from '../../../../core/signals/span.ts';
import { milliseconds, SECOND_MS } from '../../../../core/units.ts';
import type { Lend } from '../connect/lend.ts';
import { SHAPES } from '../rollup/shape.ts';
import { reading } from './reading.ts';
import { toldIn } from './told-rows.ts';

const TIMEOUT_MS = 10 * SECOND_MS;
/** Spans are undecided for seconds; a trace they belong to may have gone on for longer. */
const WINDOW = '15 minutes';

interface EndedRequest {
  readonly id: string;
  readonly endMs: number;
}

/** Twice as many as a collector holds undecided: what was decided meanwhile is among them. */
const SPANS_MAX = 100_000;
/** Read at once; where these have more spans than are read at once, each trace is read by itself. */
const TRACES_AT_ONCE = 100;
const SPANS_AT_ONCE = 5_000;

/** Reads traces that may have been taken by a collector that was killed before it had decided what their spans tell. */
export function createUndecided(lend: Lend) {
  return {
    /** Ids of the traces with the last 100,000 spans that ended in the 15 minutes before the last of them, the newest first. */
    endedBefore(timeMs: number): Promise<readonly string[]> {
      return lend((client) => reading(client, TIMEOUT_MS, () => lastBefore(client, timeMs)));
    },

    /** When the last request or session that has a row and ended before a moment ended, in milliseconds; `null`: none has. */
    lastRequestBefore(timeMs: number): Promise<number | null> {
      return lend((client) =>
        reading(client, TIMEOUT_MS, async () => {
          const { rows } = await client.query<{ ended_ms: number | null }>(LAST_REQUEST, [new Date(timeMs)]);
          return rows[0]?.ended_ms ?? null;
        }),
      );
    },

    /** The ids of those that have a row of a request or a session. @param ended when, in milliseconds since the epoch. */
    requestsAmong(ended: readonly EndedRequest[]): Promise<ReadonlySet<string>> {
      const [ids, times] = [ended.map(({ id }) => id), ended.map(({ endMs }) => new Date(endMs))];
      return lend((client) =>
        reading(client, TIMEOUT_MS, async () => {
          const { rows } = await client.query<{ id: string }>(TOLD_AT_ONCE, [ids, times]);
          return new Set(rows.map(({ id }) => id));
        }),
      );
    },

    /** Those traces, whole. One with more than 5,000 spans is left out. */
    async *read(ids: readonly string[]): AsyncGenerator<StoredTrace, void, undefined> {
      for (let at = 0; at < ids.length; at += TRACES_AT_ONCE)
        yield* readThese(lend, ids.slice(at, at + TRACES_AT_ONCE));
    },
  };
}

async function* readThese(lend: Lend, ids: readonly string[]): AsyncGenerator<StoredTrace, void, undefined> {
  const traces = await lend((client) => reading(client, TIMEOUT_MS, () => tracesOf(client, ids)));
  if (traces !== null) yield* traces;
  else if (ids.length > 1) for (const id of ids) yield* readThese(lend, [id]);
}

const LAST_BEFORE = `SELECT trace_id FROM (
    SELECT trace_id, timestamp FROM ${SHAPES.span.table}
    WHERE timestamp < $1 AND timestamp >= (SELECT max(timestamp) FROM ${SHAPES.span.table} WHERE timestamp < $1) - interval '${WINDOW}'
    ORDER BY timestamp DESC LIMIT ${SPANS_MAX}
  ) AS late GROUP BY trace_id ORDER BY max(timestamp) DESC`;

async function lastBefore(client: PoolClient, timeMs: number): Promise<string[]> {
  const { rows } = await client.query<{ trace_id: string }>(LAST_BEFORE, [new Date(timeMs)]);
  return rows.map(({ trace_id: id }) => id);
}

interface SpanRow {
  readonly id: string;
  readonly ended_ms: number;
  readonly trace_id: string;
  readonly span_id: string;
  readonly parent_span_id: string | null;
  readonly name: string;
  readonly kind: SpanEvent['kind'];
  readonly duration_ms: number;
  readonly status: SpanEvent['status'];
  readonly error_type: string | null;
  readonly scope: string | null;
  readonly attributes: string | null;
  readonly events: string | null;
  readonly service: string | null;
  readonly instance_id: string | null;
}

// Years that a Date cannot hold are no time of a trace.
const SPANS = `SELECT r.id::text, extract(epoch FROM r.timestamp)::float8 * 1000 AS ended_ms, r.trace_id, r.span_id,
    r.parent_span_id, r.name, r.kind, r.duration_ms, r.status, r.error_type, r.scope, r.attributes::text, r.events::text,
    r.service, r.instance_id::text
  FROM ${SHAPES.span.table} r
  WHERE r.trace_id = ANY($1) AND r.timestamp >= '1970-01-01Z' AND r.timestamp < '9999-01-01Z' LIMIT ${SPANS_AT_ONCE + 1}`;

const AT_ONCE = ['request', 'ws-session'] as const;
const LAST_REQUEST = `SELECT extract(epoch FROM greatest(${AT_ONCE.map(
  (signal) => `(SELECT max(timestamp) FROM ${SHAPES[signal].table} WHERE timestamp < $1)`,
).join(', ')}))::float8 * 1000 AS ended_ms`;

/**
 * A row's time is rounded; a `Date` has whole milliseconds. Each is looked up by itself (`LIMIT` keeps the planner from joining): of
 * a table that was filled since its last ANALYZE the planner takes many ids for most of it, and reads all rows of the time.
 */
const TOLD_AT_ONCE = AT_ONCE.map(
  (
    signal,
  ) => `SELECT told.id FROM unnest($1::uuid[], $2::timestamptz[]) AS ended (id, at) CROSS JOIN LATERAL (
      SELECT r.id::text FROM ${SHAPES[signal].table} r
      WHERE r.id = ended.id AND r.timestamp BETWEEN ended.at - interval '2 ms' AND ended.at + interval '2 ms' LIMIT 1
    ) AS told`,
).join(' UNION ALL ');

/** `null` where they have more spans than are read at once. */
async function tracesOf(client: PoolClient, ids: readonly string[]): Promise<StoredTrace[] | null> {
  const { rows: spans } = await client.query<SpanRow>(SPANS, [ids]);
  if (spans.length > SPANS_AT_ONCE) return null;
  const toldOf = Map.groupBy(await toldIn(client, ids), ({ traceId }) => traceId);
  const spansOf = Map.groupBy(spans, ({ trace_id: id }) => id);
  return ids.flatMap((id) => {
    const own = spansOf.get(id)?.map(spanOf) ?? [];
    return own.length === 0 ? [] : [{ id, spans: own, told: toldOf.get(id) ?? [] }];
  });
}

function spanOf(row: SpanRow): SpanEvent {
  const { service, instance_id: instanceId } = row;
  return {
    signal: 'span',
    id: row.id,
    timeMs: milliseconds(row.ended_ms),
    ...(service !== null && instanceId !== null && { sender: { service, instanceId } }),
    traceId: row.trace_id,
    spanId: row.span_id,
    parentSpanId: row.parent_span_id,
    name: row.name,
    kind: row.kind,
    durationMs: milliseconds(row.duration_ms),
    status: row.status,
    errorType: row.error_type,
    scope: row.scope ?? '',
    attributes: row.attributes ?? '{}',
    events: row.events ?? '[]',
  };
}

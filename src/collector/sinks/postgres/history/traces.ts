import type { PoolClient } from 'pg';
import { HISTORY } from '../../../../core/history/catalogue.ts';
import type { EventRow } from '../../../../core/history/query.ts';
import { TRACE_ITEMS_MAX, type TraceAnswer, type TraceRow, traceOf } from '../../../../core/history/trace.ts';
import { SIGNAL_NAMES, SIGNALS, type SignalName } from '../../../../core/signals/index.ts';
import { MIB, SECOND_MS } from '../../../../core/units.ts';
import type { Lend } from '../connect/lend.ts';
import { SHAPES } from '../rollup/shape.ts';
import { columnsSql } from './events.ts';
import { reading } from './reading.ts';

const TIMEOUT_MS = 10 * SECOND_MS;
/** Of one signal's columns of JSON in one answer; what begins after that is there without them. */
const JSON_BYTES_MAX = 8 * MIB;
const TRACED: readonly SignalName[] = SIGNAL_NAMES.filter((name) => HISTORY[name].isTraced);

/** Every row of one trace over all tables, put together; `null` where there is none. */
export function createTraces(lend: Lend): (traceId: string) => Promise<TraceAnswer | null> {
  return async (traceId) => {
    const rows = await lend((client) =>
      reading(client, TIMEOUT_MS, async () => {
        const found: TraceRow[] = [];
        for (const signal of TRACED) found.push(...(await rowsOf(client, signal, traceId)));
        return found;
      }),
    );
    return traceOf(traceId, rows);
  };
}

async function rowsOf(client: PoolClient, signal: SignalName, traceId: string): Promise<TraceRow[]> {
  // One more than is shown tells whether there are more.
  const values = [traceId, TRACE_ITEMS_MAX + 1];
  const { rows } = await client.query<EventRow & { readonly ended_ms: number }>(TEXTS[signal], values);
  return rows.map(({ ended_ms: endMs, ...row }) => ({ signal, endMs, row }));
}

const TEXTS = Object.fromEntries(TRACED.map((signal) => [signal, traceSql(signal)])) as Readonly<
  Record<SignalName, string>
>;

/** The rows that began first: of a row only its end and its duration are stored. */
function traceSql(signal: SignalName): string {
  const { durationColumn } = HISTORY[signal];
  const tookMs = durationColumn === null ? '0' : `coalesce(r.${durationColumn}, 0)`;
  const json = SIGNALS[signal].columns.filter(({ type }) => type === 'jsonb').map(({ name }) => name);
  const sizes = json.map((name) => `coalesce(octet_length(r.${name}::text), 0)`).join(' + ') || '0';
  const columns = columnsSql(
    signal,
    (name) => `CASE WHEN r.json_bytes <= ${JSON_BYTES_MAX} THEN r.${name} END`,
  );
  // Years that a Date cannot hold are no time of a trace.
  return `SELECT ${columns}, r.ended_ms FROM (
      SELECT r.*, sum(${sizes}) OVER (ORDER BY began_ms, id) AS json_bytes FROM (
        SELECT r.*, ended_ms, ended_ms - ${tookMs} AS began_ms FROM ${SHAPES[signal].table} r
        CROSS JOIN LATERAL (SELECT extract(epoch FROM r.timestamp)::float8 * 1000 AS ended_ms) AS end_of
        WHERE r.trace_id = $1 AND r.timestamp >= '1970-01-01Z' AND r.timestamp < '9999-01-01Z'
        ORDER BY began_ms, r.id LIMIT $2
      ) AS r
    ) AS r ORDER BY r.began_ms, r.id`;
}

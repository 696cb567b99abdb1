import assert from 'node:assert/strict';
import { eventIdOf } from '../../../src/collector/receivers/otlp/event-id.ts';
import type { PostgresConfig } from '../../../src/config/config.ts';
import { spanIdOf } from '../../../src/core/event.ts';
import type { TestPostgres } from '../../support/postgres.ts';

/** Tables of what happens in an app. */
const TABLES = ['request_metrics', 'llm_call_metrics', 'rag_metrics', 'ws_session_metrics'] as const;

type Row = Readonly<Record<string, unknown>>;
/** The rows of each table, by id. */
export type Rows = Readonly<Record<(typeof TABLES)[number], readonly Row[]>>;

/** Spans have nanoseconds, and a time since 1970 in milliseconds a quarter of a microsecond. */
const DURATION_MS_WITHIN = 0.002;
const WITHIN_PART = 1e-4;
const TIME_MS_WITHIN = 1;
/** Made of the other columns; of a stretch of microseconds a microsecond makes it another. */
const RATE = 'tokens_per_second';

export async function rowsIn(postgres: TestPostgres, database: PostgresConfig): Promise<Rows> {
  return postgres.using(database, async (client) => {
    const rows = new Map<string, readonly Row[]>();
    for (const table of TABLES) {
      rows.set(table, (await client.query<Row>(`SELECT * FROM enterprise.${table} ORDER BY id`)).rows);
    }
    return Object.fromEntries(rows) as unknown as Rows;
  });
}

export function countsOf(rows: Rows): number[] {
  return TABLES.map((table) => rows[table].length);
}

/** Rows made of spans are those made of events, but for their ids, the trace of what was in none, and the ends of numbers. */
export function assertToldBySpans(actual: Rows, expected: Rows): void {
  for (const table of TABLES) {
    const byId = new Map(
      actual[table].map((row) => [withoutTime(row['id']), { ...row, id: withoutTime(row['id']) }]),
    );
    const different = expected[table].map(asSpansTell).flatMap((row) => {
      const came: Row = byId.get(String(row['id'])) ?? {};
      return Object.entries(row)
        .filter(([name, value]) => name !== RATE && !isAlike(came[name], value))
        .map(([name, value]) => ({ row: row['id'], name, value, came: came[name] }));
    });
    assert.deepEqual(different, [], table);
    assert.equal(byId.size, expected[table].length, table);
  }
}

function asSpansTell(row: Row): Row {
  const { id, trace_id } = row as { readonly id: string; readonly trace_id: string | null };
  const traceId = trace_id ?? id.replaceAll('-', '');
  return { ...row, id: withoutTime(eventIdOf(traceId, spanIdOf(id), 0)), trace_id: traceId };
}

/** What of an id is made of trace and span. */
function withoutTime(id: unknown): string {
  return String(id).slice('00000000-0000-'.length);
}

function isAlike(one: unknown, other: unknown): boolean {
  if (one instanceof Date && other instanceof Date) return Math.abs(+one - +other) <= TIME_MS_WITHIN;
  if (typeof one === 'number' && typeof other === 'number') {
    return Math.abs(one - other) <= Math.max(DURATION_MS_WITHIN, WITHIN_PART * Math.abs(other));
  }
  if (!isRow(one) || !isRow(other)) return one === other;
  const names = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...names].every((name) => isAlike(one[name], other[name]));
}

function isRow(value: unknown): value is Row {
  return typeof value === 'object' && value !== null;
}

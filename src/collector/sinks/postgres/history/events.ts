import { encodeCursor } from '../../../../core/history/cursor.ts';
import { type Dimension, VALUE } from '../../../../core/history/measures.ts';
import type { EventRow, EventsAnswer, EventsQuery } from '../../../../core/history/query.ts';
import { SIGNALS, type SignalName } from '../../../../core/signals/index.ts';
import { SECOND_MS } from '../../../../core/units.ts';
import type { Lend } from '../connect/lend.ts';
import { SHAPES } from '../rollup/shape.ts';
import { reading } from './reading.ts';

const TIMEOUT_MS = 10 * SECOND_MS;
/** To the microsecond, in which the table has it and JavaScript does not. */
const TIMESTAMP = `to_char(r.timestamp AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
/** What has no form in JSON that keeps it whole goes as text or as a number of its own choice. */
const AS_TEXT = new Set(['uuid', 'varchar', 'text']);
const AS_NUMBER = new Set(['bigint', 'numeric']);

/** The newest rows of one table, page by page: where a page ends, the next one begins, whatever was stored meanwhile. */
export function createEvents(lend: Lend): (query: EventsQuery) => Promise<EventsAnswer> {
  return async (query) => {
    const { text, values } = eventsSql(query);
    const rows = await lend((client) =>
      reading(client, TIMEOUT_MS, async () => (await client.query<EventRow>(text, values)).rows),
    );
    const page = rows.slice(0, query.limit);
    const last = page.at(-1);
    const more = rows.length > query.limit && last !== undefined && query.slowestFirst !== true;
    return {
      signal: query.signal,
      events: page,
      next_cursor: more
        ? encodeCursor({ timestamp: String(last['timestamp']), id: String(last['id']) })
        : null,
    };
  };
}

export function eventsSql(query: EventsQuery): { text: string; values: unknown[] } {
  const values: unknown[] = [];
  const parameter = (value: unknown) => `$${values.push(value)}`;
  const { signal, limit } = query;
  const longest = query.slowestFirst === true ? `${durationOf(signal)} DESC NULLS LAST, ` : '';
  const conditions = [...chosen(query, parameter), ...placed(query, parameter)];
  // One more than asked for tells whether there is a next page.
  const text = `SELECT ${columnsSql(signal)} FROM ${SHAPES[signal].table} r WHERE ${conditions.join(' AND ')}
    ORDER BY ${longest}r.timestamp DESC, r.id DESC LIMIT ${parameter(limit + 1)}`;
  return { text, values };
}

/**
 * The columns of a signal's rows, as they are answered.
 *
 * @param json what to select of a column of JSON. @default the column
 */
export function columnsSql(signal: SignalName, json = (name: string): string => `r.${name}`): string {
  const columns = SIGNALS[signal].columns.map(({ name, type }) => {
    if (name === 'timestamp') return `${TIMESTAMP} AS timestamp`;
    if (AS_TEXT.has(type)) return `r.${name}::text AS ${name}`;
    if (type === 'jsonb') return `${json(name)} AS ${name}`;
    return AS_NUMBER.has(type) ? `r.${name}::float8 AS ${name}` : `r.${name}`;
  });
  return columns.join(', ');
}

function durationOf(signal: SignalName): string {
  return SHAPES[signal].fields[VALUE]?.value ?? 'NULL';
}

type Parameter = (value: unknown) => string;

/** By what a row holds. */
function chosen(query: EventsQuery, parameter: Parameter): string[] {
  const { dimensions, fields, sums } = SHAPES[query.signal];
  const conditions = Object.entries(query.filters).map(
    ([name, value]) => `coalesce((${dimensions[name as Dimension]})::text, '') = ${parameter(value)}`,
  );
  if (query.id !== null) conditions.push(`r.id = ${parameter(query.id)}::uuid`);
  if (query.traceId !== null) conditions.push(`r.trace_id = ${parameter(query.traceId)}`);
  if (query.failedOnly) conditions.push(`(${sums['errors']}) = 1`);
  if (query.minMs !== null) conditions.push(`${fields[VALUE]?.value} >= ${parameter(query.minMs)}`);
  return conditions;
}

/** By when it was, and where the page before ended. */
function placed({ fromMs, toMs, after }: EventsQuery, parameter: Parameter): string[] {
  const conditions: string[] = [];
  if (fromMs !== null) conditions.push(`r.timestamp >= ${parameter(new Date(fromMs))}`);
  // Always bounded above: a timestamp of infinity has no text that a cursor could hold.
  conditions.push(toMs === null ? `r.timestamp < 'infinity'` : `r.timestamp < ${parameter(new Date(toMs))}`);
  if (after !== null) {
    const timestamp = `${parameter(after.timestamp)}::timestamptz`;
    conditions.push(
      `r.timestamp <= ${timestamp}`,
      `(r.timestamp, r.id) < (${timestamp}, ${parameter(after.id)}::uuid)`,
    );
  }
  return conditions;
}

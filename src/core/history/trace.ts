import { holds } from '../signals/facts.ts';
import { type SignalName, signalNamed } from '../signals/index.ts';
import { HISTORY } from './catalogue.ts';
import { nest } from './nesting.ts';
import type { EventRow } from './query.ts';

/** Spans and events of one answer; those that begin first. */
export const TRACE_ITEMS_MAX = 2000;

/** One span or event of a trace. What nobody knows is `null`. */
export interface TraceItem {
  /** `span`, or the signal of an event. A span that an event was made of is that event. */
  readonly kind: SignalName;
  /** Of its row. */
  readonly id: string;
  /** The `id` of the item it is part of. */
  readonly parent_id: string | null;
  /** How that is known: by its parent's span id, or because it ran while that one did. */
  readonly nested_by: 'span' | 'time' | null;
  readonly span_id: string | null;
  /** As its sender says: it may be the id of a span that is not stored. */
  readonly parent_span_id: string | null;
  readonly service: string | null;
  readonly instance_id: string | null;
  readonly name: string;
  /** `server`, `client`, `internal`, `producer`, `consumer` or `unspecified`. */
  readonly span_kind: string | null;
  readonly scope: string | null;
  /** Milliseconds after the first item of the trace began. */
  readonly start_ms: number;
  readonly duration_ms: number;
  /** `error`; of a span `unset` or `ok` otherwise, of an event its outcome. */
  readonly status: string;
  readonly error_type: string | null;
  /** Of a span. */
  readonly attributes: Readonly<Record<string, unknown>> | null;
  /** Of a span: `[name, milliseconds after its start, attributes]`. */
  readonly events: readonly unknown[] | null;
  /** The event's row, as the events API has it; `null` for a span that is none. */
  readonly row: EventRow | null;
}

export interface TraceService {
  readonly service: string | null;
  readonly items: number;
  readonly errors: number;
}

export interface TraceAnswer {
  readonly trace_id: string;
  /** ISO 8601 in UTC. */
  readonly started_at: string;
  readonly duration_ms: number;
  /** By the beginning of their first item. */
  readonly services: readonly TraceService[];
  /** By their beginning, and of those that begin together the longest first. */
  readonly items: readonly TraceItem[];
  /** There are more than `TRACE_ITEMS_MAX`; those that began last are left out. */
  readonly truncated: boolean;
}

/** A row as the events API has it, and when it ended, in milliseconds since the epoch. */
export interface TraceRow {
  readonly signal: SignalName;
  readonly endMs: number;
  readonly row: EventRow;
}

/** An item whose place in the trace is not known yet; times in milliseconds since the epoch. */
interface Loose extends Omit<TraceItem, 'parent_id' | 'nested_by' | 'start_ms'> {
  readonly startMs: number;
}

/** Puts the rows of one trace together; `null` where there is none. */
export function traceOf(traceId: string, rows: readonly TraceRow[]): TraceAnswer | null {
  const all = joined(rows).sort(byBeginning);
  const [first] = all;
  if (first === undefined) return null;
  const items = all.slice(0, TRACE_ITEMS_MAX);
  const endMs = items.reduce((last, one) => Math.max(last, one.startMs + one.duration_ms), first.startMs);
  const places = nest(items);
  return {
    trace_id: traceId,
    started_at: new Date(first.startMs).toISOString(),
    duration_ms: rounded(endMs - first.startMs),
    services: servicesOf(items),
    items: items.map(({ startMs, ...item }, at) => ({
      ...item,
      start_ms: rounded(startMs - first.startMs),
      parent_id: places[at]?.parent?.id ?? null,
      nested_by: places[at]?.by ?? null,
    })),
    truncated: all.length > items.length,
  };
}

/** Microseconds are what the table has; more digits would be noise. */
function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

function byBeginning(a: Loose, b: Loose): number {
  return a.startMs - b.startMs || b.duration_ms - a.duration_ms || (a.id < b.id ? -1 : 1);
}

/** An event and the span it was made of are one: they have the same id. */
function joined(rows: readonly TraceRow[]): Loose[] {
  const items = new Map<string, Loose>();
  for (const one of rows) if (one.signal === 'span') items.set(`${one.row['id']}`, spanOf(one));
  for (const one of rows) {
    if (one.signal === 'span') continue;
    const event = eventOf(one);
    const span = items.get(event.id);
    if (span?.kind !== 'span') items.set(span === undefined ? event.id : `${event.id} ${event.kind}`, event);
    else items.set(event.id, both(span, event));
  }
  return [...items.values()];
}

function both(span: Loose, event: Loose): Loose {
  return {
    ...span,
    kind: event.kind,
    row: event.row,
    status: span.status === 'error' ? span.status : event.status,
    error_type: event.error_type ?? span.error_type,
  };
}

function spanOf({ row, endMs }: TraceRow): Loose {
  const durationMs = durationIn(row['duration_ms'], endMs);
  return {
    kind: 'span',
    id: String(row['id']),
    span_id: textIn(row, 'span_id'),
    parent_span_id: textIn(row, 'parent_span_id'),
    service: textIn(row, 'service'),
    instance_id: textIn(row, 'instance_id'),
    name: textIn(row, 'name') ?? 'span',
    span_kind: textIn(row, 'kind'),
    scope: textIn(row, 'scope'),
    startMs: endMs - durationMs,
    duration_ms: rounded(durationMs),
    status: textIn(row, 'status') ?? 'unset',
    error_type: textIn(row, 'error_type'),
    attributes: isObject(row['attributes']) ? row['attributes'] : null,
    events: Array.isArray(row['events']) ? row['events'] : null,
    row: null,
  };
}

function eventOf({ signal, row, endMs }: TraceRow): Loose {
  const { durationColumn, failed } = HISTORY[signal];
  const durationMs = durationColumn === null ? 0 : durationIn(row[durationColumn], endMs);
  const isFailed = failed !== null && holds(failed, (column) => row[column]);
  const outcome = textIn(row, 'outcome');
  return {
    kind: signal,
    id: String(row['id']),
    span_id: null,
    parent_span_id: null,
    service: textIn(row, 'service'),
    instance_id: textIn(row, 'instance_id'),
    name: nameOf(signal, row),
    span_kind: null,
    scope: null,
    startMs: endMs - durationMs,
    duration_ms: rounded(durationMs),
    status: isFailed ? 'error' : (outcome ?? 'ok'),
    error_type: textIn(row, 'error_type') ?? (isFailed && outcome !== 'error' ? outcome : null),
    attributes: null,
    events: null,
    row,
  };
}

function nameOf(signal: SignalName, row: EventRow): string {
  const words = (signalNamed(signal).namedBy ?? []).map((column) => textIn(row, column));
  return words.filter((word) => word !== null).join(' ') || signal;
}

function servicesOf(items: readonly Loose[]): TraceService[] {
  const services = new Map<string | null, TraceService>();
  for (const { service, status } of items) {
    const known = services.get(service) ?? { service, items: 0, errors: 0 };
    const errors = known.errors + (status === 'error' ? 1 : 0);
    services.set(service, { service, items: known.items + 1, errors });
  }
  return [...services.values()];
}

/** Other writers may have put anything there: nothing took longer than since 1970. */
function durationIn(value: unknown, endMs: number): number {
  return typeof value === 'number' && value > 0 ? Math.min(value, endMs) : 0;
}

function textIn(row: EventRow, column: string): string | null {
  const value = row[column] ?? null;
  return value === null ? null : String(value);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

import type { EventRow, EventsAnswer } from '../../../../src/core/history/query.ts';
import type { SignalName } from '../../../../src/core/signals/index.ts';
import { presetOf, type Range } from '../view/range.ts';

const MINUTE_MS = 60_000;
const ROWS_MAX = 500;

/** What a list of events asks for; whatever is left out does not narrow it. */
export interface EventsRequest {
  readonly signal: SignalName;
  /** When; without it everything that is stored. */
  readonly range?: Range;
  /** Values by dimension. */
  readonly filters?: Readonly<Record<string, string>>;
  readonly id?: string;
  readonly traceId?: string;
  readonly failedOnly?: boolean;
  /** As it stands in the address: the server says what is wrong with it. */
  readonly minMs?: string;
  /** Where the page before ended. */
  readonly cursor?: string;
  /** The longest first instead of the newest. @default false */
  readonly slowestFirst?: boolean;
  /** 1 to 500. @default 50 */
  readonly limit?: number;
}

/** The path that answers a request; the signal is its first parameter. */
export function eventsPath(request: EventsRequest): string {
  const { id, traceId, minMs, cursor, limit = 50 } = request;
  const search = new URLSearchParams({ signal: request.signal, limit: String(limit) });
  if (request.range !== undefined) setBounds(search, request.range);
  const filters = Object.entries(request.filters ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [dimension, value] of filters) search.set(dimension, value);
  for (const [name, value] of Object.entries({ id, trace_id: traceId, min_ms: minMs, cursor }))
    if (value !== undefined && value !== '') search.set(name, value);
  if (request.failedOnly === true) search.set('failed', '1');
  if (request.slowestFirst === true) search.set('order', 'slowest');
  return `/api/metrics/events?${search}`;
}

/** A range that moves has no end: an app whose clock is ahead is seen as well. */
function setBounds(search: URLSearchParams, range: Range): void {
  if (range.kind === 'last') {
    search.set('from', `-${presetOf(range.id).spanMs / MINUTE_MS}m`);
    return;
  }
  search.set('from', new Date(range.fromMs).toISOString());
  search.set('to', new Date(range.toMs).toISOString());
}

/** Whether an answer has the shape that lists rely on; a proxy's page does not. */
export function isEventsAnswer(value: unknown): value is EventsAnswer {
  if (typeof value !== 'object' || value === null) return false;
  if (!('events' in value) || !Array.isArray(value.events) || value.events.length > ROWS_MAX) return false;
  if (!('next_cursor' in value) || !(value.next_cursor === null || typeof value.next_cursor === 'string'))
    return false;
  return value.events.every(isRow);
}

function isRow(value: unknown): value is EventRow {
  if (typeof value !== 'object' || value === null) return false;
  return (
    'id' in value &&
    typeof value.id === 'string' &&
    'timestamp' in value &&
    typeof value.timestamp === 'string'
  );
}

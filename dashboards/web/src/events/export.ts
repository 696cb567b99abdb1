import { toCsv } from '../../../../src/core/history/csv.ts';
import type { EventRow, EventsAnswer } from '../../../../src/core/history/query.ts';
import { type EventsRequest, eventsPath } from './question.ts';

const PAGE_ROWS = 500;
/** What a browser and a spreadsheet take without a pause; more is `nervecenter export`'s work. */
export const EXPORT_ROWS_MAX = 5000;

/** Rows from where the list stands on, page by page, up to a bound. @throws what `ask` throws. */
export async function allRows(
  request: EventsRequest,
  ask: (path: string) => Promise<EventsAnswer>,
): Promise<EventRow[]> {
  const rows: EventRow[] = [];
  let cursor: string | null = request.cursor ?? '';
  while (cursor !== null && rows.length < EXPORT_ROWS_MAX) {
    const answer: EventsAnswer = await ask(eventsPath({ ...request, cursor, limit: PAGE_ROWS }));
    rows.push(...answer.events);
    cursor = answer.next_cursor;
  }
  return rows;
}

/** With every column there is, as the server writes CSV. */
export function rowsCsv(rows: readonly EventRow[]): string {
  return toCsv(Object.keys(rows[0] ?? { id: '', timestamp: '' }), rows);
}

export function rowsJson(rows: readonly EventRow[]): string {
  return JSON.stringify(rows, null, 1);
}

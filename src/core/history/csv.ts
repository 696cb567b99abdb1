import type { EventRow, EventValue } from './query.ts';

/**
 * Where a spreadsheet would begin to read a formula: at the start of a cell, and where one begins for those that divide lines
 * at semicolons or tabs, whatever the file says. Full-width signs count as well.
 */
const FORMULA = /(?:^|(?<=[;\t\r\n]))(?=\s*[=+\-@＝＋－＠]|[\t\r])/gu;
const QUOTED = /[",;\t\r\n]/;

/** Rows as CSV (RFC 4180: CRLF, quotes doubled), with the columns' names as the first line. */
export function toCsv(columns: readonly string[], rows: readonly EventRow[]): string {
  const lines = rows.map((row) => columns.map((column) => cell(row[column] ?? null)).join(','));
  return [columns.map(cell).join(','), ...lines, ''].join('\r\n');
}

/** Text that a spreadsheet would run gets an apostrophe in front, which it shows as text; numbers are left alone. */
function cell(value: EventValue): string {
  if (value === null) return '';
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  const safe = text.replace(FORMULA, "'");
  return QUOTED.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

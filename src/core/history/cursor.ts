import type { EventCursor } from './query.ts';

export const CURSOR_LENGTH_MAX = 100;
/** A time to the microsecond and a UUID: nothing else gets near the database. */
const CURSOR = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z)_([\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12})$/;

/** Where a page ends, as text that clients hand back unread. */
export function encodeCursor({ timestamp, id }: EventCursor): string {
  return `${timestamp}_${id}`;
}

/** `null` for anything that `encodeCursor` did not make. */
export function decodeCursor(text: string): EventCursor | null {
  const match = CURSOR.exec(text);
  const [, timestamp, id] = match ?? [];
  if (timestamp === undefined || id === undefined) return null;
  // A day such as February 30 would be an error of the database's.
  const written = Date.parse(timestamp);
  const exists =
    !Number.isNaN(written) && new Date(written).toISOString().slice(0, 10) === timestamp.slice(0, 10);
  return exists ? { timestamp, id } : null;
}

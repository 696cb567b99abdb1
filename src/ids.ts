import { randomFillSync } from 'node:crypto';
import { toHex, uuidTimePart, uuidv7 } from './core/uuid.ts';

const UUID_RANDOM_BYTES = 10;
const TRACE_ID_BYTES = 16;
/** One call into the random source serves some hundred ids; asking it per id costs three times as much. */
const POOL_BYTES = 4096;

const pool = new Uint8Array(POOL_BYTES);
let used = POOL_BYTES;

function take(bytes: number): number {
  if (used + bytes > POOL_BYTES) {
    randomFillSync(pool);
    used = 0;
  }
  const at = used;
  used += bytes;
  return at;
}

let timePartMs = -1;
let timePart = '';

/** A new event id: a UUIDv7. */
export function newEventId(timeMs: number): string {
  if (timeMs !== timePartMs) {
    timePartMs = timeMs;
    timePart = uuidTimePart(timeMs);
  }
  return uuidv7(timePart, pool, take(UUID_RANDOM_BYTES));
}

/** A new W3C trace id: 32 lower-case hex digits. */
export function newTraceId(): string {
  const at = take(TRACE_ID_BYTES);
  return toHex(pool, at, at + TRACE_ID_BYTES);
}

import { randomBytes, randomFillSync } from 'node:crypto';
import { uuidTimePart, uuidv7 } from './uuid.ts';

const UUID_RANDOM_BYTES = 10;
const TRACE_ID_DIGITS = 32;
/** One call into the random source serves some hundred ids; asking it per id costs several times as much. */
const POOL_BYTES = 4096;

const pool = new Uint8Array(POOL_BYTES);
let used = POOL_BYTES;
let timePartMs = -1;
let timePart = '';

/** A new event id: a UUIDv7. */
export function newEventId(timeMs: number): string {
  if (timeMs !== timePartMs) {
    timePartMs = timeMs;
    timePart = uuidTimePart(timeMs);
  }
  if (used + UUID_RANDOM_BYTES > POOL_BYTES) {
    randomFillSync(pool);
    used = 0;
  }
  const at = used;
  used += UUID_RANDOM_BYTES;
  return uuidv7(timePart, pool, at);
}

let digits = '';
let digitsUsed = 0;

/** A new W3C trace id: 32 lower-case hex digits. */
export function newTraceId(): string {
  if (digitsUsed + TRACE_ID_DIGITS > digits.length) {
    digits = randomBytes(POOL_BYTES).toString('hex');
    digitsUsed = 0;
  }
  digitsUsed += TRACE_ID_DIGITS;
  return digits.slice(digitsUsed - TRACE_ID_DIGITS, digitsUsed);
}

import { nodeCrypto } from './builtins.ts';
import { uuidTimePart, uuidv7 } from './uuid.ts';

/** Random bytes that ids are made of when somebody asks for them, or where they are written. */
interface IdSeed {
  readonly random: Uint8Array;
  /** Where they begin. */
  readonly at: number;
}

const UUID_RANDOM_BYTES = 10;
const TIME_BYTES = 6;
const TRACE_BYTES = 16;
const SEED_BYTES = UUID_RANDOM_BYTES + TRACE_BYTES;
/** One call into the random source serves some hundred ids; asking it per id costs several times as much. */
const POOL_BYTES = 4096;

const pool = new Uint8Array(POOL_BYTES);
let used = POOL_BYTES;
let timePartMs = -1;
let timePart = '';

/**
 * Trace ids begin with 48 bits of milliseconds, as UUIDv7 do: an index over them grows at its end, and costs the database half
 * of what one over random ids does. W3C Trace Context asks for 56 random bits, the last ones.
 */
let beginsWithTime = true;

/** From now on trace ids are random from their first byte on: others' samplers may decide by it, as .NET's does. */
export function makeRandomTraceIds(): void {
  beginsWithTime = false;
}

/** A new event id: a UUIDv7. */
export function newEventId(timeMs: number): string {
  if (timeMs !== timePartMs) {
    timePartMs = timeMs;
    timePart = uuidTimePart(timeMs);
  }
  return uuidv7(timePart, pool, take(UUID_RANDOM_BYTES));
}

/** An event id that is made of a seed, as text and as 16 bytes. */
export function eventIdOf({ random, at }: IdSeed, timeMs: number): string {
  return uuidv7(uuidTimePart(timeMs), random, at);
}

export function writeEventId(into: Uint8Array, at: number, seed: IdSeed, timeMs: number): void {
  const { random, at: from } = seed;
  writeTime(into, at, timeMs);
  for (let index = 0; index < UUID_RANDOM_BYTES; index++)
    into[at + TIME_BYTES + index] = random[from + index] ?? 0;
  into[at + 6] = ((into[at + 6] ?? 0) & 0x0f) | 0x70;
  into[at + 8] = ((into[at + 8] ?? 0) & 0x3f) | 0x80;
}

/** A W3C trace id that is made of a seed, as text and as 16 bytes. @param timeMs when the trace began, or nearly so. */
export function traceIdOf(seed: IdSeed, timeMs: number): string {
  const bytes = Buffer.allocUnsafe(TRACE_BYTES);
  writeTraceId(bytes, 0, seed, timeMs);
  return bytes.toString('hex');
}

export function writeTraceId(
  into: Uint8Array,
  at: number,
  { random, at: from }: IdSeed,
  timeMs: number,
): void {
  for (let index = 0; index < TRACE_BYTES; index++)
    into[at + index] = random[from + UUID_RANDOM_BYTES + index] ?? 0;
  if (beginsWithTime) writeTime(into, at, timeMs);
}

function writeTime(into: Uint8Array, at: number, timeMs: number): void {
  const high = Math.floor(timeMs / 0x1_0000);
  into[at] = high >>> 24;
  into[at + 1] = high >>> 16;
  into[at + 2] = high >>> 8;
  into[at + 3] = high;
  into[at + 4] = timeMs >>> 8;
  into[at + 5] = timeMs;
}

/** For more than a thousand requests: in an app at work each call costs them some fifty microseconds together. */
const SEEDS_POOL_BYTES = 32 * 1024;

let seeds = new Uint8Array(0);
let seedsUsed = 0;

/** A new seed. Its bytes are nobody else's, for as long as somebody keeps it. */
export function newIdSeed(): IdSeed {
  if (seedsUsed + SEED_BYTES > seeds.length) {
    seeds = nodeCrypto().randomFillSync(new Uint8Array(SEEDS_POOL_BYTES));
    seedsUsed = 0;
  }
  const at = seedsUsed;
  seedsUsed += SEED_BYTES;
  return { random: seeds, at };
}

/** Where so many random bytes begin in the pool. */
function take(bytes: number): number {
  if (used + bytes > POOL_BYTES) {
    nodeCrypto().randomFillSync(pool);
    used = 0;
  }
  const at = used;
  used += bytes;
  return at;
}

/** A new W3C trace id: 32 lower-case hex digits. @param timeMs now */
export function newTraceId(timeMs: number): string {
  return traceIdOf({ random: pool, at: take(SEED_BYTES) }, timeMs);
}

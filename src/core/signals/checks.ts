import type { Attribution, EventBase } from '../event.ts';

/**
 * What comes over a socket is a claim: another process, of another version or not ours at all, may send anything. Each
 * check costs some nanoseconds per field, in the collector's thread.
 */
export type Check = (value: unknown) => boolean;
export type Shape = Readonly<Record<string, Check>>;

/** A check for every field of an event that its sender fills in. */
export type Accepts<E> = { readonly [F in Exclude<keyof E, 'signal' | 'sender'>]-?: Check };

const NAME_LENGTH_MAX = 255;
const SHORT_TEXT_LENGTH_MAX = 4096;
const SPAN_ID = /^(?!0{16})[\da-f]{16}$/;
const TRACE_ID = /^[\da-f]{32}$/;
const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;

export const isNumber: Check = (value) => Number.isFinite(value);
export const isCount: Check = (value) => Number.isFinite(value) && (value as number) >= 0;
export const isWhole: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
export const isText: Check = (value) => typeof value === 'string';
export const isBoolean: Check = (value) => typeof value === 'boolean';
export const isUuid: Check = (value) => typeof value === 'string' && UUID.test(value);
/** What others may not say. */
export const isAbsent: Check = (value) => value === undefined;
const isSpanId: Check = (value) => typeof value === 'string' && SPAN_ID.test(value);
export const isTraceId: Check = (value) => typeof value === 'string' && TRACE_ID.test(value);
export const isName: Check = (value) =>
  typeof value === 'string' && value !== '' && value.length <= NAME_LENGTH_MAX;
export const isShortText: Check = (value) =>
  typeof value === 'string' && value.length <= SHORT_TEXT_LENGTH_MAX;

export function orNull(check: Check): Check {
  return (value) => value === null || check(value);
}

export function oneOf(...choices: readonly string[]): Check {
  return (value) => choices.includes(value as string);
}

export function optional(check: Check): Check {
  return (value) => value === undefined || check(value);
}

export function listOf(check: Check, lengthMax: number): Check {
  return (value) => Array.isArray(value) && value.length <= lengthMax && value.every(check);
}

export function recordOf(check: Check, sizeMax: number): Check {
  return (value) => {
    if (!isRecord(value)) return false;
    const values = Object.values(value);
    return values.length <= sizeMax && values.every(check);
  };
}

/** An object with these fields, whatever else it has. */
export function shaped(shape: Shape): Check {
  return (value) => hasShape(value, shape);
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function hasShape(value: unknown, shape: Shape): boolean {
  if (!isRecord(value)) return false;
  for (const field in shape) {
    if (shape[field]?.(value[field]) !== true) return false;
  }
  return true;
}

/** Of every event. */
export const EVENT: Accepts<EventBase> = { id: isUuid, timeMs: isNumber, retractsMs: isAbsent };
/** Of every event that is for somebody. */
export const ATTRIBUTION: Accepts<Attribution> = {
  traceId: orNull(isText),
  userEmail: orNull(isText),
  department: orNull(isText),
  parentSpanId: optional(orNull(isSpanId)),
  sampled: optional(isBoolean),
};

import { isAbsolute } from 'node:path';
import type { DropCounts, Frame, Point, Source } from '../../core/frame.ts';
import { REQUEST_FIELDS, unpackRequests } from '../../core/packed-requests.ts';
import type { Leaving, Place } from '../../core/place.ts';
import { RecordedRequest } from '../../core/records/recorded-request.ts';
import {
  hasShape,
  isAbsent,
  isBoolean,
  isCount,
  isName,
  isNumber,
  isRecord,
  isShortText,
  isTraceId,
  isUuid,
  isWhole,
  listOf,
  optional,
  orNull,
  recordOf,
  type Shape,
  shaped,
} from '../../core/signals/checks.ts';
import { type NervecenterEvent, SIGNALS, type SignalName } from '../../core/signals/index.ts';
import { MIB, milliseconds, SECOND_MS } from '../../core/units.ts';
import type { Piece } from '../../link/ring/ring-reader.ts';

/** As much as a segment has of the largest event there may be. */
const PIECE_BYTES_MAX = 2 * MIB;
/** An agent sends a few hundred at once; V8 can encode a list of four billion holes in ten bytes. */
const EVENTS_MAX = 10_000;
/** As deep as JSON may be, and more values than fit into a span. */
const DEPTH_MAX = 40;
const VALUES_MAX = 100_000;
const POINTS_MAX = 100_000;
const NEXT_FRAME_MS_MAX = 10 * SECOND_MS;
/** Buckets at scale 3 from the smallest to the largest finite number. */
const BUCKET_INDEX_MAX = 8 * 1074;
const BUCKETS_MAX = 2 * BUCKET_INDEX_MAX;
const ATTRIBUTES_MAX = 128;
const DROP_REASONS_MAX = 50;
const INSTRUMENTATIONS_MAX = 100;
/** More than a variable of the environment holds. */
const TOKENS_MAX = 10_000;
/** As Linux bounds it. */
const PATH_LENGTH_MAX = 4096;

/** Whether a claim is an event that can be stored: with all its fields, each of its kind. */
function isEvent(value: unknown): value is NervecenterEvent {
  const signal = isRecord(value) ? value['signal'] : undefined;
  return (
    typeof signal === 'string' &&
    Object.hasOwn(SIGNALS, signal) &&
    hasShape(value, SIGNALS[signal as SignalName].accepts)
  );
}

/**
 * The event that a claim is, without what no event of its signal has: that would be kept and sent on, or taken for something of
 * ours. `null` where it is none, or has more in it than any event.
 */
export function eventIn(claim: unknown): NervecenterEvent | null {
  if (!isEvent(claim)) return null;
  const event: Record<string, unknown> = { signal: claim.signal };
  for (const field in SIGNALS[claim.signal].accepts) {
    const value = claim[field as keyof NervecenterEvent];
    if (value !== undefined) event[field] = value;
  }
  return isBounded(event) ? (event as object as NervecenterEvent) : null;
}

/** Whether whoever walks through it comes to an end soon; what V8 encodes may even be in itself. */
function isBounded(value: unknown, depth = DEPTH_MAX, left = { values: VALUES_MAX }): boolean {
  if (typeof value !== 'object' || value === null) return true;
  if (depth === 0 || ArrayBuffer.isView(value)) return false;
  return Object.values(value).every((one) => left.values-- > 0 && isBounded(one, depth - 1, left));
}

const POINT: Shape = {
  name: isName,
  unit: isShortText,
  description: isShortText,
  attributes: recordOf((value) => isShortText(value) || isNumber(value) || isBoolean(value), ATTRIBUTES_MAX),
  countedMs: isAbsent,
};
const EXEMPLAR = shaped({ value: isCount, traceId: isTraceId, timeMs: isCount });
const POINT_SHAPES: Readonly<Record<Point['kind'], Shape>> = {
  counter: { ...POINT, value: isCount },
  gauge: { ...POINT, value: isNumber },
  histogram: {
    ...POINT,
    count: isWhole,
    sum: isNumber,
    min: isNumber,
    max: isNumber,
    zeroCount: isWhole,
    offset: (value) => Number.isInteger(value) && Math.abs(value as number) <= BUCKET_INDEX_MAX,
    counts: listOf(isWhole, BUCKETS_MAX),
    exemplar: optional(EXEMPLAR),
  },
};

/** No agent waits longer: who said so would not be missed. */
function isWait(value: unknown): value is number {
  return typeof value === 'number' && isWhole(value) && value <= NEXT_FRAME_MS_MAX;
}

function isPoint(value: unknown): value is Point {
  const kind = isRecord(value) ? value['kind'] : undefined;
  return (
    typeof kind === 'string' &&
    Object.hasOwn(POINT_SHAPES, kind) &&
    hasShape(value, POINT_SHAPES[kind as Point['kind']])
  );
}

const SOURCE: Shape = {
  service: isName,
  instanceId: isUuid,
  host: isShortText,
  pid: isWhole,
  instrumentations: listOf(isShortText, INSTRUMENTATIONS_MAX),
  unseen: optional(listOf(isShortText, INSTRUMENTATIONS_MAX)),
  resource: optional(
    recordOf((value) => isShortText(value) || isNumber(value) || isBoolean(value), ATTRIBUTES_MAX),
  ),
  frameIntervalMs: isCount,
};

/** Who sends, or `null` when that cannot be told. */
export function sourceOf(value: unknown): Source | null {
  return hasShape(value, SOURCE) ? (value as Source) : null;
}

const PLACE = shaped({
  port: isWhole,
  storage: (value) => value === 'on' || value === 'off',
  database: orNull(isShortText),
  schema: isShortText,
  dataDir: isShortText,
  chosen: isBoolean,
  tokens: listOf(isShortText, TOKENS_MAX),
});

/** What it wants of a collector, or `null` when that cannot be told. */
export function placeOf(value: unknown): Place | null {
  return PLACE(value) ? (value as Place) : null;
}

const LEAVING = shaped({
  dataDir: (value) => isTextUpTo(value, PATH_LENGTH_MAX) && isAbsolute(value),
  target: (value) => isTextUpTo(value, PATH_LENGTH_MAX) && !/\p{Cc}/u.test(value),
});

function isTextUpTo(value: unknown, length: number): value is string {
  return typeof value === 'string' && value.length <= length;
}

/** Where it leaves rows, or `null` when that cannot be told. */
export function leavingOf(value: unknown): Leaving | null {
  return LEAVING(value) ? (value as Leaving) : null;
}

/** A message's usable part, and how many of its items were not. */
export interface Usable<T> {
  readonly usable: T;
  readonly refused: number;
}

/**
 * The events that can be stored; `null` when there is no list of them at all.
 *
 * @param packed requests as `core/packed-requests.ts` packs them, if any.
 */
export function eventsOf(value: unknown, packed: unknown = []): Usable<readonly NervecenterEvent[]> | null {
  if (!Array.isArray(value) || value.length > EVENTS_MAX) return null;
  if (!Array.isArray(packed) || packed.length > EVENTS_MAX * REQUEST_FIELDS) return null;
  return eventsAmong([...unpackRequests(packed), ...value.map(eventIn)]);
}

const PIECE = shaped({
  batch: isWhole,
  segment: isWhole,
  at: isWhole,
  known: isWhole,
  records: (value) => value instanceof Uint8Array && value.length <= PIECE_BYTES_MAX,
});

/**
 * A piece of an agent's ring, as yet unread; `null` when it is none. What is read in place keeps the bytes it is read from, so
 * few of them are taken out of a message of many.
 */
export function pieceOf(value: unknown): Omit<Piece, 'again'> | null {
  if (!PIECE(value)) return null;
  const piece = value as Piece;
  const { records } = piece;
  const isPartOfMuch = records.buffer.byteLength > 2 * records.length;
  return isPartOfMuch ? { ...piece, records: new Uint8Array(records) } : piece;
}

/** Those that can be stored. */
export function eventsAmong(claimed: readonly unknown[]): Usable<readonly NervecenterEvent[]> {
  // What is read where it stands in its record was judged by that.
  const isUsable = (claim: unknown) => claim instanceof RecordedRequest || isEvent(claim);
  const usable = claimed.filter((claim): claim is NervecenterEvent => isUsable(claim));
  return { usable, refused: claimed.length - usable.length };
}

/** What is looked at of a frame. */
export type ReceivedFrame = Pick<Frame, 'points' | 'dropped' | 'nextInMs'>;

/** The frame with the points that can be merged; `null` when it is none. */
export function frameOf(value: unknown): Usable<ReceivedFrame> | null {
  if (!isRecord(value)) return null;
  const { points, dropped, nextInMs } = value;
  if (!Array.isArray(points) || points.length > POINTS_MAX) return null;
  if (!recordOf(isWhole, DROP_REASONS_MAX)(dropped)) return null;
  const usable = points.filter(isPoint);
  return {
    usable: {
      points: usable,
      dropped: dropped as DropCounts,
      ...(isWait(nextInMs) && { nextInMs: milliseconds(nextInMs) }),
    },
    refused: points.length - usable.length,
  };
}

import type { NervecenterEvent, SignalName } from '../../core/event.ts';
import type { DropCounts, Frame, Point, Source } from '../../core/frame.ts';
import { REQUEST_FIELDS, unpackRequests } from '../../core/packed-requests.ts';

/**
 * What comes over a socket is a claim: another process, of another version or not ours at all, may send anything. Each
 * check costs some nanoseconds per field, in the collector's thread.
 */
type Check = (value: unknown) => boolean;
type Shape = Readonly<Record<string, Check>>;

/** An agent sends a few hundred at once; V8 can encode a list of four billion holes in ten bytes. */
const EVENTS_MAX = 10_000;
const POINTS_MAX = 100_000;
/** Buckets at scale 3 from the smallest to the largest finite number. */
const BUCKET_INDEX_MAX = 8 * 1074;
const BUCKETS_MAX = 2 * BUCKET_INDEX_MAX;
const NAME_LENGTH_MAX = 255;
const ATTRIBUTES_MAX = 128;
const ATTRIBUTE_LENGTH_MAX = 4096;
const STAGES_MAX = 128;
const DROP_REASONS_MAX = 50;
const INSTRUMENTATIONS_MAX = 100;
const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;

const isNumber: Check = (value) => Number.isFinite(value);
const isCount: Check = (value) => Number.isFinite(value) && (value as number) >= 0;
const isWhole: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const isText: Check = (value) => typeof value === 'string';
const isBoolean: Check = (value) => typeof value === 'boolean';
const isUuid: Check = (value) => typeof value === 'string' && UUID.test(value);
const isName: Check = (value) => typeof value === 'string' && value !== '' && value.length <= NAME_LENGTH_MAX;
const isShortText: Check = (value) => typeof value === 'string' && value.length <= ATTRIBUTE_LENGTH_MAX;
const orNull =
  (check: Check): Check =>
  (value) =>
    value === null || check(value);
const oneOf =
  (...choices: readonly string[]): Check =>
  (value) =>
    choices.includes(value as string);
const optional =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value);
const listOf =
  (check: Check, lengthMax: number): Check =>
  (value) =>
    Array.isArray(value) && value.length <= lengthMax && value.every(check);
const recordOf =
  (check: Check, sizeMax: number): Check =>
  (value) => {
    if (!isRecord(value)) return false;
    const values = Object.values(value);
    return values.length <= sizeMax && values.every(check);
  };

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function hasShape(value: unknown, shape: Shape): boolean {
  if (!isRecord(value)) return false;
  for (const field in shape) {
    if (shape[field]?.(value[field]) !== true) return false;
  }
  return true;
}

const BASE: Shape = { id: isUuid, timeMs: isNumber };
const ATTRIBUTION: Shape = {
  traceId: orNull(isText),
  userEmail: orNull(isText),
  department: orNull(isText),
};
const USAGE: Shape = {
  inputUncached: isCount,
  cacheRead: isCount,
  cacheWrite5m: isCount,
  cacheWrite1h: isCount,
  inputAudio: isCount,
  inputImage: isCount,
  outputText: isCount,
  outputReasoning: isCount,
  outputAudio: isCount,
  outputImage: isCount,
};
const BILLED_UNITS_MAX = 10;
const CALL_LABELS: Shape = {
  provider: optional(isName),
  model: optional(isName),
  errorType: optional(isName),
};

const EVENT_SHAPES: Readonly<Record<SignalName, Shape>> = {
  request: {
    ...BASE,
    ...ATTRIBUTION,
    route: isText,
    method: isText,
    statusCode: isWhole,
    durationMs: isCount,
    requestBytes: orNull(isCount),
    responseBytes: orNull(isCount),
  },
  'llm-call': {
    ...BASE,
    ...ATTRIBUTION,
    provider: isText,
    serverAddress: orNull(isText),
    operation: isText,
    model: isText,
    responseModel: orNull(isText),
    streaming: isBoolean,
    usage: orNull((value) => hasShape(value, USAGE)),
    usageSource: oneOf('provider', 'estimated', 'none'),
    durationMs: isCount,
    firstTokenMs: orNull(isCount),
    outcome: oneOf('ok', 'error', 'aborted'),
    errorType: orNull(isText),
    queryCategory: orNull(isText),
    reportedCostUsd: orNull(isCount),
    statusCode: orNull(isWhole),
    attempt: orNull(isWhole),
    errorMessage: orNull(isText),
    rateLimitResetMs: orNull(isCount),
    finishReason: orNull(isText),
    chunkGapP95Ms: orNull(isCount),
    usageMismatch: isBoolean,
    serviceTier: orNull(isText),
    billedUnits: orNull(recordOf(isCount, BILLED_UNITS_MAX)),
    labels: optional((value) => hasShape(value, CALL_LABELS)),
  },
  'rag-query': {
    ...BASE,
    ...ATTRIBUTION,
    durationMs: isCount,
    stages: recordOf(isCount, STAGES_MAX),
    chunksRetrieved: orNull(isCount),
    chunksUsed: orNull(isCount),
    cacheHit: orNull(isBoolean),
    embeddingCacheHit: orNull(isBoolean),
    topScore: orNull(isNumber),
    avgScore: orNull(isNumber),
    threshold: orNull(isNumber),
    queryHash: orNull(isText),
    outcome: oneOf('ok', 'error'),
    errorType: orNull(isText),
  },
  cache: {
    ...BASE,
    cacheName: isText,
    hits: isWhole,
    misses: isWhole,
    keysCount: orNull(isCount),
    memoryUsedBytes: orNull(isCount),
  },
  system: {
    ...BASE,
    metricType: isText,
    metricName: isText,
    value: isNumber,
    unit: isText,
    tags: recordOf(isText, ATTRIBUTES_MAX),
  },
  'ws-session': {
    ...BASE,
    ...ATTRIBUTION,
    path: isText,
    durationMs: isCount,
    messagesIn: isCount,
    messagesOut: isCount,
    bytesIn: isCount,
    bytesOut: isCount,
    closeCode: isWhole,
  },
};

function isEvent(value: unknown): value is NervecenterEvent {
  const signal = isRecord(value) ? value['signal'] : undefined;
  return (
    typeof signal === 'string' &&
    Object.hasOwn(EVENT_SHAPES, signal) &&
    hasShape(value, EVENT_SHAPES[signal as SignalName])
  );
}

const POINT: Shape = {
  name: isName,
  unit: isShortText,
  description: isShortText,
  attributes: recordOf((value) => isShortText(value) || isNumber(value) || isBoolean(value), ATTRIBUTES_MAX),
};
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
  },
};

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
  frameIntervalMs: isCount,
};

/** Who sends, or `null` when that cannot be told. */
export function sourceOf(value: unknown): Source | null {
  return hasShape(value, SOURCE) ? (value as Source) : null;
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
  const claimed: unknown[] = [...unpackRequests(packed), ...value];
  const usable = claimed.filter(isEvent);
  return { usable, refused: claimed.length - usable.length };
}

/** The frame with the points that can be merged; `null` when it is none. */
export function frameOf(value: unknown): Usable<Pick<Frame, 'points' | 'dropped'>> | null {
  if (!isRecord(value)) return null;
  const { points, dropped } = value;
  if (!Array.isArray(points) || points.length > POINTS_MAX) return null;
  if (!recordOf(isWhole, DROP_REASONS_MAX)(dropped)) return null;
  const usable = points.filter(isPoint);
  return {
    usable: { points: usable, dropped: dropped as DropCounts },
    refused: points.length - usable.length,
  };
}

import type { EventBase } from '../event.ts';
import { COUNTS, DURATIONS, ERRORS } from '../history/measures.ts';
import { parseJson } from '../json.ts';
import { EVENT_RECORD } from '../records/layout.ts';
import { KIB, type Milliseconds } from '../units.ts';
import {
  type Check,
  EVENT,
  isCount,
  isRecord,
  isShortText,
  isText,
  isWhole,
  listOf,
  oneOf,
  optional,
  orNull,
  shaped,
} from './checks.ts';
import { equals } from './facts.ts';
import type { PricedLlmCallEvent } from './llm-call.ts';
import type { RagQueryEvent } from './rag-query.ts';
import { eventColumns, SENDER, senderColumns, text } from './row.ts';
import type { Signal } from './signal.ts';

export const SPAN_KINDS = ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'] as const;

/** A value of an attribute, as JSON has it. */
export type WholeValue =
  | string
  | number
  | boolean
  | null
  | readonly WholeValue[]
  | { readonly [key: string]: WholeValue };
type WholeAttributes = Readonly<Record<string, WholeValue>>;
/** Seconds since the epoch, and nanoseconds. */
type WholeTime = readonly [seconds: number, nanoseconds: number];

/** What a span of an app's own says besides: all of it goes to whoever it is sent to, and into no row. */
export interface WholeSpan {
  readonly startTime: WholeTime;
  readonly endTime: WholeTime;
  readonly traceState: string | null;
  readonly statusMessage: string | null;
  readonly scope: { readonly version: string | null; readonly schemaUrl: string | null };
  readonly attributes: WholeAttributes;
  /** `dropped`: how many attributes were left out. */
  readonly events: readonly {
    readonly name: string;
    readonly time: WholeTime;
    readonly attributes: WholeAttributes;
    readonly dropped: number;
  }[];
  readonly links: readonly {
    readonly traceId: string;
    readonly spanId: string;
    readonly traceFlags: number;
    readonly attributes: WholeAttributes;
    readonly dropped: number;
  }[];
  readonly dropped: Readonly<Record<'attributes' | 'events' | 'links', number>>;
}

/** A span that came by OTLP and is kept, or one of an app whose SDK is ours. `timeMs` is when it ended. */
export interface SpanEvent extends EventBase {
  readonly signal: 'span';
  /** 32 lower-case hex digits. */
  readonly traceId: string;
  /** 16 lower-case hex digits. */
  readonly spanId: string;
  readonly parentSpanId: string | null;
  readonly name: string;
  readonly kind: (typeof SPAN_KINDS)[number];
  readonly durationMs: Milliseconds;
  readonly status: 'unset' | 'ok' | 'error';
  /** What failed, in a word (`error.type`, the exception's type); never a sentence. */
  readonly errorType: string | null;
  /** Name of the instrumentation that made it. */
  readonly scope: string;
  /** JSON object of its attributes, bounded, without prompts, answers and texts of queries. */
  readonly attributes: string;
  /** JSON list of `[name, milliseconds after the start, {attributes}]`, bounded likewise. */
  readonly events: string;
  /** Of an app's own, as it was ended; attributes and events are then empty until the collector has looked at it. */
  readonly whole?: WholeSpan;
}

/** What is stored of one trace. */
export interface StoredTrace {
  readonly id: string;
  readonly spans: readonly SpanEvent[];
  /** What its rows say of model calls, with what those cost, and of queries. */
  readonly told: readonly (PricedLlmCallEvent | RagQueryEvent)[];
}

const JSON_CHARS_MAX = 64 * KIB;
const TRACE_ID = /^[\da-f]{32}$/;
const SPAN_ID = /^[\da-f]{16}$/;
const isTraceId: Check = (value) => typeof value === 'string' && TRACE_ID.test(value);
const isSpanId: Check = (value) => typeof value === 'string' && SPAN_ID.test(value);

/** A row is what is queried by: text that is no JSON would be refused by its column, and the row with it. */
function isJsonOf(check: Check): Check {
  return (value) => {
    if (typeof value !== 'string' || value.length > JSON_CHARS_MAX) return false;
    try {
      return check(parseJson(value));
    } catch {
      return false;
    }
  };
}

const ITEMS_MAX = 10_000;
const isTime: Check = (value) =>
  Array.isArray(value) && value.length === 2 && isWhole(value[0]) && isWhole(value[1]);
const isWholeSpan = shaped({
  startTime: isTime,
  endTime: isTime,
  traceState: orNull(isShortText),
  statusMessage: orNull(isShortText),
  scope: shaped({ version: orNull(isShortText), schemaUrl: orNull(isShortText) }),
  attributes: isRecord,
  events: listOf(shaped({ name: isText, time: isTime, attributes: isRecord, dropped: isWhole }), ITEMS_MAX),
  links: listOf(
    shaped({
      traceId: isTraceId,
      spanId: isSpanId,
      traceFlags: isWhole,
      attributes: isRecord,
      dropped: isWhole,
    }),
    ITEMS_MAX,
  ),
  dropped: shaped({ attributes: isWhole, events: isWhole, links: isWhole }),
});

/**
 * Spans are for looking at one trace. They are a selection, so nothing is measured by them: what they tell of requests,
 * model calls and queries are events of those signals. History rolls them up by their kind and status alone, because names
 * are whatever an instrumentation likes.
 */
export const span: Signal<SpanEvent> = {
  name: 'span',
  words: { title: 'Spans', plural: 'spans' },
  table: 'spans',
  namedBy: ['name'],
  instruments: [],
  measure: () => () => {},
  columns: [
    ...eventColumns<SpanEvent>(),
    { name: 'trace_id', type: 'varchar', value: (event) => text(event.traceId, 32) },
    { name: 'span_id', type: 'varchar', value: (event) => text(event.spanId, 16) },
    { name: 'parent_span_id', type: 'varchar', value: (event) => text(event.parentSpanId, 16) },
    { name: 'name', type: 'varchar', value: (event) => text(event.name, 255) },
    { name: 'kind', type: 'varchar', value: (event) => event.kind },
    { name: 'duration_ms', type: 'double precision', value: (event) => event.durationMs },
    { name: 'status', type: 'varchar', value: (event) => event.status },
    { name: 'error_type', type: 'varchar', value: (event) => text(event.errorType, 100) },
    { name: 'scope', type: 'varchar', value: (event) => text(event.scope, 255) },
    { name: 'attributes', type: 'jsonb', value: (event) => event.attributes },
    { name: 'events', type: 'jsonb', value: (event) => event.events },
    ...senderColumns<SpanEvent>(),
  ],
  record: {
    ...EVENT_RECORD,
    traceId: 'trace',
    spanId: 'span',
    parentSpanId: 'span',
    name: 'name',
    kind: 'name',
    durationMs: 'number',
    status: 'name',
    errorType: 'name',
    scope: 'name',
    attributes: 'text',
    events: 'text',
    whole: 'json',
  },
  accepts: {
    ...EVENT,
    traceId: isTraceId,
    spanId: isSpanId,
    parentSpanId: orNull(isSpanId),
    name: isText,
    kind: oneOf(...SPAN_KINDS),
    durationMs: isCount,
    status: oneOf('unset', 'ok', 'error'),
    errorType: orNull(isText),
    scope: isText,
    attributes: isJsonOf(isRecord),
    events: isJsonOf(Array.isArray),
    whole: optional(isWholeSpan),
  },
  history: {
    dimensions: { name: 'r.name', kind: 'r.kind', status: 'r.status', scope: 'r.scope', ...SENDER },
    fields: { value: { value: { column: 'duration_ms' }, rolledBy: ['kind', 'status'] } },
    sums: { errors: equals('status', 'error') },
    measures: { ...COUNTS, ...DURATIONS, ...ERRORS },
    firstMeasure: 'p95',
  },
  retention: { key: 'span', days: 7 },
};

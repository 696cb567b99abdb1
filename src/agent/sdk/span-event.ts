import type { Attributes, HrTime, Link } from '@opentelemetry/api';
import { SPAN_KINDS, type SpanEvent, type WholeSpan, type WholeValue } from '../../core/signals/span.ts';
import { KIB, milliseconds, SECOND_MS } from '../../core/units.ts';
import { newEventId } from '../../platform/ids.ts';

/** A span as the SDK hands it to its processors. */
export interface EndedSpan {
  readonly name: string;
  /** `SpanKind` of the API, which counts from internal on. */
  readonly kind: number;
  spanContext(): Link['context'];
  readonly parentSpanContext?: Link['context'] | undefined;
  readonly startTime: HrTime;
  readonly endTime: HrTime;
  readonly duration: HrTime;
  readonly status: { readonly code: number; readonly message?: string | undefined };
  readonly attributes: Attributes;
  readonly links: readonly Link[];
  readonly events: readonly {
    readonly name: string;
    readonly time: HrTime;
    readonly attributes?: Attributes;
  }[];
  readonly instrumentationScope: {
    readonly name: string;
    readonly version?: string | undefined;
    readonly schemaUrl?: string | undefined;
  };
  readonly droppedAttributesCount: number;
  readonly droppedEventsCount: number;
  readonly droppedLinksCount: number;
}

/** What one span may hand over: a thousand of them are sent at once. Past it attributes are left out and counted. */
export const SPAN_CHARS_MAX = 64 * KIB;
const NAME_CHARS_MAX = 1024;
const NANOSECONDS = 1e6;
const STATUSES = ['unset', 'ok', 'error'] as const;

/** A span that the app has ended, for whoever it is sent to. Of what it says, the collector decides what is kept. */
export function spanEvent(span: EndedSpan): SpanEvent {
  const { traceId, spanId, traceState } = span.spanContext();
  const { name, version, schemaUrl } = span.instrumentationScope;
  const endMs = msOf(span.endTime);
  const room = { chars: SPAN_CHARS_MAX };
  const attributes = fitting(span.attributes, room);
  const events = span.events.map((event) => {
    const { kept, dropped } = fitting(event.attributes ?? {}, room);
    return { name: cut(event.name), time: event.time, attributes: kept, dropped };
  });
  const links = span.links.map(({ context, attributes: told = {} }) => {
    const { kept, dropped } = fitting(told, room);
    const { traceId: linked, spanId: at, traceFlags } = context;
    return { traceId: linked, spanId: at, traceFlags, attributes: kept, dropped };
  });
  const whole: WholeSpan = {
    startTime: span.startTime,
    endTime: span.endTime,
    traceState: traceState?.serialize() || null,
    statusMessage: span.status.message === undefined ? null : cut(span.status.message),
    scope: { version: version ?? null, schemaUrl: schemaUrl ?? null },
    attributes: attributes.kept,
    events,
    links,
    dropped: {
      attributes: span.droppedAttributesCount + attributes.dropped,
      events: span.droppedEventsCount,
      links: span.droppedLinksCount,
    },
  };
  return {
    signal: 'span',
    id: newEventId(Math.floor(endMs)),
    timeMs: milliseconds(endMs),
    traceId,
    spanId,
    parentSpanId: span.parentSpanContext?.spanId ?? null,
    name: cut(span.name),
    kind: SPAN_KINDS[span.kind + 1] ?? 'unspecified',
    durationMs: milliseconds(Math.max(0, msOf(span.duration))),
    status: STATUSES[span.status.code] ?? 'unset',
    errorType: null,
    scope: cut(name),
    attributes: '{}',
    events: '[]',
    whole,
  };
}

function msOf([seconds, nanoseconds]: HrTime): number {
  return seconds * SECOND_MS + nanoseconds / NANOSECONDS;
}

function cut(text: string): string {
  return text.slice(0, NAME_CHARS_MAX);
}

interface Room {
  chars: number;
}

function fitting(attributes: Attributes, room: Room) {
  const kept: Record<string, WholeValue> = {};
  let dropped = 0;
  for (const [key, value] of Object.entries(attributes)) {
    const plain = plainValue(value);
    const chars = key.length + (JSON.stringify(plain)?.length ?? 0);
    if (plain === undefined || chars > room.chars) {
      dropped++;
      continue;
    }
    room.chars -= chars;
    kept[key] = plain;
  }
  return { kept, dropped };
}

/** A value as JSON can carry it: bytes as base64, numbers that are none as text. */
function plainValue(value: unknown): WholeValue | undefined {
  if (typeof value === 'string' || typeof value === 'boolean' || value === null) return value;
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (Array.isArray(value)) return value.map((one) => plainValue(one) ?? null);
  if (typeof value !== 'object') return undefined;
  const entries = Object.entries(value).map(([key, inner]) => [key, plainValue(inner) ?? null]);
  return Object.fromEntries(entries);
}

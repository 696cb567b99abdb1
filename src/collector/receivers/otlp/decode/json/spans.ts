import { SPAN_KINDS } from '../../../../../core/signals/span.ts';
import type { OtlpSpan, OtlpSpanEvent } from '../../model.ts';
import type { KeyTable } from '../key-table.ts';
import { LeftOut } from '../left-out.ts';
import { EVENTS_MAX, EVENTS_OF_REQUEST_MAX, NAME_BYTES_MAX } from '../limits.ts';
import {
  EVENTS_BEYOND,
  EVENTS_BEYOND_REQUEST,
  STATUSES,
  WITHOUT_SPAN_ID,
  WITHOUT_TRACE_ID,
} from '../records.ts';
import { each, type Fields, idIn, objectIn, objectOf, read, textIn, toEnum, toTimeMs } from './fields.ts';
import { type Surroundings, walkJson } from './request.ts';
import { allAttributesOf, attributesOf } from './values.ts';

const LEVELS = { resources: 'resourceSpans', scopes: 'scopeSpans', records: 'spans' };
const toKind = toEnum(SPAN_KINDS.map((kind) => `SPAN_KIND_${kind.toUpperCase()}`));
const toStatus = toEnum(STATUSES.map((status) => `STATUS_CODE_${status.toUpperCase()}`));

/** A request while it is read. */
interface Reading {
  readonly wanted: KeyTable;
  readonly leftOut: LeftOut;
  /** Of all its spans so far. */
  events: number;
}

/** The spans of an `ExportTraceServiceRequest` in JSON. @throws DecodeError */
export function decodeJsonSpans(body: Buffer, wanted: KeyTable, leftOut: LeftOut): OtlpSpan[] {
  const spans: OtlpSpan[] = [];
  const reading: Reading = { wanted, leftOut, events: 0 };
  walkJson(body, LEVELS, leftOut, (fields, surroundings) => {
    const span = spanOf(fields, surroundings, reading);
    if (span !== null) spans.push(span);
  });
  return spans;
}

/** `null`: counted as left out. */
function spanOf(fields: Fields, { resource, scope }: Surroundings, reading: Reading): OtlpSpan | null {
  const { wanted, leftOut } = reading;
  const traceId = idIn(fields, 'traceId', 32);
  const spanId = idIn(fields, 'spanId', 16);
  const status = objectIn(fields, 'status') ?? {};
  const span = {
    resource,
    scope,
    parentSpanId: idIn(fields, 'parentSpanId', 16),
    name: textIn(fields, 'name', NAME_BYTES_MAX),
    kind: SPAN_KINDS[read(fields, 'kind', toKind) ?? 0] ?? 'unspecified',
    startMs: read(fields, 'startTimeUnixNano', toTimeMs) ?? 0,
    endMs: read(fields, 'endTimeUnixNano', toTimeMs) ?? 0,
    status: STATUSES[read(status, 'code', toStatus) ?? 0] ?? 'unset',
    statusMessage: textIn(status, 'message', NAME_BYTES_MAX),
    attributes: attributesOf(fields, leftOut, wanted),
    events: eventsOf(fields, reading),
    allAttributes: () => allAttributesOf(fields, new LeftOut()),
  };
  if (traceId !== null && spanId !== null) return { ...span, traceId, spanId };
  leftOut.records(traceId === null ? WITHOUT_TRACE_ID : WITHOUT_SPAN_ID);
  return null;
}

function eventsOf(fields: Fields, reading: Reading): OtlpSpanEvent[] {
  const { leftOut } = reading;
  const events: OtlpSpanEvent[] = [];
  each(fields, 'events', (item) => {
    if (events.length >= EVENTS_MAX || reading.events >= EVENTS_OF_REQUEST_MAX) {
      leftOut.parts(events.length >= EVENTS_MAX ? EVENTS_BEYOND : EVENTS_BEYOND_REQUEST);
      return;
    }
    reading.events++;
    const event = objectOf(item);
    events.push({
      name: textIn(event, 'name', NAME_BYTES_MAX),
      timeMs: read(event, 'timeUnixNano', toTimeMs) ?? 0,
      attributes: attributesOf(event, leftOut),
    });
  });
  return events;
}

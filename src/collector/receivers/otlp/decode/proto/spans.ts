import {
  type OtlpAttributes,
  type OtlpResource,
  type OtlpScope,
  type OtlpSpan,
  type OtlpSpanEvent,
  type OtlpSpanKind,
  SPAN_KINDS,
} from '../../model.ts';
import { NO_ATTRIBUTES } from '../attributes.ts';
import { placed } from '../decode-error.ts';
import type { KeyTable } from '../key-table.ts';
import { LeftOut } from '../left-out.ts';
import { EVENTS_MAX, NAME_BYTES_MAX, RECORDS_MAX } from '../limits.ts';
import { BEYOND, STATUSES, WITHOUT_SPAN_ID, WITHOUT_TRACE_ID } from '../records.ts';
import { readSpanId, readTraceId } from './ids.ts';
import { ProtoReader } from './reader.ts';
import { RequestWalk, type Surroundings } from './request.ts';
import { AttributeReading, attributesIn } from './values.ts';

const LEVELS = { resources: 'resourceSpans', scopes: 'scopeSpans', records: 'spans' };
const ATTRIBUTES_FIELD = 9;
/** What is read again was counted when it came. */
const TOLD_BEFORE = new LeftOut();
const NO_EVENTS: readonly OtlpSpanEvent[] = Object.freeze([]);

/** The spans of an `ExportTraceServiceRequest`. @throws DecodeError */
export function decodeSpans(body: Uint8Array, wanted: KeyTable, leftOut: LeftOut): OtlpSpan[] {
  const reader = new ProtoReader(body);
  const spans: OtlpSpan[] = [];
  const decoding = new SpanDecoding(reader, wanted, leftOut);
  const record = (surroundings: Surroundings) => {
    if (spans.length < RECORDS_MAX) {
      const span = decoding.read(surroundings);
      if (span !== null) spans.push(span);
      return;
    }
    reader.delimited();
    leftOut.records(BEYOND);
  };
  new RequestWalk(reader, LEVELS, leftOut, record).walk();
  return spans;
}

/** A span, and where it stands in its request. */
class ProtoSpan implements OtlpSpan {
  readonly resource: OtlpResource;
  readonly scope: OtlpScope;
  traceId = '';
  spanId = '';
  parentSpanId: string | null = null;
  name = '';
  kind: OtlpSpanKind = 'unspecified';
  startMs = 0;
  endMs = 0;
  status: OtlpSpan['status'] = 'unset';
  statusMessage = '';
  attributes: OtlpAttributes = NO_ATTRIBUTES;
  events: readonly OtlpSpanEvent[] = NO_EVENTS;
  readonly #reader: ProtoReader;
  readonly #start: number;
  readonly #end: number;

  /** @param reader that is at its beginning. */
  constructor(reader: ProtoReader, { resource, scope }: Surroundings) {
    this.resource = resource;
    this.scope = scope;
    this.#reader = reader;
    this.#start = reader.position;
    this.#end = reader.end;
  }

  allAttributes(): OtlpAttributes {
    const range = { start: this.#start, end: this.#end };
    return attributesIn(this.#reader, ATTRIBUTES_FIELD, range, TOLD_BEFORE);
  }
}

/** Reads one span after the other. */
class SpanDecoding {
  readonly #reader: ProtoReader;
  readonly #leftOut: LeftOut;
  readonly #reading: AttributeReading;
  readonly #readingEvent: AttributeReading;

  constructor(reader: ProtoReader, wanted: KeyTable, leftOut: LeftOut) {
    this.#reader = reader;
    this.#leftOut = leftOut;
    this.#reading = new AttributeReading(leftOut, wanted);
    this.#readingEvent = new AttributeReading(leftOut);
  }

  /** `null`: counted as left out. */
  read(surroundings: Surroundings): OtlpSpan | null {
    const reader = this.#reader;
    const reading = this.#reading;
    const outer = reader.enter();
    const span = new ProtoSpan(reader, surroundings);
    let traceId: string | null = null;
    let spanId: string | null = null;
    let events: OtlpSpanEvent[] | null = null;
    reading.begin();
    for (let field = reader.field(); field !== 0; field = reader.field()) {
      if (field === ATTRIBUTES_FIELD) reading.read(reader);
      else if (field === 1) traceId = readTraceId(reader);
      else if (field === 2) spanId = readSpanId(reader, 'spanId');
      else if (field === 4) span.parentSpanId = readSpanId(reader, 'parentSpanId');
      else if (field === 5) span.name = reader.text(NAME_BYTES_MAX);
      else if (field === 6) span.kind = SPAN_KINDS[reader.unsigned()] ?? 'unspecified';
      else if (field === 7) span.startMs = reader.timeMs();
      else if (field === 8) span.endMs = reader.timeMs();
      else if (field === 11) {
        events ??= [];
        this.#event(events);
      } else if (field === 15) this.#status(span);
      else reader.skip();
    }
    reader.leave(outer);
    if (traceId === null || spanId === null) {
      this.#leftOut.records(traceId === null ? WITHOUT_TRACE_ID : WITHOUT_SPAN_ID);
      return null;
    }
    span.traceId = traceId;
    span.spanId = spanId;
    span.attributes = reading.attributes;
    if (events !== null) span.events = events;
    return span;
  }

  /** `Event`: time 1, name 2, attributes 3. */
  #event(events: OtlpSpanEvent[]): void {
    const reader = this.#reader;
    if (events.length >= EVENTS_MAX) {
      this.#leftOut.parts(`events beyond the ${EVENTS_MAX} of a span`);
      reader.skip();
      return;
    }
    try {
      const outer = reader.enter();
      let timeMs = 0;
      let name = '';
      const reading = this.#readingEvent;
      let attributes: OtlpAttributes = NO_ATTRIBUTES;
      for (let field = reader.field(); field !== 0; field = reader.field()) {
        if (field === 1) timeMs = reader.timeMs();
        else if (field === 2) name = reader.text(NAME_BYTES_MAX);
        else if (field === 3) {
          if (attributes === NO_ATTRIBUTES) reading.begin();
          attributes = reading.attributes;
          reading.read(reader);
        } else reader.skip();
      }
      reader.leave(outer);
      events.push({ name, timeMs, attributes });
    } catch (error) {
      throw placed(error, `events[${events.length}]`);
    }
  }

  /** `Status`: message 2, code 3. */
  #status(span: ProtoSpan): void {
    const reader = this.#reader;
    try {
      const outer = reader.enter();
      span.status = 'unset';
      span.statusMessage = '';
      for (let field = reader.field(); field !== 0; field = reader.field()) {
        if (field === 2) span.statusMessage = reader.text(NAME_BYTES_MAX);
        else if (field === 3) span.status = STATUSES[reader.unsigned()] ?? 'unset';
        else reader.skip();
      }
      reader.leave(outer);
    } catch (error) {
      throw placed(error, 'status');
    }
  }
}

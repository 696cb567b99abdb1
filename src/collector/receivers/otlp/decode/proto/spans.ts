import { SPAN_KINDS } from '../../../../../core/signals/span.ts';
import type { OtlpAttributes, OtlpSpan, OtlpSpanEvent, OtlpSpanKind } from '../../model.ts';
import { NO_ATTRIBUTES } from '../attributes.ts';
import { placed } from '../decode-error.ts';
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
    const span = decoding.read(surroundings);
    if (span !== null) spans.push(span);
  };
  new RequestWalk(reader, LEVELS, leftOut, record).walk();
  return spans;
}

/** Reads one span after the other. */
class SpanDecoding {
  readonly #reader: ProtoReader;
  readonly #leftOut: LeftOut;
  readonly #reading: AttributeReading;
  readonly #readingEvent: AttributeReading;
  /** Of all spans so far. */
  #events = 0;

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
    const { position: start, end } = reader;
    let traceId: string | null = null;
    let spanId: string | null = null;
    let parentSpanId: string | null = null;
    let name = '';
    let kind: OtlpSpanKind = 'unspecified';
    let startMs = 0;
    let endMs = 0;
    let status: Status = NO_STATUS;
    let events: OtlpSpanEvent[] | null = null;
    reading.begin();
    for (let field = reader.field(); field !== 0; field = reader.field()) {
      if (field === ATTRIBUTES_FIELD) reading.read(reader);
      else if (field === 1) traceId = readTraceId(reader);
      else if (field === 2) spanId = readSpanId(reader, 'spanId');
      else if (field === 4) parentSpanId = readSpanId(reader, 'parentSpanId');
      else if (field === 5) name = reader.text(NAME_BYTES_MAX);
      else if (field === 6) kind = SPAN_KINDS[reader.unsigned()] ?? 'unspecified';
      else if (field === 7) startMs = reader.timeMs();
      else if (field === 8) endMs = reader.timeMs();
      else if (field === 11) {
        events ??= [];
        this.#event(events);
      } else if (field === 15) status = this.#status();
      else reader.skip();
    }
    reader.leave(outer);
    if (traceId === null || spanId === null) {
      this.#leftOut.records(traceId === null ? WITHOUT_TRACE_ID : WITHOUT_SPAN_ID);
      return null;
    }
    return {
      resource: surroundings.resource,
      scope: surroundings.scope,
      traceId,
      spanId,
      parentSpanId,
      name,
      kind,
      startMs,
      endMs,
      status: status.code,
      statusMessage: status.message,
      attributes: reading.attributes,
      events: events ?? NO_EVENTS,
      allAttributes: () => attributesIn(reader, ATTRIBUTES_FIELD, { start, end }, TOLD_BEFORE),
    };
  }

  /** `Event`: time 1, name 2, attributes 3. */
  #event(events: OtlpSpanEvent[]): void {
    const reader = this.#reader;
    if (events.length >= EVENTS_MAX || this.#events >= EVENTS_OF_REQUEST_MAX) {
      this.#leftOut.parts(events.length >= EVENTS_MAX ? EVENTS_BEYOND : EVENTS_BEYOND_REQUEST);
      reader.skip();
      return;
    }
    this.#events++;
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
  #status(): Status {
    const reader = this.#reader;
    try {
      const outer = reader.enter();
      let message = '';
      let code: OtlpSpan['status'] = 'unset';
      for (let field = reader.field(); field !== 0; field = reader.field()) {
        if (field === 2) message = reader.text(NAME_BYTES_MAX);
        else if (field === 3) code = STATUSES[reader.unsigned()] ?? 'unset';
        else reader.skip();
      }
      reader.leave(outer);
      return code === 'ok' && message === '' ? OK_STATUS : { code, message };
    } catch (error) {
      throw placed(error, 'status');
    }
  }
}

interface Status {
  readonly code: OtlpSpan['status'];
  readonly message: string;
}

const NO_STATUS: Status = { code: 'unset', message: '' };
const OK_STATUS: Status = { code: 'ok', message: '' };

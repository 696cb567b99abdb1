import { SPAN_KINDS } from '../../../../../core/signals/span.ts';
import type { OtlpAttributes, OtlpSpan, OtlpSpanEvent, OtlpSpanKind } from '../../model.ts';
import { NO_ATTRIBUTES } from '../attributes.ts';
import { placed } from '../decode-error.ts';
import type { KeyTable } from '../key-table.ts';
import { LeftOut } from '../left-out.ts';
import { EVENTS_MAX, NAME_BYTES_MAX, RECORDS_MAX } from '../limits.ts';
import { BEYOND, STATUSES, WITHOUT_SPAN_ID, WITHOUT_TRACE_ID } from '../records.ts';
import { SpanIds } from './ids.ts';
import { ProtoReader } from './reader.ts';
import { RequestWalk, type Surroundings } from './request.ts';
import { AttributeReading, attributesIn } from './values.ts';

const LEVELS = { resources: 'resourceSpans', scopes: 'scopeSpans', records: 'spans' };
const ATTRIBUTES_FIELD = 9;

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

/** Reads one span after the other. */
class SpanDecoding {
  readonly #reader: ProtoReader;
  readonly #wanted: KeyTable;
  readonly #leftOut: LeftOut;
  readonly #ids: SpanIds;

  constructor(reader: ProtoReader, wanted: KeyTable, leftOut: LeftOut) {
    this.#reader = reader;
    this.#wanted = wanted;
    this.#leftOut = leftOut;
    this.#ids = new SpanIds(reader);
  }

  /** `null`: counted as left out. */
  read(surroundings: Surroundings): OtlpSpan | null {
    const reader = this.#reader;
    const outer = reader.enter();
    const range = { start: reader.position, end: reader.end };
    const reading = new AttributeReading(this.#leftOut, this.#wanted);
    let traceId: string | null = null;
    let spanId: string | null = null;
    let parentSpanId: string | null = null;
    let name = '';
    let kind: OtlpSpanKind = 'unspecified';
    let startMs = 0;
    let endMs = 0;
    let status: Status = NO_STATUS;
    let events: OtlpSpanEvent[] | null = null;
    for (let field = reader.field(); field !== 0; field = reader.field()) {
      if (field === 1) traceId = this.#ids.traceId();
      else if (field === 2) spanId = this.#ids.spanId('spanId');
      else if (field === 4) parentSpanId = this.#ids.spanId('parentSpanId');
      else if (field === 5) name = reader.text(NAME_BYTES_MAX);
      else if (field === 6) kind = SPAN_KINDS[reader.unsigned()] ?? 'unspecified';
      else if (field === 7) startMs = reader.timeMs();
      else if (field === 8) endMs = reader.timeMs();
      else if (field === ATTRIBUTES_FIELD) reading.read(reader);
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
      allAttributes: () =>
        attributesIn(new ProtoReader(reader.bytes), ATTRIBUTES_FIELD, range, new LeftOut()),
    };
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
      let reading: AttributeReading | null = null;
      for (let field = reader.field(); field !== 0; field = reader.field()) {
        if (field === 1) timeMs = reader.timeMs();
        else if (field === 2) name = reader.text(NAME_BYTES_MAX);
        else if (field === 3) {
          reading ??= new AttributeReading(this.#leftOut);
          reading.read(reader);
        } else reader.skip();
      }
      reader.leave(outer);
      const attributes: OtlpAttributes = reading?.attributes ?? NO_ATTRIBUTES;
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
      let code = 0;
      for (let field = reader.field(); field !== 0; field = reader.field()) {
        if (field === 2) message = reader.text(NAME_BYTES_MAX);
        else if (field === 3) code = reader.unsigned();
        else reader.skip();
      }
      reader.leave(outer);
      return { message, code: STATUSES[code] ?? 'unset' };
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
const NO_EVENTS: readonly OtlpSpanEvent[] = Object.freeze([]);

import type { OtlpLogRecord, OtlpValue } from '../../model.ts';
import { placed } from '../decode-error.ts';
import type { LeftOut } from '../left-out.ts';
import { NAME_BYTES_MAX } from '../limits.ts';
import { nameOfEvent } from '../records.ts';
import { readSpanId, readTraceId } from './ids.ts';
import { ProtoReader } from './reader.ts';
import { RequestWalk, type Surroundings } from './request.ts';
import { AttributeReading, readValue } from './values.ts';

const LEVELS = { resources: 'resourceLogs', scopes: 'scopeLogs', records: 'logRecords' };

/** The records of an `ExportLogsServiceRequest`. @throws DecodeError */
export function decodeLogs(body: Uint8Array, leftOut: LeftOut): OtlpLogRecord[] {
  const reader = new ProtoReader(body);
  const records: OtlpLogRecord[] = [];
  const record = (surroundings: Surroundings) => {
    records.push(readRecord(reader, surroundings, leftOut));
  };
  new RequestWalk(reader, LEVELS, leftOut, record).walk();
  return records;
}

function readRecord(reader: ProtoReader, surroundings: Surroundings, leftOut: LeftOut): OtlpLogRecord {
  const outer = reader.enter();
  const reading = new AttributeReading(leftOut);
  let [timeMs, observedMs, severity, eventName] = [0, 0, 0, ''];
  let [traceId, spanId]: [string | null, string | null] = [null, null];
  let body: OtlpValue = null;
  for (let field = reader.field(); field !== 0; field = reader.field()) {
    if (field === 1) timeMs = reader.timeMs();
    else if (field === 2) severity = reader.unsigned();
    else if (field === 5) body = readBody(reader, reading);
    else if (field === 6) reading.read(reader);
    else if (field === 9) traceId = readTraceId(reader);
    else if (field === 10) spanId = readSpanId(reader, 'spanId');
    else if (field === 11) observedMs = reader.timeMs();
    else if (field === 12) eventName = reader.text(NAME_BYTES_MAX);
    else reader.skip();
  }
  reader.leave(outer);
  return {
    ...surroundings,
    timeMs: timeMs || observedMs,
    severity,
    eventName: nameOfEvent(eventName, reading.attributes),
    body,
    attributes: reading.attributes,
    traceId,
    spanId,
  };
}

function readBody(reader: ProtoReader, reading: AttributeReading): OtlpValue {
  try {
    const outer = reader.enter();
    const value = readValue(reader, 0, reading);
    reader.leave(outer);
    return value ?? null;
  } catch (error) {
    throw placed(error, 'body');
  }
}

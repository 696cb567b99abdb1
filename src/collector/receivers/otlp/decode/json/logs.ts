import type { OtlpLogRecord } from '../../model.ts';
import type { LeftOut } from '../left-out.ts';
import { NAME_BYTES_MAX } from '../limits.ts';
import { nameOfEvent } from '../records.ts';
import { type Fields, idIn, objectOf, read, textIn, toEnum, toTimeMs } from './fields.ts';
import { type Surroundings, walkJson } from './request.ts';
import { anyValueOf, attributesOf } from './values.ts';

const LEVELS = { resources: 'resourceLogs', scopes: 'scopeLogs', records: 'logRecords' };
const SEVERITIES = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'];
const toSeverity = toEnum([
  'SEVERITY_NUMBER_UNSPECIFIED',
  ...SEVERITIES.flatMap((name) => ['', '2', '3', '4'].map((step) => `SEVERITY_NUMBER_${name}${step}`)),
]);

/** The records of an `ExportLogsServiceRequest` in JSON. @throws DecodeError */
export function decodeJsonLogs(body: Buffer, leftOut: LeftOut): OtlpLogRecord[] {
  const records: OtlpLogRecord[] = [];
  walkJson(body, LEVELS, leftOut, (fields, surroundings) => {
    records.push(recordOf(fields, surroundings, leftOut));
  });
  return records;
}

function recordOf(fields: Fields, { resource, scope }: Surroundings, leftOut: LeftOut): OtlpLogRecord {
  const attributes = attributesOf(fields, leftOut);
  const timeMs = read(fields, 'timeUnixNano', toTimeMs) ?? 0;
  const observedMs = read(fields, 'observedTimeUnixNano', toTimeMs) ?? 0;
  return {
    resource,
    scope,
    timeMs: timeMs || observedMs,
    severity: read(fields, 'severityNumber', toSeverity) ?? 0,
    eventName: nameOfEvent(textIn(fields, 'eventName', NAME_BYTES_MAX), attributes),
    body: read(fields, 'body', (body) => anyValueOf(objectOf(body), 0, leftOut)) ?? null,
    attributes,
    traceId: idIn(fields, 'traceId', 32),
    spanId: idIn(fields, 'spanId', 16),
  };
}

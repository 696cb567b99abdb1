import fc from 'fast-check';
import type { OtlpSignal } from '../../../../src/collector/receivers/otlp/listen/statistics.ts';
import type { Json } from './messages.ts';

const hex = (bytes: number) =>
  fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((id) => Buffer.from(id).toString('hex'));
/** Whole Unicode characters: JSON can hold half of one, protobuf cannot. */
const text = fc.string({ unit: 'grapheme', maxLength: 80 });
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String);
const count = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String);
const time = count;
const double = fc.oneof(
  // JSON has no negative zero.
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value): Json => value + 0),
  fc.constantFrom<Json>('NaN', 'Infinity', '-Infinity'),
);

const anyValue: fc.Arbitrary<Json> = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    text.map((value): Json => ({ stringValue: value })),
    fc.boolean().map((value): Json => ({ boolValue: value })),
    int64.map((value): Json => ({ intValue: value })),
    double.map((value): Json => ({ doubleValue: value })),
    fc.uint8Array().map((value): Json => ({ bytesValue: Buffer.from(value).toString('base64') })),
    fc.constant<Json>({}),
    fc.array(tie('value'), { maxLength: 4 }).map((values): Json => ({ arrayValue: { values } })),
    fc
      .array(fc.record({ key: text, value: tie('value') }), { maxLength: 4 })
      .map((values): Json => ({ kvlistValue: { values } })),
  ),
})).value;

const record = (fields: Record<string, fc.Arbitrary<Json>>, requiredKeys: string[] = []) =>
  fc.record(fields, { requiredKeys }) as fc.Arbitrary<Json>;
const list = (item: fc.Arbitrary<Json>): fc.Arbitrary<Json> => fc.array(item, { maxLength: 4 });
const attributes = list(fc.record({ key: text, value: anyValue }));

const span = record({
  traceId: hex(16),
  spanId: hex(8),
  parentSpanId: fc.constantFrom('', '0'.repeat(16), 'eee19b7ec3c1b173'),
  traceState: text,
  name: text,
  kind: fc.integer({ min: 0, max: 9 }),
  startTimeUnixNano: time,
  endTimeUnixNano: time,
  attributes,
  droppedAttributesCount: fc.nat(),
  events: list(record({ name: text, timeUnixNano: time, attributes })),
  links: list(record({ traceId: hex(16), spanId: hex(8), attributes })),
  status: record({ code: fc.integer({ min: 0, max: 3 }), message: text }),
  flags: fc.nat(),
});

const pointBase = { attributes, startTimeUnixNano: time, timeUnixNano: time, flags: fc.nat() };
const statistics = { count, sum: double, min: double, max: double };
const number = fc.oneof(record({ ...pointBase, asDouble: double }), record({ ...pointBase, asInt: int64 }));
const temporality = fc.integer({ min: 0, max: 3 });
const buckets = record({ offset: fc.integer(), bucketCounts: list(count) });

const data = fc.oneof(
  record({ dataPoints: list(number) }).map((gauge): Json => ({ gauge })),
  record({
    dataPoints: list(number),
    aggregationTemporality: temporality,
    isMonotonic: fc.boolean(),
  }).map((sum): Json => ({ sum })),
  record({
    dataPoints: list(
      record({ ...pointBase, ...statistics, bucketCounts: list(count), explicitBounds: list(double) }),
    ),
    aggregationTemporality: temporality,
  }).map((histogram): Json => ({ histogram })),
  record({
    dataPoints: list(
      record({
        ...pointBase,
        ...statistics,
        scale: fc.integer(),
        zeroCount: count,
        zeroThreshold: double,
        positive: buckets,
        negative: buckets,
      }),
    ),
    aggregationTemporality: temporality,
  }).map((exponentialHistogram): Json => ({ exponentialHistogram })),
  record({
    dataPoints: list(
      record({
        ...pointBase,
        count,
        sum: double,
        quantileValues: list(record({ quantile: double, value: double })),
      }),
    ),
  }).map((summary): Json => ({ summary })),
  fc.constant<Json>({}),
);
const metric = fc
  .tuple(record({ name: text, description: text, unit: text }), data)
  .map(([fields, one]): Json => ({ ...(fields as object), ...(one as object) }));

const logRecord = record({
  timeUnixNano: time,
  observedTimeUnixNano: time,
  severityNumber: fc.integer({ min: 0, max: 30 }),
  severityText: text,
  eventName: text,
  body: anyValue,
  attributes: list(fc.record({ key: fc.oneof(text, fc.constant('event.name')), value: anyValue })),
  traceId: hex(16),
  spanId: hex(8),
});

const scope = record({ name: text, version: text, attributes });
const resource = record({ attributes });

/** Whatever a sender may send, of each signal. */
export const ANY_REQUEST: Readonly<Record<OtlpSignal, fc.Arbitrary<Json>>> = {
  traces: request('resourceSpans', 'scopeSpans', { spans: list(span) }),
  metrics: request('resourceMetrics', 'scopeMetrics', { metrics: list(metric) }),
  logs: request('resourceLogs', 'scopeLogs', { logRecords: list(logRecord) }),
};

function request(
  outer: string,
  inner: string,
  records: Record<string, fc.Arbitrary<Json>>,
): fc.Arbitrary<Json> {
  const scopes = list(record({ scope, ...records, schemaUrl: text }, Object.keys(records)));
  return record({ [outer]: list(record({ resource, [inner]: scopes }, [inner])) }, [outer]);
}

import assert from 'node:assert/strict';
import fc from 'fast-check';
import protobuf from 'protobufjs';
import { describe, it } from 'vitest';
import type { HistogramSeries, MetricFamily } from '../../../src/collector/metric-family.ts';
import { exposition } from '../../../src/collector/prometheus/exposition.ts';

const optional = (fields: Record<string, [type: string, id: number]>) => ({
  fields: Object.fromEntries(Object.entries(fields).map(([name, [type, id]]) => [name, { type, id }])),
});
const repeated = (fields: Record<string, [type: string, id: number]>) => ({
  fields: Object.fromEntries(
    Object.entries(fields).map(([name, [type, id]]) => [
      name,
      { rule: 'repeated', type, id, options: { packed: false } },
    ]),
  ),
});
const message = (...parts: readonly { fields: object }[]) => ({
  fields: Object.assign({}, ...parts.map(({ fields }) => fields)),
});

/** Names and numbers of `io.prometheus.client` that are written, as client_model publishes them in metrics.proto. */
const PUBLISHED = protobuf.Root.fromJSON({
  nested: {
    Timestamp: optional({ seconds: ['int64', 1], nanos: ['int32', 2] }),
    LabelPair: optional({ name: ['string', 1], value: ['string', 2] }),
    Gauge: optional({ value: ['double', 1] }),
    Exemplar: message(
      repeated({ label: ['LabelPair', 1] }),
      optional({ value: ['double', 2], timestamp: ['Timestamp', 3] }),
    ),
    Counter: optional({
      value: ['double', 1],
      exemplar: ['Exemplar', 2],
      createdTimestamp: ['Timestamp', 3],
    }),
    Bucket: optional({
      cumulativeCount: ['uint64', 1],
      upperBound: ['double', 2],
      exemplar: ['Exemplar', 3],
      cumulativeCountFloat: ['double', 4],
    }),
    BucketSpan: optional({ offset: ['sint32', 1], length: ['uint32', 2] }),
    Histogram: message(
      optional({
        sampleCount: ['uint64', 1],
        sampleSum: ['double', 2],
        sampleCountFloat: ['double', 4],
        schema: ['sint32', 5],
        zeroThreshold: ['double', 6],
        zeroCount: ['uint64', 7],
        createdTimestamp: ['Timestamp', 15],
      }),
      repeated({
        bucket: ['Bucket', 3],
        negativeSpan: ['BucketSpan', 9],
        positiveSpan: ['BucketSpan', 12],
        positiveDelta: ['sint64', 13],
        exemplars: ['Exemplar', 16],
      }),
    ),
    Metric: message(
      repeated({ label: ['LabelPair', 1] }),
      optional({ gauge: ['Gauge', 2], counter: ['Counter', 3], histogram: ['Histogram', 7] }),
    ),
    MetricFamily: message(
      optional({ name: ['string', 1], help: ['string', 2], type: ['MetricType', 3], unit: ['string', 5] }),
      repeated({ metric: ['Metric', 4] }),
    ),
    MetricType: {
      values: { COUNTER: 0, GAUGE: 1, SUMMARY: 2, UNTYPED: 3, HISTOGRAM: 4, GAUGE_HISTOGRAM: 5 },
    },
  },
});
const FAMILY = PUBLISHED.lookupType('MetricFamily');

interface DecodedHistogram {
  readonly bucket?: readonly object[];
  readonly zeroCount: number;
  readonly positiveSpan?: readonly { readonly offset: number; readonly length: number }[];
  readonly positiveDelta?: readonly number[];
}

interface Decoded {
  readonly name: string;
  readonly metric: readonly { readonly histogram: DecodedHistogram }[];
}

function decode(families: readonly MetricFamily[]): Decoded[] {
  const chunks = [...exposition(families, 'protobuf')].filter((chunk) => typeof chunk !== 'string');
  const reader = protobuf.Reader.create(Buffer.concat(chunks));
  const decoded: Decoded[] = [];
  while (reader.pos < reader.len) {
    const family = FAMILY.toObject(FAMILY.decodeDelimited(reader), { longs: Number, enums: String });
    decoded.push(family as Decoded);
  }
  assert.equal(decoded.pop()?.name, 'nervecenter_exposition_omitted_series');
  return decoded;
}

const family = (more: Partial<MetricFamily>): MetricFamily => ({
  name: 'a',
  unit: '',
  description: '',
  kind: 'counter',
  series: [],
  ...more,
});

/** Bucket counts by index of OpenTelemetry, from spans and deltas. */
function nativeCounts(histogram: DecodedHistogram): Map<number, number> {
  const counts = new Map<number, number>();
  const deltas = [...(histogram.positiveDelta ?? [])];
  let [index, count] = [-1, 0];
  for (const { offset, length } of histogram.positiveSpan ?? []) {
    index += offset;
    for (let i = 0; i < length; i++, index++) {
      count += deltas.shift() ?? assert.fail('more buckets than counts');
      if (count > 0) counts.set(index, count);
    }
  }
  assert.deepEqual(deltas, []);
  return counts;
}

describe('the exposition as Protocol Buffers', () => {
  it('has counters, gauges and infos with names, help, units, labels and times', () => {
    const decoded = decode([
      family({ name: 'target', kind: 'info', series: [{ attributes: { 'host.name': 'h' }, value: 1 }] }),
      family({
        name: 'llm.cost',
        unit: 'USD',
        description: 'What "it"\ncosts.',
        series: [{ attributes: { model: 'é "x"\n', a: 1 }, value: 0.5, createdMs: 1_794_700_800_123 }],
      }),
      family({ name: 'load', kind: 'gauge', series: [{ attributes: {}, value: -0.25 }] }),
    ]);
    assert.deepEqual(decoded, [
      {
        name: 'target_info',
        type: 'GAUGE',
        metric: [{ label: [{ name: 'host_name', value: 'h' }], gauge: { value: 1 } }],
      },
      {
        name: 'llm_cost_USD_total',
        help: 'What "it"\ncosts.',
        type: 'COUNTER',
        unit: 'USD',
        metric: [
          {
            label: [
              { name: 'a', value: '1' },
              { name: 'model', value: 'é "x"\n' },
            ],
            counter: { value: 0.5, createdTimestamp: { seconds: 1_794_700_800, nanos: 123_000_000 } },
          },
        ],
      },
      { name: 'load', type: 'GAUGE', metric: [{ gauge: { value: -0.25 } }] },
    ]);
  });

  it('has a histogram as a native and as a classic one, with its exemplars', () => {
    const exemplar = { value: 1.9, traceId: 'ab'.repeat(16), timeMs: 1_794_700_801_000 };
    const series: HistogramSeries = {
      attributes: { route: '/a' },
      count: 7,
      sum: 12.5,
      zeroCount: 1,
      buckets: { offset: 0, counts: [1, 0, 0, 0, 0, 0, 0, 5] },
      createdMs: 1_794_700_800_000,
      exemplars: [exemplar],
    };
    const [one] = decode([family({ kind: 'histogram', series: [series] })]);
    const { bucket, ...rest } = one?.metric[0]?.histogram ?? assert.fail();
    const shown = {
      label: [{ name: 'trace_id', value: exemplar.traceId }],
      value: 1.9,
      timestamp: { seconds: 1_794_700_801, nanos: 0 },
    };
    assert.deepEqual(rest, {
      sampleCount: 7,
      sampleSum: 12.5,
      schema: 3,
      zeroThreshold: 1e-128,
      zeroCount: 1,
      positiveSpan: [
        { offset: 1, length: 1 },
        { offset: 6, length: 1 },
      ],
      positiveDelta: [1, 4],
      createdTimestamp: { seconds: 1_794_700_800, nanos: 0 },
      exemplars: [shown],
    });
    assert.deepEqual(
      bucket,
      [1, 2, 2, 2, 2, 2, 2, 2, 7].map((cumulativeCount, i) => ({
        cumulativeCount,
        upperBound: 2 ** (i / 8),
        ...(i === 8 && { exemplar: shown }),
      })),
    );
  });

  it('comes back as it went in, whatever the buckets and however many series', () => {
    const counts = fc.array(fc.oneof(fc.constant(0), fc.nat(3), fc.nat(2 ** 52)), { maxLength: 50 });
    const histogram = fc.record({
      offset: fc.integer({ min: -240, max: 700 }),
      counts,
      zeroCount: fc.nat(9),
    });
    fc.assert(
      fc.property(fc.array(histogram, { minLength: 1, maxLength: 300 }), (all) => {
        const series = all.map(({ offset, counts, zeroCount }, i) => ({
          attributes: { i },
          count: i,
          sum: 0,
          zeroCount,
          buckets: { offset, counts },
        }));
        const [one] = decode([family({ kind: 'histogram', series })]);
        for (const [i, metric] of (one?.metric ?? []).entries()) {
          const { offset, counts } = series[i]?.buckets ?? assert.fail();
          const expected = counts.flatMap((count, at): [number, number][] =>
            count > 0 ? [[offset + at, count]] : [],
          );
          assert.deepEqual([...nativeCounts(metric.histogram)], expected);
          assert.equal(metric.histogram.zeroCount, series[i]?.zeroCount);
        }
      }),
      { numRuns: 50 },
    );
  });

  it('pauses while a large family is made', () => {
    const series = Array.from({ length: 2000 }, (_, i) => ({
      attributes: { i },
      count: 10,
      sum: 1,
      zeroCount: 0,
      buckets: { offset: -80, counts: [5, ...new Array<number>(100).fill(0), 5] },
    }));
    const chunks = [...exposition([family({ kind: 'histogram', series })], 'protobuf')];
    assert.ok(chunks.filter((chunk) => chunk === '').length >= 20);
    assert.ok(chunks.every(({ length }) => length < 64 * 1024));
  });

  it('leaves out what would repeat a label set', () => {
    const one = { attributes: {}, value: 1 };
    const [only] = decode([family({ series: [one, one] }), family({})]);
    assert.equal(only?.metric.length, 1);
  });
});

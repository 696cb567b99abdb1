import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import { decode, plain, protobufOf } from './messages.ts';

const example = (name: string) => readFileSync(join(import.meta.dirname, 'examples', `${name}.json`), 'utf8');

const TRACE_ID = '5b8efff798038103d269b633813fc60c';
const SPAN_ID = 'eee19b7ec3c1b174';
const RESOURCE = { attributes: { 'service.name': 'my.service' } };
const SCOPE = { name: 'my.library', version: '1.0.0' };
const START_MS = 1_544_712_660_300;

const EXAMPLES = [
  {
    name: 'trace',
    signal: 'traces',
    expected: [
      {
        resource: RESOURCE,
        scope: SCOPE,
        traceId: TRACE_ID,
        spanId: SPAN_ID,
        parentSpanId: 'eee19b7ec3c1b173',
        name: "I'm a server span",
        kind: 'server',
        startMs: 1_544_712_660_000,
        endMs: 1_544_712_661_000,
        status: 'unset',
        statusMessage: '',
        attributes: { 'my.span.attr': 'some value' },
        events: [],
        allAttributes: { 'my.span.attr': 'some value' },
      },
    ],
  },
  {
    name: 'logs',
    signal: 'logs',
    expected: [
      {
        resource: RESOURCE,
        scope: SCOPE,
        timeMs: START_MS,
        severity: 10,
        eventName: '',
        body: 'Example log record',
        attributes: {
          'string.attribute': 'some string',
          'boolean.attribute': true,
          'int.attribute': 10,
          'double.attribute': 637.704,
          'array.attribute': ['many', 'values'],
          'map.attribute': { 'some.map.key': 'some value' },
        },
        traceId: TRACE_ID,
        spanId: SPAN_ID,
      },
    ],
  },
  {
    name: 'events',
    signal: 'logs',
    expected: [
      {
        resource: RESOURCE,
        scope: SCOPE,
        timeMs: START_MS,
        severity: 9,
        eventName: 'browser.page_view',
        body: {
          type: 0,
          url: 'https://www.guidgenerator.com/online-guid-generator.aspx',
          referrer: 'https://wwww.google.com',
          title: 'Free Online GUID Generator',
        },
        attributes: { 'event.attribute': 'some event attribute' },
        traceId: null,
        spanId: null,
      },
    ],
  },
  { name: 'metrics', signal: 'metrics', expected: exampleMetrics() },
] as const;

function exampleMetrics() {
  const point = (attribute: string, startMs: number = START_MS) => ({
    attributes: { [attribute]: 'some value' },
    startMs,
    timeMs: START_MS,
    noRecordedValue: false,
  });
  const metric = (name: string, description: string, data: object) => ({
    resource: RESOURCE,
    scope: SCOPE,
    name,
    description,
    unit: '1',
    data,
  });
  const statistics = { count: 2, sum: 2, min: 0, max: 2 };
  return [
    metric('my.counter', 'I am a Counter', {
      kind: 'sum',
      isMonotonic: true,
      temporality: 'delta',
      points: [{ ...point('my.counter.attr'), value: 5 }],
    }),
    metric('my.gauge', 'I am a Gauge', {
      kind: 'gauge',
      points: [{ ...point('my.gauge.attr', 0), value: 10 }],
    }),
    metric('my.histogram', 'I am a Histogram', {
      kind: 'histogram',
      temporality: 'delta',
      points: [{ ...point('my.histogram.attr'), ...statistics, explicitBounds: [1], bucketCounts: [1, 1] }],
    }),
    metric('my.exponential.histogram', 'I am an Exponential Histogram', {
      kind: 'exponential',
      temporality: 'delta',
      points: [
        {
          ...point('my.exponential.histogram.attr'),
          count: 3,
          sum: 10,
          min: 0,
          max: 5,
          scale: 0,
          zeroCount: 1,
          zeroThreshold: 0,
          positive: { offset: 1, counts: [0, 2] },
          negative: { offset: 0, counts: [] },
        },
      ],
    }),
  ];
}

describe('a published example', () => {
  for (const { name, signal, expected } of EXAMPLES) {
    it(`is read to the last point, from JSON and from protobuf: ${name}`, () => {
      const text = example(name);
      const json = decode(signal, Buffer.from(text), 'json');
      const protobuf = decode(signal, protobufOf(signal, JSON.parse(text)), 'protobuf');
      assert.deepEqual(plain(json.records), expected);
      assert.deepEqual(plain(protobuf.records), expected);
      for (const { rejected } of [json, protobuf]) assert.deepEqual(rejected, { count: 0, message: '' });
    });
  }
});

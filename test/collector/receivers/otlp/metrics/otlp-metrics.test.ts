import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { LiveStore } from '../../../../../src/collector/live/store.ts';
import type { OtlpMetric } from '../../../../../src/collector/receivers/otlp/model.ts';
import { GRACE_MS } from '../../../../../src/collector/receivers/otlp/subjects.ts';
import { milliseconds } from '../../../../../src/core/units.ts';
import {
  APP,
  explicitOf,
  exponentialOf,
  LATER_MS,
  metricOf,
  numberOf,
  Received,
  resourceOf,
  SINCE_MS,
  sum,
} from './sender.ts';

const REQUESTS = 'http.server.request.duration';
const CALLS = 'gen_ai.client.inference.duration';
const REPEATED = `otlp.${REQUESTS}`;

/** Values of one interval as a histogram with a boundary at 1. */
function durations(
  name: string,
  values: readonly number[],
  more: Partial<OtlpMetric> & { attributes?: object } = {},
): OtlpMetric {
  const { attributes = {}, ...rest } = more;
  const point = explicitOf({
    attributes: attributes as Record<string, string>,
    count: values.length,
    sum: values.reduce((all, value) => all + value, 0),
    min: Math.min(...values),
    max: Math.max(...values),
    explicitBounds: [1],
    bucketCounts: [values.filter((value) => value <= 1).length, values.filter((value) => value > 1).length],
  });
  return metricOf(name, { kind: 'histogram', temporality: 'delta', points: [point] }, { unit: 's', ...rest });
}

/** Takes metrics of a process that is new, and waits until nobody tells the same. */
function counted(received: Received, metrics: readonly OtlpMetric[]): Received {
  received.metrics.take(metrics, LATER_MS);
  received.metrics.release(LATER_MS + GRACE_MS);
  return received;
}

describe('metrics that figures are made of', () => {
  it('are requests, by the names and units of two conventions, as requests are measured here', () => {
    const http = {
      'http.request.method': 'GET',
      'http.response.status_code': 200,
      'http.route': '/users/:id',
      'url.scheme': 'http',
    };
    const older = { 'http.method': 'BREW', 'http.status_code': 418, 'http.flavor': '1.1' };
    const received = counted(new Received(), [
      durations(REQUESTS, [0.2, 0.3], { attributes: http }),
      durations(REQUESTS, [0.5], {
        attributes: { 'http.request.method': 'GET', 'error.type': 'TimeoutError' },
      }),
      durations('http.server.duration', [1500], {
        unit: 'ms',
        attributes: older,
        scope: { name: 'older', version: '' },
      }),
    ]);
    const points = received.of(REQUESTS).map((point) => {
      assert.ok(point.kind === 'histogram');
      return {
        attributes: point.attributes,
        count: point.count,
        sum: Math.round(point.sum * 1e9) / 1e9,
        unit: point.unit,
      };
    });
    const attributesOf = (method: string, status: number, route: string) => ({
      'http.request.method': method,
      'http.response.status_code': status,
      'http.route': route,
      'url.scheme': 'http',
      ...(status >= 500 ? { 'error.type': String(status) } : {}),
    });
    assert.deepEqual(points, [
      { attributes: attributesOf('GET', 200, '/users/:id'), count: 2, sum: 0.5, unit: 's' },
      { attributes: attributesOf('GET', 500, '<unmatched>'), count: 1, sum: 0.5, unit: 's' },
      { attributes: attributesOf('_OTHER', 418, '<unmatched>'), count: 1, sum: 1.5, unit: 's' },
    ]);
    const [source] = received.sources;
    const sender = { instanceId: source?.instanceId, service: 'shop' };
    assert.deepEqual(
      received.lasting.map((point) => point.sender),
      [sender, sender, sender],
    );
  });

  it('are model calls by older names: durations by operation, tokens by type', () => {
    const call = (operation: string, more = {}) => ({
      attributes: {
        'gen_ai.operation.name': operation,
        'gen_ai.system': 'az.ai.openai',
        'gen_ai.request.model': 'gpt-4o',
        ...more,
      },
    });
    const tokens = (type: string, values: readonly number[]) => ({
      ...durations('gen_ai.client.token.usage', values, call('chat', { 'gen_ai.token.type': type })),
      unit: '{token}',
    });
    const received = counted(new Received(), [
      durations('gen_ai.client.operation.duration', [2, 3], call('chat')),
      durations('gen_ai.client.operation.duration', [0.1], call('embeddings')),
      durations('gen_ai.client.operation.duration', [9], call('invoke_agent')),
      tokens('input', [100, 200]),
      tokens('output', [30]),
    ]);
    assert.equal(received.total(CALLS), 2);
    assert.equal(received.total('gen_ai.client.embeddings.duration'), 1);
    assert.equal(received.total('gen_ai.client.operation.duration'), 0);
    assert.equal(received.total('otlp.gen_ai.client.operation.duration'), 1);
    assert.equal(received.total('gen_ai.client.inference.usage.input_tokens'), 300);
    assert.equal(received.total('gen_ai.client.inference.usage.output_tokens'), 30);
    assert.deepEqual(received.of(CALLS)[0]?.attributes, {
      'gen_ai.operation.name': 'chat',
      'gen_ai.provider.name': 'azure.ai.openai',
      'gen_ai.request.model': 'gpt-4o',
    });
  });

  it('count once by the later name where one library gives both, in one request or in two', () => {
    const both = (at: number) => [
      durations('gen_ai.client.operation.duration', [at], {
        attributes: { 'gen_ai.operation.name': 'chat' },
      }),
      durations(CALLS, [at], { attributes: { 'gen_ai.operation.name': 'chat' } }),
    ];
    const received = counted(new Received(), both(2));
    assert.equal(received.total(CALLS), 1);
    assert.equal(received.total('otlp.gen_ai.client.operation.duration'), 1);
    const apart = new Received();
    for (const metric of both(2)) apart.metrics.take([metric], LATER_MS);
    apart.metrics.release(LATER_MS + GRACE_MS);
    assert.equal(apart.total(CALLS), 1);
  });

  it('are gauges of processes, as they are', () => {
    const memory = metricOf('process.memory.usage', sum([numberOf(5e7)], 'cumulative', false), {
      unit: 'By',
    });
    const received = counted(new Received(), [memory]);
    const [point] = received.of('process.memory.usage');
    assert.deepEqual(
      [point?.kind, point?.attributes, received.total('process.memory.usage')],
      ['gauge', {}, 5e7],
    );
  });

  it('are refused in a kind that their name does not have', () => {
    const received = new Received();
    const { count, message } = received.metrics.take(
      [metricOf(REQUESTS, sum([numberOf(1)], 'delta'))],
      LATER_MS,
    );
    assert.equal(count, 1);
    assert.match(message, /another kind than the metric of this name is by convention/);
  });
});

describe('a sender whose metrics, spans and logs tell the same', () => {
  const span = { afterMs: SINCE_MS + 900, untilMs: SINCE_MS + 900 };
  const instanceOf = (received: Received) => received.sources[0]?.instanceId ?? '';

  it('is counted by its spans when they come while its metrics are held back', () => {
    const received = new Received();
    received.metrics.take([durations(REQUESTS, [0.2])], LATER_MS);
    assert.equal(received.total(REQUESTS), 0);
    assert.equal(
      received.subjects.told(instanceOf(received), 'request', 'spans', { ...span, nowMs: LATER_MS + 5000 }),
      'counted',
    );
    received.metrics.release(LATER_MS + GRACE_MS);
    assert.equal(received.total(REQUESTS), 0);
    assert.equal(received.total(REPEATED), 1);
    assert.deepEqual(received.of(REPEATED)[0]?.attributes, { 'service.name': 'shop' });
  });

  it('is counted by its metrics up to where they told, when spans come later', () => {
    const received = counted(new Received(), [durations(REQUESTS, [0.2])]);
    assert.equal(received.total(REQUESTS), 1);
    assert.equal(
      received.subjects.told(instanceOf(received), 'request', 'spans', {
        ...span,
        nowMs: LATER_MS + GRACE_MS,
      }),
      'told',
    );
    const next = durations(REQUESTS, [0.3]);
    assert.ok(next.data.kind === 'histogram');
    const points = next.data.points.map((point) => ({
      ...point,
      startMs: point.timeMs,
      timeMs: point.timeMs + 1000,
    }));
    received.metrics.take([{ ...next, data: { ...next.data, points } }], LATER_MS + 2 * GRACE_MS);
    assert.equal(received.total(REQUESTS), 1);
    assert.equal(received.total(REPEATED), 1);
  });

  it('is counted by its metrics in what no span tells', () => {
    const received = new Received();
    received.subjects.meet('', APP);
    received.metrics.take([durations(REQUESTS, [0.2])], LATER_MS);
    received.subjects.told(instanceOf(received), 'llm-call', 'spans', { ...span, nowMs: LATER_MS });
    const gaps = durations('gen_ai.client.operation.time_per_output_chunk', [0.1], {
      attributes: { 'gen_ai.operation.name': 'chat' },
    });
    received.metrics.take([gaps, durations(CALLS, [0.1])], LATER_MS);
    received.metrics.release(LATER_MS + GRACE_MS);
    assert.equal(received.total('gen_ai.client.inference.time_per_output_chunk'), 1);
    assert.equal(received.total(CALLS), 0);
    assert.equal(received.total(REQUESTS), 1);
  });
});

describe('the published example of OTLP metrics', () => {
  it('is taken to its last point', () => {
    const times = { startMs: 1_544_712_660_300, timeMs: 1_544_712_660_300 };
    const of = (kind: string) => ({ ...times, attributes: { [`my.${kind}.attr`]: 'some value' } });
    const example = (name: string, data: OtlpMetric['data']) =>
      metricOf(name, data, { unit: '1', resource: resourceOf({ 'service.name': 'my.service' }) });
    const explicit = { count: 2, sum: 2, bucketCounts: [1, 1], explicitBounds: [1], min: 0, max: 2 };
    const exponential = {
      count: 3,
      sum: 10,
      scale: 0,
      zeroCount: 1,
      min: 0,
      max: 5,
      positive: { offset: 1, counts: [0, 2] },
    };
    const received = new Received();
    const rejected = received.metrics.take(
      [
        example('my.counter', sum([numberOf(5, of('counter'))], 'delta')),
        example('my.gauge', { kind: 'gauge', points: [numberOf(10, of('gauge'))] }),
        example('my.histogram', {
          kind: 'histogram',
          temporality: 'delta',
          points: [explicitOf({ ...of('histogram'), ...explicit })],
        }),
        example('my.exponential.histogram', {
          kind: 'exponential',
          temporality: 'delta',
          points: [exponentialOf({ ...of('exponential.histogram'), ...exponential })],
        }),
      ],
      LATER_MS,
    );
    assert.deepEqual(rejected, { count: 0, message: '' });
    assert.deepEqual(
      received.merged.map((point) =>
        point.kind === 'histogram'
          ? [point.name, point.count, point.sum, point.min, point.max, point.zeroCount]
          : [point.name, point.value],
      ),
      [
        ['my.counter', 5],
        ['my.gauge', 10],
        ['my.histogram', 2, 2, 0, 2, 0],
        ['my.exponential.histogram', 3, 10, 0, 5, 1],
      ],
    );
    assert.deepEqual(received.merged[3]?.attributes, {
      'service.name': 'my.service',
      'my.exponential.histogram.attr': 'some value',
    });
  });
});

describe('all other metrics', () => {
  it('go on to /metrics by service, those of a machine by its name', () => {
    const received = new Received();
    const network = { attributes: { 'network.io.direction': 'receive' } };
    received.metrics.take(
      [
        metricOf(
          'orders',
          sum([numberOf(3, { attributes: { paid: true, tags: ['a', 'b'], nothing: null } })], 'delta'),
        ),
        metricOf('depth', { kind: 'gauge', points: [numberOf(-2)] }),
        metricOf('system.network.io', sum([numberOf(9, network)], 'delta'), { unit: 'By' }),
        metricOf(
          'system.memory.usage',
          { kind: 'gauge', points: [numberOf(1e9)] },
          { resource: resourceOf({}) },
        ),
      ],
      LATER_MS,
    );
    assert.deepEqual(
      received.merged.map(({ name, attributes }) => [name, attributes]),
      [
        ['orders', { 'service.name': 'shop', paid: true, tags: '["a","b"]' }],
        ['depth', { 'service.name': 'shop' }],
        ['system.network.io', { 'host.name': 'web-1', 'network.io.direction': 'receive' }],
        ['system.memory.usage', {}],
      ],
    );
    assert.deepEqual(received.outcomes(), { accepted: 4 });
  });

  it('are summaries as their latest quantiles, count and sum', () => {
    const point = { attributes: {}, startMs: 0, timeMs: LATER_MS, noRecordedValue: false, count: 4, sum: 10 };
    const quantiles = [
      { quantile: 0.5, value: 2 },
      { quantile: 1, value: 5 },
    ];
    const received = counted(new Received(), [
      metricOf('pauses', { kind: 'summary', points: [{ ...point, quantiles }] }),
    ]);
    assert.deepEqual(
      received.merged.map(({ name, kind, attributes }) => [name, kind, attributes['quantile']]),
      [
        ['pauses', 'gauge', '0.5'],
        ['pauses', 'gauge', '1'],
        ['pauses.count', 'gauge', undefined],
        ['pauses.sum', 'gauge', undefined],
      ],
    );
    assert.equal(received.total('pauses.sum'), 10);
  });

  it('lose a gauge that their sender says is gone', () => {
    const store = new LiveStore(milliseconds(60_000));
    const received = new Received({
      merge: (instanceId, points) => store.merge(instanceId, { points }, LATER_MS),
    });
    const gauge = (noRecordedValue: boolean) =>
      metricOf('depth', { kind: 'gauge', points: [numberOf(noRecordedValue ? 0 : 7, { noRecordedValue })] });
    received.metrics.take([gauge(false)], LATER_MS);
    assert.equal(store.gauges('depth').length, 1);
    received.metrics.take([gauge(true)], LATER_MS);
    assert.equal(store.gauges('depth').length, 0);
  });

  it('are told of when the live view does not keep them, or they cannot be read', () => {
    let store = new LiveStore(milliseconds(60_000));
    const received = new Received({
      merge: (instanceId, points) => store.merge(instanceId, { points }, LATER_MS),
    });
    const many = Array.from({ length: 2005 }, (_, i) => metricOf(`m${i}`, sum([numberOf(1)], 'delta')));
    const full = received.metrics.take(many, LATER_MS);
    assert.equal(full.count, 5);
    assert.match(full.message, /^5 of more metrics than are kept .*\(first: m2000\)$/);
    store = new LiveStore(milliseconds(60_000));
    const attributes = Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`a${i}`, i]));
    const { count, message } = received.metrics.take(
      [
        metricOf('', sum([numberOf(1)], 'delta')),
        metricOf('newer', { kind: 'none' }),
        metricOf('wide', sum([numberOf(1, { attributes })], 'delta')),
        metricOf('nan', { kind: 'gauge', points: [numberOf(Number.NaN), numberOf(1)] }),
        metricOf('below', {
          kind: 'exponential',
          temporality: 'delta',
          points: [exponentialOf({ count: 1, sum: 0, negative: { offset: 0, counts: [1] } })],
        }),
      ],
      LATER_MS,
    );
    assert.equal(count, 5);
    for (const name of ['newer', 'wide', 'nan', 'below'])
      assert.match(message, new RegExp(`first: ${name}\\)`));
    assert.deepEqual(received.outcomes(), { accepted: 2006, refused: 10 });
  });

  it('are refused of more processes than are followed', () => {
    const received = new Received({ join: () => false });
    const { count, message } = received.metrics.take(
      [metricOf('orders', sum([numberOf(1), numberOf(2)], 'delta'))],
      LATER_MS,
    );
    assert.equal(count, 2);
    assert.match(message, /more processes than are followed/);
    assert.deepEqual(received.merged, []);
  });
});

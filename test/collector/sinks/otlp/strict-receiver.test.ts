import assert from 'node:assert/strict';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { assertMetric, SeriesHistory } from '../../../support/otlp/conventions/metrics.ts';
import {
  assertDetails,
  assertLog,
  assertSpan,
  assertTraces,
} from '../../../support/otlp/conventions/spans.ts';
import type { ReceivedMetric, ReceivedSpan } from '../../../support/otlp/received.ts';
import { OtlpReceiver } from '../../../support/otlp/receiver.ts';
import { oneOfEach } from '../postgres/events.ts';
import { exporting, removeDirectories, sent } from './exporting.ts';

const REQUIRED: Readonly<Record<string, readonly string[]>> = {
  'GET /ü/:näme,{"a"}': ['http.request.method', 'url.path', 'url.scheme'],
  'chat gpt-4o': ['gen_ai.operation.name', 'gen_ai.provider.name', 'server.port', 'server.address'],
  'websocket session': ['url.path', 'network.protocol.name', 'nervecenter.websocket.close_code'],
  retrieval: ['gen_ai.operation.name', 'nervecenter.rag.stage'],
  'my "own" stage': ['nervecenter.rag.stage'],
};

let receiver: OtlpReceiver;
beforeAll(async () => {
  receiver = await OtlpReceiver.start();
  const { exporter } = await exporting({ OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url });
  await exporter.offer(sent(oneOfEach()));
  await exporter.shutdown(10_000);
  receiver.assertConventions();
});
afterAll(async () => {
  await receiver.stop();
  removeDirectories();
});

function spanNamed(name: string): ReceivedSpan {
  const span = receiver.spans.find((one) => one.name === name);
  assert.ok(span !== undefined, name);
  return span;
}

function metricNamed(name: string): ReceivedMetric {
  const metric = receiver.metrics.find((one) => one.name === name);
  assert.ok(metric !== undefined, name);
  return metric;
}

function without<T extends object>(values: T, name: string): T {
  return Object.fromEntries(Object.entries(values).filter(([key]) => key !== name)) as T;
}

describe('the receiver that what we send is tried on refuses', () => {
  it('a span without what the conventions require of it', () => {
    for (const [name, required] of Object.entries(REQUIRED)) {
      const span = spanNamed(name);
      for (const key of required) {
        const attributes = without(span.attributes, key);
        const types = without(span.types, key);
        assert.throws(
          () => assertSpan({ ...span, attributes, types }),
          assert.AssertionError,
          `${name}: ${key}`,
        );
      }
    }
  });

  it('a span of another name, kind or status, with an attribute of another type or one that nobody knows', () => {
    for (const span of receiver.spans) {
      assertSpan(span);
      const [first = ''] = Object.keys(span.types);
      const wrong: readonly Partial<ReceivedSpan>[] = [
        { name: `${span.name} 4711` },
        { kind: (span.kind % 5) + 1 },
        { status: 1 },
        { status: 2 - span.status },
        { types: { ...span.types, [first]: span.types[first] === 'string' ? 'int' : 'string' } },
        { types: { ...span.types, 'gen_ai.prompt': 'string' } },
        { parentSpanId: span.spanId },
      ];
      for (const fields of wrong) {
        const said = `${span.name}: ${JSON.stringify(fields)}`;
        assert.throws(() => assertSpan({ ...span, ...fields }), assert.AssertionError, said);
      }
    }
  });

  it('a call whose parts are more than the whole, and a part of nothing', () => {
    const call = spanNamed('chat gpt-4o');
    const attributes = { ...call.attributes, 'gen_ai.usage.input_tokens': 20 };
    assert.throws(() => assertSpan({ ...call, attributes }), /input/);
    assert.throws(() => assertSpan({ ...spanNamed('retrieval'), parentSpanId: null }), /part/);
  });

  it('a parent of another kind, in another trace, or shorter than its part', () => {
    const [query, stage, call] = ['rag query', 'retrieval', 'chat gpt-4o'].map(spanNamed);
    assert.ok(query && stage && call);
    assertTraces(receiver.spans);
    const inCall = { ...stage, parentSpanId: call.spanId };
    assert.throws(() => assertTraces([query, call, inCall]), /in chat/);
    assert.throws(() => assertTraces([query, { ...stage, traceId: 'd'.repeat(32) }]), /parent/);
    assert.throws(() => assertTraces([{ ...query, endMs: stage.startMs - 1 }, stage]), /longer/);
    assert.throws(() =>
      assertTraces([query, { ...call, traceId: 'd'.repeat(32), parentSpanId: query.spanId }]),
    );
  });

  it('details that say something else than their span, or that are of another severity', () => {
    const [log] = receiver.logs;
    assert.ok(log !== undefined);
    assertLog(log);
    assertDetails(receiver.spans, [log]);
    assert.throws(() => assertLog({ ...log, severity: 9 }), assert.AssertionError);
    assert.throws(() => assertLog({ ...log, spanId: null }), /span/);
    assert.throws(() => assertDetails([], [log]), /span/);
    const attributes = { ...log.attributes, 'gen_ai.usage.output_tokens': 1 };
    assert.throws(() => assertDetails(receiver.spans, [{ ...log, attributes }]), assert.AssertionError);
  });

  it('a metric of another unit, instrument or temporality, or without what tells it apart', () => {
    const duration = metricNamed('http.server.request.duration');
    const tokens = metricNamed('gen_ai.client.inference.usage.input_tokens');
    for (const metric of receiver.metrics) assertMetric(metric);
    for (const fields of [{ unit: 'ms' }, { temporality: 0 }, { isMonotonic: false }] as const)
      assert.throws(
        () => assertMetric({ ...tokens, ...fields }),
        assert.AssertionError,
        JSON.stringify(fields),
      );
    assert.throws(() => assertMetric({ ...duration, name: 'http.server.duration' }), assert.AssertionError);
    for (const [metric, key] of [
      [duration, 'url.scheme'],
      [tokens, 'gen_ai.token.modality'],
    ] as const) {
      const points = metric.points.map((point) => ({ ...point, types: without(point.types, key) }));
      assert.throws(() => assertMetric({ ...metric, points }), assert.AssertionError, key);
    }
    const [point] = duration.points;
    assert.ok(point !== undefined);
    assert.throws(() => assertMetric({ ...duration, points: [point, point] }), /once/);
    assert.throws(() => assertMetric({ ...duration, points: [{ ...point, count: '2' }] }), /count/);
    assert.throws(() => assertMetric({ ...duration, points: [{ ...point, sum: 1e9 }] }), /sum/);
  });

  it('totals that fall or begin anew in between, and intervals that overlap', () => {
    const tokens = metricNamed('gen_ai.client.inference.usage.input_tokens');
    const at = (start: string, end: string, asDouble: number, temporality = 2): ReceivedMetric => ({
      ...tokens,
      temporality,
      points: tokens.points.map((point) => ({
        ...without(point, 'asInt'),
        startTimeUnixNano: start,
        timeUnixNano: end,
        asDouble,
      })),
    });
    const inOrder = (metrics: readonly ReceivedMetric[]) => () => {
      const history = new SeriesHistory();
      for (const metric of metrics) history.add(metric);
    };
    inOrder([at('1', '2', 5), at('1', '3', 5), at('4', '5', 1)])();
    inOrder([at('1', '2', 5, 1), at('2', '3', 1, 1)])();
    assert.throws(inOrder([at('1', '2', 5), at('1', '3', 4)]), /fell/);
    assert.throws(inOrder([at('1', '3', 5), at('2', '4', 6)]), /anew/);
    assert.throws(inOrder([at('1', '3', 5, 1), at('2', '4', 6, 1)]), /overlap/);
  });
});

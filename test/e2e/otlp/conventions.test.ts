import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'vitest';
import { GenaiApp } from '../../support/genai/genai-app.ts';
import { OtlpReceiver } from '../../support/otlp/receiver.ts';
import { until } from '../../support/poll.ts';

const CALLER = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
const PATIENCE = { timeoutMs: 60_000 };
/** A request, a query with three stages and four calls, a request that failed with its call, a session. */
const SPANS = 12;
/** Of the calls but that for embeddings. */
const DETAILS = 4;

let receiver: OtlpReceiver;
let app: GenaiApp;

for (const protocol of ['http/protobuf', 'http/json', 'grpc'] as const) {
  describe(`a RAG app with the real packages, sending by ${protocol}`, () => {
    beforeEach(async () => {
      receiver = await OtlpReceiver.start({ protocol });
      app = await GenaiApp.start({
        OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
        OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
        OTEL_METRIC_EXPORT_INTERVAL: '1000',
      });
    });
    afterEach(async () => {
      await app.end();
      await receiver.stop();
    });

    it('tells all it did by the conventions, with parents of their kinds and the tokens that were recorded', async () => {
      assert.equal(await app.ask('/ask/lease', { traceparent: CALLER, 'x-forwarded-proto': 'https' }), 200);
      assert.equal(await app.ask('/refused'), 503);
      app.talk();
      await until(() => hasAll() || receiver.problems.length > 0, PATIENCE);
      await app.end();
      receiver.assertConventions();
      assertTrace();
      assertTokens();
      const refused = receiver.spans.find(({ name }) => name === 'chat refused');
      assert.equal(refused?.attributes['error.type'], 'rate_limit_error');
      assert.equal(receiver.spans.length, SPANS);
      assert.equal(receiver.logs.length, DETAILS);
    });
  });
}

/** Spans, details and the metrics of the last call. */
function hasAll(): boolean {
  const isMeasured = receiver.metrics.some(
    ({ name, points }) =>
      name === 'gen_ai.client.inference.usage.input_tokens' &&
      points.length === GenaiApp.calls().length &&
      points.some(({ attributes }) => attributes['gen_ai.request.model'] === 'refused'),
  );
  return isMeasured && receiver.spans.length >= SPANS && receiver.logs.length >= DETAILS;
}

/** What was asked with a caller's trace is one trace in it. */
function assertTrace(): void {
  const [, traceId, callerId] = CALLER.split('-');
  const trace = receiver.spans.filter((span) => span.traceId === traceId);
  const named = (name: string) => trace.find((span) => span.name === name);
  const [request, query] = [named('GET /ask/:topic'), named('rag query')];
  assert.equal(request?.parentSpanId, callerId);
  assert.equal(request?.attributes['url.scheme'], 'https');
  assert.equal(query?.parentSpanId, request?.spanId);
  const within = trace.filter((span) => span.parentSpanId === query?.spanId).map(({ name }) => name);
  const calls = GenaiApp.calls().map(
    ({ model }) => `${model.startsWith('text') ? 'embeddings' : 'chat'} ${model}`,
  );
  assert.deepEqual(within.toSorted(), ['embeddings', 'generation', 'retrieval', ...calls].toSorted());
  assert.equal(trace.length, 2 + within.length);
}

function assertTokens(): void {
  for (const { model, usage } of GenaiApp.calls()) {
    const span = receiver.spans.find(({ attributes }) => attributes['gen_ai.request.model'] === model);
    assert.equal(span?.attributes['gen_ai.usage.input_tokens'], usage.prompt, model);
    const output = model.startsWith('text') ? undefined : usage.completion;
    assert.equal(span?.attributes['gen_ai.usage.output_tokens'], output, model);
  }
  const used = new Map<string, unknown>();
  for (const { name, points } of receiver.metrics)
    for (const { attributes, asDouble, asInt } of points)
      if (name === 'gen_ai.client.inference.usage.input_tokens')
        used.set(String(attributes['gen_ai.request.model']), Number(asDouble ?? asInt));
  const recorded = GenaiApp.calls().filter(({ model }) => !model.startsWith('text'));
  assert.deepEqual(
    Object.fromEntries(used),
    Object.fromEntries([...recorded.map(({ model, usage }) => [model, usage.prompt]), ['refused', 0]]),
  );
}

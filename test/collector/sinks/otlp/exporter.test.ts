import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'vitest';
import { spanIdOf } from '../../../../src/core/event.ts';
import type { NervecenterEvent } from '../../../../src/core/signals/index.ts';
import type { PricedLlmCallEvent } from '../../../../src/core/signals/llm-call.ts';
import type { RagQueryEvent } from '../../../../src/core/signals/rag-query.ts';
import { milliseconds } from '../../../../src/core/units.ts';
import type { ReceivedSpan } from '../../../support/otlp/received.ts';
import { OtlpReceiver, type ReceiverOptions } from '../../../support/otlp/receiver.ts';
import { until } from '../../../support/poll.ts';
import { oneOfEach, requestEvent } from '../postgres/events.ts';
import { balances, type Exporting, exporting, removeDirectories, SENDER, sent } from './exporting.ts';

const SERVER = 2;
const INTERNAL = 1;
const CLIENT = 3;
const UNSET = 0;
const ERROR = 2;

const running: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of running.splice(0).reverse()) await stop();
  removeDirectories();
});

async function receiving(options: ReceiverOptions = {}): Promise<OtlpReceiver> {
  const receiver = await OtlpReceiver.start(options);
  running.push(() => receiver.stop());
  return receiver;
}

async function exportingTo(receiver: OtlpReceiver, env: Record<string, string> = {}): Promise<Exporting> {
  const made = await exporting({ OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, ...env });
  running.push(() => made.exporter.shutdown(2000));
  return made;
}

function ofSignal<S extends NervecenterEvent['signal']>(signal: S, events = oneOfEach()) {
  const [event] = events.filter((one) => one.signal === signal);
  assert.ok(event !== undefined);
  return event as Extract<NervecenterEvent, { signal: S }>;
}

function spanNamed(receiver: OtlpReceiver, name: string): ReceivedSpan {
  const [span] = receiver.spans.filter((one) => one.name === name);
  assert.ok(span !== undefined, `${name} among ${receiver.spans.map((one) => one.name).join(', ')}`);
  return span;
}

it('what cannot be made a span is counted as given up, and what comes after it is sent', async () => {
  const receiver = await receiving();
  const { exporter } = await exportingTo(receiver);
  const endless = requestEvent();
  Object.assign(endless, { timeMs: 10n ** 30n });
  await exporter.offer(sent([endless, requestEvent()]));
  assert.deepEqual([...(exporter.counts()[0]?.dropped ?? [])], [['unreadable', 2]]);
  await exporter.offer(sent([requestEvent()]));
  await until(() => receiver.spans.length === 1);
  await until(() => exporter.counts()[0]?.exported === 1);
  assert.ok(balances(exporter));
});

describe('what goes out', () => {
  for (const protocol of ['http/protobuf', 'http/json', 'grpc'] as const) {
    for (const compression of ['none', 'gzip']) {
      it(`as ${protocol} with compression ${compression}: spans, details and metrics, all by the conventions`, async () => {
        const receiver = await receiving({ protocol });
        const { exporter, lines } = await exportingTo(receiver, {
          OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
          OTEL_EXPORTER_OTLP_COMPRESSION: compression,
          OTEL_EXPORTER_OTLP_HEADERS: 'X-Api-Key=se%20cret',
        });
        await exporter.offer(sent(oneOfEach()));
        await exporter.shutdown(10_000);
        receiver.assertConventions();
        assert.deepEqual(receiver.spans.map(({ name }) => name).sort(), [
          'GET /ü/:näme,{"a"}',
          'chat gpt-4o',
          'embeddings',
          'my "own" stage',
          'rag query',
          'retrieval',
          'websocket session',
        ]);
        assert.deepEqual(
          receiver.logs.map(({ eventName }) => eventName),
          ['gen_ai.client.inference.operation.details'],
        );
        const names = receiver.metrics.map(({ name }) => name);
        assert.ok(
          names.includes('http.server.request.duration') && names.includes('nervecenter.llm.cost'),
          names.join(),
        );
        assert.ok(receiver.headers.every((headers) => headers['x-api-key'] === 'se cret'));
        for (const { resource } of [...receiver.spans, ...receiver.logs, ...receiver.metrics]) {
          assert.equal(resource['service.name'], 'rag-app');
          assert.equal(resource['service.instance.id'], SENDER.instanceId);
        }
        assert.deepEqual(lines, []);
        assert.ok(balances(exporter));
        assert.equal(exporter.counts()[0]?.exported, 4);
      });
    }
  }

  it('of a model call is a client span with its usage, and the same in its details', async () => {
    const receiver = await receiving();
    const { exporter } = await exportingTo(receiver);
    const call = ofSignal('llm-call') as PricedLlmCallEvent;
    const failed = {
      ...ofSignal('llm-call'),
      outcome: 'error',
      errorType: '429',
      finishReason: null,
    } as const;
    await exporter.offer(sent([call, failed]));
    await until(() => receiver.spans.length === 2 && receiver.logs.length === 2);
    const [ok, error] = receiver.spans;
    assert.ok(ok !== undefined && error !== undefined);
    assert.equal(ok.name, 'chat gpt-4o');
    assert.equal(ok.kind, CLIENT);
    assert.equal(ok.status, UNSET);
    assert.equal(ok.traceId, call.traceId);
    assert.equal(ok.spanId, spanIdOf(call.id));
    assert.equal(ok.parentSpanId, null);
    assert.ok(Math.abs(ok.endMs - ok.startMs - call.durationMs) < 0.01);
    assert.deepEqual(ok.attributes, {
      'gen_ai.operation.name': 'chat',
      'gen_ai.provider.name': 'openai',
      'gen_ai.request.model': 'gpt-4o',
      'gen_ai.response.model': 'gpt-4o-2024-08-06',
      'server.address': 'api.openai.com',
      'server.port': 443,
      'gen_ai.request.stream': true,
      'gen_ai.response.time_to_first_chunk': 0.20025,
      'gen_ai.response.finish_reasons': ['stop'],
      'gen_ai.usage.input_tokens': 127,
      'gen_ai.usage.output_tokens': 55,
      'gen_ai.usage.cache_read.input_tokens': 20,
      'gen_ai.usage.cache_write.input_tokens': 7,
      'gen_ai.usage.reasoning.output_tokens': 5,
      'http.response.status_code': 200,
      'nervecenter.llm.usage_source': 'provider',
      'nervecenter.llm.cost': 0.001234,
      'nervecenter.llm.attempt': 1,
      'nervecenter.llm.billed.searches': 2,
      'nervecenter.llm.cache_write_1h.input_tokens': 4,
      'nervecenter.llm.chunk_gap_p95': 0.0125,
      'nervecenter.llm.rate_limit_reset': 1.5,
      'nervecenter.llm.service_tier': 'priority',
      'nervecenter.llm.usage_mismatch': true,
      'nervecenter.query.category': 'faq',
      'user.email': 'o\'hara+"x"\\{}@example.com',
      'nervecenter.department': 'NULL',
    });
    assert.equal(error.status, ERROR);
    assert.equal(error.attributes['error.type'], '429');
    const [details] = receiver.logs;
    const { 'user.email': _email, 'nervecenter.department': _department, ...ofCall } = ok.attributes;
    assert.deepEqual(details?.attributes, ofCall);
    assert.deepEqual([details?.traceId, details?.spanId, details?.severity], [ok.traceId, ok.spanId, 5]);
  });

  it('of a request is a server span: its route and status, an error only where the server failed', async () => {
    const receiver = await receiving();
    const { exporter } = await exportingTo(receiver);
    await exporter.offer(
      sent([
        requestEvent({ statusCode: 503, scheme: 'https' }),
        requestEvent({ statusCode: 404, route: '<unmatched>', method: '_OTHER', requestBytes: 7 }),
      ]),
    );
    await until(() => receiver.spans.length === 2);
    const failed = spanNamed(receiver, 'GET /users/:id');
    assert.deepEqual([failed.kind, failed.status], [SERVER, ERROR]);
    assert.deepEqual(failed.attributes, {
      'http.request.method': 'GET',
      'http.route': '/users/:id',
      'http.response.status_code': 503,
      'url.path': '/users/:id',
      'url.scheme': 'https',
      'http.response.body.size': 512,
      'error.type': '503',
    });
    const unmatched = spanNamed(receiver, 'HTTP');
    assert.equal(unmatched.status, UNSET);
    assert.deepEqual(unmatched.attributes, {
      'http.request.method': '_OTHER',
      'http.response.status_code': 404,
      'url.path': 'REDACTED',
      'url.scheme': 'http',
      'http.request.body.size': 7,
      'http.response.body.size': 512,
    });
  });

  it('of a query is a span with one for every stage in it, under the request that asked', async () => {
    const receiver = await receiving();
    const { exporter } = await exportingTo(receiver);
    const request = requestEvent({ traceId: 'b'.repeat(32), parentSpanId: 'c'.repeat(16) });
    const within = { traceId: request.traceId, parentSpanId: spanIdOf(request.id) };
    const query: RagQueryEvent = { ...ofSignal('rag-query'), ...within };
    const call = { ...ofSignal('llm-call'), traceId: request.traceId, parentSpanId: spanIdOf(query.id) };
    await exporter.offer(sent([query, call, request]));
    await until(() => receiver.spans.length === 6);
    const asked = spanNamed(receiver, 'GET /users/:id');
    const parent = spanNamed(receiver, 'rag query');
    assert.equal(asked.parentSpanId, 'c'.repeat(16));
    assert.equal(parent.parentSpanId, asked.spanId);
    assert.deepEqual([parent.kind, parent.status], [INTERNAL, UNSET]);
    assert.equal(parent.attributes['nervecenter.rag.chunks_retrieved'], 8);
    assert.equal(spanNamed(receiver, 'chat gpt-4o').parentSpanId, parent.spanId);
    const stages = [
      ['embeddings', INTERNAL, 'embedding', 10],
      ['retrieval', CLIENT, 'vector_search', 20],
      ['my "own" stage', INTERNAL, 'my "own" stage', 1],
    ] as const;
    for (const [name, kind, stage, durationMs] of stages) {
      const span = spanNamed(receiver, name);
      assert.equal(span.parentSpanId, parent.spanId);
      assert.equal(span.kind, kind);
      assert.equal(span.attributes['nervecenter.rag.stage'], stage);
      assert.ok(Math.abs(span.endMs - span.startMs - durationMs) < 0.01);
      assert.ok(span.startMs >= parent.startMs && span.endMs <= parent.endMs);
    }
    assert.equal(spanNamed(receiver, 'retrieval').attributes['gen_ai.operation.name'], 'retrieval');
    assert.ok(receiver.spans.every(({ traceId }) => traceId === request.traceId));
    assert.equal(new Set(receiver.spans.map(({ spanId }) => spanId)).size, 6);
  });

  it('of work in no trace is a trace of its own, whatever stands in its place', async () => {
    const receiver = await receiving();
    const { exporter } = await exportingTo(receiver);
    const alone = requestEvent();
    await exporter.offer(sent([alone, requestEvent({ traceId: 'no trace' })]));
    await until(() => receiver.spans.length === 2);
    assert.equal(receiver.spans[0]?.traceId, alone.id.replaceAll('-', ''));
    assert.equal(receiver.spans[1]?.traceId.length, 32);
  });

  it('goes to each target by its own list: its signals, its services, its path and its protocol', async () => {
    const [plain, grpc] = [await receiving({ protocol: 'http/json' }), await receiving({ protocol: 'grpc' })];
    const { writeFileSync } = await import('node:fs');
    const { temporaryDirectory } = await import('./exporting.ts');
    const dataDir = temporaryDirectory();
    writeFileSync(
      `${dataDir}/targets.json`,
      JSON.stringify([
        {
          name: 'traces',
          endpoint: plain.url,
          protocol: 'http/json',
          signals: ['traces'],
          services: ['rag-app'],
        },
        {
          name: 'all',
          endpoint: grpc.url,
          protocol: 'grpc',
          headers: { 'X-Key': 'k' },
          temporality: 'delta',
        },
      ]),
    );
    const { exporter } = await exporting({ NERVECENTER_OTLP_TARGETS: 'targets.json' }, dataDir);
    const other = { instanceId: crypto.randomUUID(), service: 'other' };
    await exporter.offer(sent([requestEvent()]));
    await exporter.offer(sent([requestEvent(), ofSignal('llm-call')], other));
    await exporter.shutdown(10_000);
    assert.deepEqual([...plain.problems, ...grpc.problems], []);
    assert.deepEqual(
      plain.spans.map(({ resource }) => resource['service.name']),
      ['rag-app'],
    );
    assert.equal(plain.metrics.length + plain.logs.length, 0);
    assert.equal(grpc.spans.length, 3);
    assert.equal(grpc.logs.length, 1);
    assert.ok(grpc.headers.every((headers) => headers['x-key'] === 'k'));
    assert.deepEqual(
      exporter.counts().map(({ target, accepted, exported }) => [target, accepted, exported]),
      [
        ['traces', 1, 1],
        ['all', 3, 3],
      ],
    );
    const requests = grpc.metrics.filter(({ name }) => name === 'http.server.request.duration');
    assert.deepEqual(
      requests.map(({ temporality, resource }) => [temporality, resource['service.name']]),
      [
        [1, 'rag-app'],
        [1, 'other'],
      ],
    );
  });

  it('to another nervecenter are the events themselves, whole batches under their senders’ names', async () => {
    const receiver = await receiving();
    const { exporter } = await exportingTo(receiver, { NERVECENTER_OTLP_EVENTS: 'on' });
    const events = sent(oneOfEach());
    await exporter.offer(events, [SENDER.instanceId, 7]);
    exporter.join({
      ...SENDER,
      host: 'h',
      pid: 4711,
      instrumentations: [],
      frameIntervalMs: milliseconds(1000),
    });
    exporter.addPoints(
      [
        {
          kind: 'counter',
          name: 'nervecenter.cache.requests',
          unit: '{request}',
          description: '',
          attributes: { 'cache.name': 'rag', 'cache.result': 'hit' },
          value: 3,
        },
      ],
      SENDER.instanceId,
    );
    await exporter.shutdown(10_000);
    receiver.assertConventions();
    assert.equal(receiver.spans.length, 0);
    assert.deepEqual(
      receiver.logs.map(({ body }) => JSON.parse(String(body)) as NervecenterEvent),
      events.map(({ sender: _sender, ...event }) => event),
    );
    for (const [index, { eventName, attributes, resource }] of receiver.logs.entries()) {
      assert.equal(eventName, 'nervecenter.event');
      assert.deepEqual(attributes, {
        'nervecenter.signal': events[index]?.signal,
        'nervecenter.batch.writer': SENDER.instanceId,
        'nervecenter.batch.seq': 7,
      });
      assert.equal(resource['service.instance.id'], SENDER.instanceId);
    }
    // It measures the events itself: only what is in none is sent as a metric.
    assert.deepEqual(
      receiver.metrics.map(({ name }) => name),
      ['nervecenter.cache.requests'],
    );
    assert.equal(receiver.metrics[0]?.resource['process.pid'], 4711);
  });
});

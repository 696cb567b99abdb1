import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { context, ROOT_CONTEXT, type Span, SpanKind, type Tracer, trace } from '@opentelemetry/api';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto';
import { OTLPTraceExporter as GrpcTraceExporter } from '@opentelemetry/exporter-trace-otlp-grpc';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Snapshot } from '../../../src/core/snapshot.ts';
import { Command } from '../../cli/command.ts';
import { until } from '../../support/poll.ts';
import { reachableTempDir } from '../../support/postgres.ts';

const PATIENCE = { timeoutMs: 60_000 };
const OTLP = / {2}otlp +(http:\/\/127\.0\.0\.1:\d+)[^\n]*?(http:\/\/127\.0\.0\.1:\d+)/;
const PROMPT = 'What is the notice period of the lease?';
const REQUESTS = 6;

let cwd: string;
let collector: Command;
let url: string;
let token: string;
let http: string;
let grpc: string;

beforeAll(async () => {
  cwd = reachableTempDir();
  const env = { NERVECENTER_PORT: '0', NERVECENTER_OTLP_PORT: '0', NERVECENTER_OTLP_GRPC_PORT: '0' };
  collector = new Command(['collector'], { cwd, env });
  [, http = '', grpc = ''] = await collector.says(OTLP);
  ({ url, token } = await collector.dashboard());
  await until(async () => (await snapshot()).pipeline.totals === 'known', PATIENCE);
});
afterAll(async () => {
  await collector.kill();
  rmSync(cwd, { recursive: true, force: true });
});

async function ask<T>(path: string): Promise<T> {
  const response = await fetch(`${url}${path}`, { headers: { authorization: `Bearer ${token}` } });
  assert.equal(response.status, 200, `${path}: ${await response.clone().text()}`);
  return (await response.json()) as T;
}

const snapshot = (query = ''): Promise<Snapshot> => ask(`/api/metrics/snapshot${query}`);

/** A service as its own instrumentations would tell of it; it ends with what it has sent. */
async function service(
  name: string,
  exporter: OTLPTraceExporter | GrpcTraceExporter,
  run: (t: Tracer) => void,
) {
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ 'service.name': name, 'process.pid': 7 }),
    spanProcessors: [new BatchSpanProcessor({ exporter })],
  });
  run(provider.getTracer('opentelemetry.instrumentation.fastapi'));
  await provider.forceFlush();
  await provider.shutdown();
}

function within(tracer: Tracer, parent: Span | null, name: string, kind: SpanKind, attributes = {}): Span {
  const around = parent === null ? ROOT_CONTEXT : trace.setSpan(context.active(), parent);
  return tracer.startSpan(name, { kind, attributes }, around);
}

/** A request of an agent that asks a model once: four spans, of which two are nobody's call. */
function answer(tracer: Tracer): string {
  const request = within(tracer, null, 'POST /ask', SpanKind.SERVER, {
    'http.request.method': 'POST',
    'http.route': '/ask/{topic}',
    'http.response.status_code': 200,
    'url.path': '/ask/lease',
  });
  const agent = within(tracer, request, 'invoke_agent lawyer', SpanKind.INTERNAL, {
    'gen_ai.operation.name': 'invoke_agent',
    'gen_ai.agent.name': 'lawyer',
    'gen_ai.usage.input_tokens': 120,
    'gen_ai.usage.output_tokens': 30,
  });
  const chat = within(tracer, agent, 'chat gpt-4o', SpanKind.CLIENT, {
    'gen_ai.operation.name': 'chat',
    'gen_ai.provider.name': 'openai',
    'gen_ai.request.model': 'gpt-4o',
    'gen_ai.usage.input_tokens': 120,
    'gen_ai.usage.cache_read.input_tokens': 20,
    'gen_ai.usage.output_tokens': 30,
    'gen_ai.input.messages': JSON.stringify([{ role: 'user', content: PROMPT }]),
  });
  const post = within(tracer, chat, 'POST', SpanKind.CLIENT, { 'http.request.method': 'POST' });
  for (const span of [post, chat, agent, request]) span.end();
  return request.spanContext().traceId;
}

describe('a sender with an SDK of its own', () => {
  const traceIds: string[] = [];

  it('is seen like an app under the preload: requests, model calls, tokens, cost', async () => {
    await service('answers', new OTLPTraceExporter({ url: `${http}/v1/traces` }), (tracer) => {
      for (let i = 0; i < REQUESTS / 2; i++) traceIds.push(answer(tracer));
    });
    await service('answers-grpc', new GrpcTraceExporter({ url: grpc }), (tracer) => {
      for (let i = 0; i < REQUESTS / 2; i++) traceIds.push(answer(tracer));
    });
    const shown = await until(async () => {
      const now = await snapshot();
      return now.llm.total_requests === REQUESTS && now.api.requests_total === REQUESTS ? now : null;
    }, PATIENCE);
    assert.equal(shown.llm.tokens_in_total, 120 * REQUESTS);
    assert.equal(shown.llm.tokens_cached_total, 20 * REQUESTS);
    assert.equal(shown.llm.tokens_out_total, 30 * REQUESTS);
    assert.ok(shown.llm.cost_total_usd > 0);
    assert.deepEqual(Object.keys(shown.api.endpoints), ['/ask/{topic}']);
    expect(shown.instances.map((instance) => instance.service).toSorted()).toEqual([
      'answers',
      'answers-grpc',
    ]);
    const half = await snapshot('?service=answers-grpc');
    assert.equal(half.llm.total_requests, REQUESTS / 2);
  });

  it('has rows of what it did, and whole traces without what was said', async () => {
    const { events } = await until(async () => {
      const page = await ask<{ events: readonly { model: string; prompt_tokens: number }[] }>(
        '/api/metrics/events?signal=llm-call',
      );
      return page.events.length === REQUESTS ? page : null;
    }, PATIENCE);
    assert.ok(events.every((event) => event.model === 'gpt-4o' && event.prompt_tokens === 120));
    for (const traceId of traceIds) {
      const found = await until(async () => {
        const response = await fetch(`${url}/api/metrics/traces/${traceId}`, {
          headers: { authorization: `Bearer ${token}` },
        });
        const text = await response.text();
        const { items = [] } = JSON.parse(text) as { items?: readonly { kind: string; name: string }[] };
        // The spans are there at once, what the innermost one tells is decided a little later.
        return items.length === 4 && items.some(({ kind }) => kind === 'llm-call') ? { text, items } : null;
      }, PATIENCE);
      expect(found.items.map(({ kind }) => kind).toSorted()).toEqual(['llm-call', 'request', 'span', 'span']);
      assert.ok(!found.text.includes('notice period'));
    }
  });

  it('may send metrics of its own, which are at /metrics', async () => {
    const reader = new PeriodicExportingMetricReader({
      exporter: new OTLPMetricExporter({ url: `${http}/v1/metrics` }),
    });
    const provider = new MeterProvider({
      resource: resourceFromAttributes({ 'service.name': 'answers' }),
      readers: [reader],
    });
    provider.getMeter('shop').createCounter('shop.orders', { unit: '{order}' }).add(3, { region: 'eu' });
    // A point that began in the millisecond it is of says that its sender does not know when it began.
    const addedMs = Date.now();
    await until(() => Date.now() > addedMs + 1);
    await provider.forceFlush();
    await provider.shutdown();
    await until(async () => {
      const text = await (await fetch(`${url}/metrics`)).text();
      return /^shop_orders_total\{[^}]*region="eu"[^}]*\} 3$/m.test(text);
    }, PATIENCE);
  });
});

it('a request that is sent again is answered as before, and counted once', async () => {
  const ids = { traceId: `${'a'.repeat(31)}1`, spanId: 'b'.repeat(16) };
  const at = BigInt(Date.now()) * 1_000_000n;
  const span = {
    ...ids,
    name: 'GET /once',
    kind: 2,
    startTimeUnixNano: String(at),
    endTimeUnixNano: String(at + 5_000_000n),
    attributes: [
      { key: 'http.request.method', value: { stringValue: 'GET' } },
      { key: 'http.route', value: { stringValue: '/once' } },
      { key: 'http.response.status_code', value: { intValue: '200' } },
    ],
  };
  const body = JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] });
  const send = async () => {
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(`${http}/v1/traces`, { method: 'POST', headers, body });
    return [response.status, await response.text()];
  };
  assert.deepEqual(await send(), [200, '{}']);
  assert.deepEqual(await send(), [200, '{}']);
  // The same span in another request: a collector in between cut its batches anew.
  const headers = { 'content-type': 'application/json' };
  const rebatched = await fetch(`${http}/v1/traces`, { method: 'POST', headers, body: `${body} ` });
  assert.equal(rebatched.status, 200);
  const { api } = await until(async () => {
    const now = await snapshot();
    return now.api.endpoints['/once'] === undefined ? null : now;
  }, PATIENCE);
  assert.equal(api.endpoints['/once']?.requests, 1);
});

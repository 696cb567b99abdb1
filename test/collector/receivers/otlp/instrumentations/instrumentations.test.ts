import assert from 'node:assert/strict';
import { createOpenAI } from '@ai-sdk/openai';
import { LegacyOpenTelemetry, OpenTelemetry } from '@ai-sdk/otel';
import { OpenAIInstrumentation as OpenInference } from '@arizeai/openinference-instrumentation-openai';
import { metrics } from '@opentelemetry/api';
import { OpenAIInstrumentation as Official } from '@opentelemetry/instrumentation-openai';
import { OpenAIInstrumentation as OpenLlmetry } from '@traceloop/instrumentation-openai';
import { embed, generateText, streamText, type Telemetry } from 'ai';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, it } from 'vitest';
import type { OtlpSpan } from '../../../../../src/collector/receivers/otlp/model.ts';
import { completionTokens, promptTokens } from '../../../../../src/core/llm/usage.ts';
import type { LlmCallEvent } from '../../../../../src/core/signals/llm-call.ts';
import { call } from '../../../../agent/llm/support/recorded-calls.ts';
import { recordedUsage } from '../../../../agent/llm/support/recorded-usage.ts';
import { type StubServer, startStub } from '../../../../agent/llm/support/stub-server.ts';
import { until } from '../../../../support/poll.ts';
import { askedIn, bytesOf, type Exchange, readRecordings } from '../../../../support/recordings.ts';
import { Assembly } from '../spans/assembly.ts';
import { Instrumented, startTracing } from './traced.ts';

const RECORDINGS = readRecordings();
const recorded = (name: string): Exchange => {
  const [exchange] = RECORDINGS.find((recording) => recording.name === name)?.exchanges ?? [];
  assert.ok(exchange, name);
  return exchange;
};

/** As its own hook would, which does not know this version of the package yet. */
function official(): void {
  const instrumentation = new Official();
  instrumentation.setMeterProvider(metrics.getMeterProvider());
  const definitions = instrumentation.getModuleDefinitions() as unknown as {
    patch(exports: unknown): void;
  }[];
  for (const { patch } of definitions) patch({ OpenAI });
}
const openLlmetry = () => new OpenLlmetry().manuallyInstrument(OpenAI);
const openInference = () => new OpenInference().manuallyInstrument(OpenAI);

function packages() {
  const inside = new Instrumented(openInference);
  return {
    '@traceloop/instrumentation-openai': new Instrumented(openLlmetry),
    '@arizeai/openinference-instrumentation-openai': inside,
    '@opentelemetry/instrumentation-openai': new Instrumented(official),
    'all three at once': new Instrumented(openLlmetry, new Instrumented(official, inside)),
  };
}
type Name = keyof ReturnType<typeof packages>;

const CHAT = 'openai/test-chat-completion-extra-params';
const STREAM = 'openai/test-chat-completion-streaming';
const CHOICES = 'openai/test-async-chat-completion-multiple-choices';
const EMBEDDINGS = 'openai/test-embeddings-no-content';
const RESPONSES = 'openai/should-set-attributes-in-span-for-responses-non-streaming';
const CACHED = 'openai/should-set-cache-read-input-tokens-in-span-for-responses-with-cached-t';
const REASONING = 'openai/test-responses-create-reports-reasoning-tokens-content-mode0';

/** What each instrumentation sees of the recordings, and what its spans say of tokens: `usage`, or nothing. */
const SEEN: readonly (readonly [name: Name, seen: Readonly<Record<string, 'usage' | 'none'>>])[] = [
  [
    '@traceloop/instrumentation-openai',
    {
      [CHAT]: 'usage',
      [STREAM]: 'none',
      [CHOICES]: 'usage',
      [RESPONSES]: 'usage',
      [CACHED]: 'usage',
      [REASONING]: 'usage',
    },
  ],
  [
    '@arizeai/openinference-instrumentation-openai',
    {
      [CHAT]: 'usage',
      [STREAM]: 'none',
      [CHOICES]: 'usage',
      [EMBEDDINGS]: 'none',
      [RESPONSES]: 'usage',
      [CACHED]: 'usage',
      [REASONING]: 'usage',
    },
  ],
  [
    '@opentelemetry/instrumentation-openai',
    { [CHAT]: 'usage', [STREAM]: 'usage', [CHOICES]: 'usage', [EMBEDDINGS]: 'usage' },
  ],
  ['all three at once', { [CHAT]: 'usage', [CHOICES]: 'usage', [RESPONSES]: 'usage' }],
];

describe('real instrumentations', () => {
  let server: StubServer;
  let takeSpans: () => OtlpSpan[];
  let openai: ReturnType<typeof packages>;
  beforeAll(async () => {
    takeSpans = startTracing();
    openai = packages();
    server = await startStub();
  });
  afterAll(() => server?.close());

  const answerWith = (exchange: Exchange) => {
    const { status, headers } = exchange.response;
    server.handler = (_request, response) => response.writeHead(status, headers).end(bytesOf(exchange));
  };

  /** The calls that the spans become that have ended, however they come. */
  const callsOf = (spans: readonly OtlpSpan[]): LlmCallEvent[] => {
    const assembly = new Assembly();
    for (const span of spans) assembly.accept([span]);
    assembly.assembler.flush();
    return assembly.calls;
  };

  const assertCall = (calls: readonly LlmCallEvent[], exchange: Exchange, says: 'usage' | 'none') => {
    assert.equal(calls.length, 1);
    const [{ usage, provider, model, outcome }] = calls as [LlmCallEvent];
    assert.deepEqual([provider, outcome], ['openai', 'ok']);
    assert.ok(model.startsWith(askedIn(exchange.request).model), model);
    const truth = recordedUsage(exchange.response.body);
    if (says === 'none') return assert.equal(usage, null);
    assert.ok(usage !== null && truth !== null);
    assert.deepEqual([promptTokens(usage), completionTokens(usage)], [truth.prompt, truth.completion]);
    // Not all tell of the parts; who does tells the truth.
    assert.ok([0, truth.cacheRead].includes(usage.cacheRead));
    assert.ok([0, truth.reasoning].includes(usage.outputReasoning));
    return undefined;
  };

  for (const [instrumentation, seen] of SEEN) {
    for (const [recording, says] of Object.entries(seen)) {
      it(`${instrumentation}: ${recording.slice('openai/'.length)}, tokens as recorded`, async () => {
        const exchange = recorded(recording);
        answerWith(exchange);
        takeSpans();
        await openai[instrumentation].run(() => call(exchange, server.url));
        const spans: OtlpSpan[] = [];
        await until(() => spans.push(...takeSpans()) > 0);
        assertCall(callsOf(spans), exchange, says);
      });
    }
  }

  const AI: readonly (readonly [string, () => Telemetry])[] = [
    ['@ai-sdk/otel', () => new OpenTelemetry()],
    ['@ai-sdk/otel, older names', () => new LegacyOpenTelemetry()],
  ];
  for (const [name, make] of AI) {
    const telemetry = () => ({ isEnabled: true, integrations: [make()] });
    const provider = () => createOpenAI({ apiKey: 'test-key', baseURL: `${server.url}/v1` });
    const messages = [{ role: 'user' as const, content: 'secret' }];

    for (const recording of [RESPONSES, CACHED, REASONING]) {
      it(`${name}: generateText, ${recording.slice('openai/'.length)}, tokens as recorded`, async () => {
        const exchange = recorded(recording);
        answerWith(exchange);
        takeSpans();
        const { model } = askedIn(exchange.request);
        await generateText({ model: provider()(model), messages, telemetry: telemetry() });
        const spans = takeSpans();
        assert.ok(spans.length >= 2);
        assertCall(callsOf(spans), exchange, 'usage');
      });
    }

    it(`${name}: streamText, its first token and tokens as recorded`, async () => {
      const exchange = recorded('openai/test-responses-create-streaming-iteration-content-mode0');
      answerWith(exchange);
      takeSpans();
      const { textStream } = streamText({
        model: provider()(askedIn(exchange.request).model),
        messages,
        telemetry: telemetry(),
      });
      for await (const _ of textStream);
      const spans: OtlpSpan[] = [];
      await until(() => spans.push(...takeSpans()) > 1);
      const calls = callsOf(spans);
      assertCall(calls, exchange, 'usage');
      assert.ok(calls[0]?.streaming && calls[0].firstTokenMs !== null);
    });

    it(`${name}: embed, tokens as recorded`, async () => {
      const exchange = recorded(EMBEDDINGS);
      answerWith(exchange);
      takeSpans();
      await embed({
        model: provider().embedding(askedIn(exchange.request).model),
        value: 'secret',
        telemetry: telemetry(),
      });
      assertCall(callsOf(takeSpans()), exchange, 'usage');
    });
  }

  for (const recording of ['messages', 'messages-streaming']) {
    it(`@anthropic-ai/sdk: ${recording}, tokens as recorded`, async () => {
      const exchange = recorded(`anthropic/should-set-attributes-in-span-for-${recording}`);
      answerWith(exchange);
      takeSpans();
      await call(exchange, server.url);
      const spans: OtlpSpan[] = [];
      await until(() => spans.push(...takeSpans()) > 0);
      const [event, ...others] = callsOf(spans);
      assert.deepEqual(others, []);
      const truth = recordedUsage(exchange.response.body);
      assert.ok(event?.usage && truth);
      assert.deepEqual(
        [
          event.provider,
          event.model,
          promptTokens(event.usage),
          completionTokens(event.usage),
          event.streaming,
        ],
        [
          'anthropic',
          askedIn(exchange.request).model,
          truth.prompt,
          truth.completion,
          recording !== 'messages',
        ],
      );
    });
  }
});

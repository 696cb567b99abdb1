// One app with every observer of model calls at once, each with its own span of the same call.
import { subscribe } from 'node:diagnostics_channel';
import { createOpenAI } from '@ai-sdk/openai';
import Anthropic from '@anthropic-ai/sdk';
import { OpenAIInstrumentation as OpenInference } from '@arizeai/openinference-instrumentation-openai';
import { BaseCallbackHandler } from '@langchain/core/callbacks/base';
import { ChatOpenAI } from '@langchain/openai';
import { Mistral } from '@mistralai/mistralai';
import { registerTracerProvider } from '@mistralai/mistralai/extra/observability';
import { trace } from '@opentelemetry/api';
import { OpenAIInstrumentation as OpenLlmetry } from '@traceloop/instrumentation-openai';
import { embed, generateText, registerTelemetry, streamText } from 'ai';
import { withUser } from 'nervecenter';
import OpenAI from 'openai';
import { everyHostIsHere } from './named-hosts.ts';
import { inSpan, registerTracing, spans } from './spans.ts';

everyHostIsHere();
registerTracing();
const at = (host) => `http://${host}:${process.argv[2]}`;
const openai = { apiKey: 'test-key', baseURL: `${at('api.openai.com')}/v1` };
const messages = [{ role: 'user', content: 'How was it?' }];
const drain = async (stream) => {
  for await (const _ of stream);
};

// The AI SDK's own telemetry.
registerTelemetry({
  onLanguageModelCallStart: () => void inSpan('ai', 'chat', () => {}),
  executeLanguageModelCall: ({ execute }) => inSpan('ai', 'doGenerate', execute),
});

// Mistral's own spans; Anthropic's need no word.
registerTracerProvider(trace.getTracerProvider());

// In this order: of OpenLLMetry's streams OpenInference could not make two.
new OpenInference().manuallyInstrument(OpenAI);
// As OpenLIT does: a function around the package's method. Without one between them, who comes last unwraps the other.
for (const { prototype } of [OpenAI.Chat.Completions, OpenAI.Responses]) {
  const { create } = prototype;
  prototype.create = function (...args) {
    return inSpan('openlit', 'openai', () => create.apply(this, args));
  };
}
new OpenLlmetry().manuallyInstrument(OpenAI);

// As instrumentations of LangChain do: a handler of its callbacks.
class Handler extends BaseCallbackHandler {
  name = 'spans';
  handleChatModelStart() {
    inSpan('langchain', 'ChatOpenAI', () => {});
  }
}

// As OpenTelemetry's instrumentation of fetch does: the same channels, and the trace goes into the request.
subscribe('undici:request:create', ({ request }) => {
  inSpan('undici', 'POST', () => request.addHeader('x-trace', 'a'.repeat(32)));
});

const prompt = 'How was it?';
const CALLS = {
  'openai chat': () => new OpenAI(openai).chat.completions.create({ model: 'gpt-4o-mini', messages }),
  'openai chat stream': async () => {
    const stream_options = { include_usage: true };
    const options = { model: 'gpt-4', messages, stream: true, stream_options };
    await drain(await new OpenAI(openai).chat.completions.create(options));
  },
  'openai responses': () => new OpenAI(openai).responses.create({ model: 'gpt-5.4', input: prompt }),
  'openai responses stream': async () =>
    drain(await new OpenAI(openai).responses.create({ model: 'gpt-4o-mini', input: prompt, stream: true })),
  'openai embeddings': () =>
    new OpenAI(openai).embeddings.create({
      model: 'text-embedding-3-small',
      input: prompt,
      encoding_format: 'float',
    }),
  'ai generateText': () =>
    generateText({ model: createOpenAI(openai)('gpt-5.4'), messages, telemetry: { isEnabled: true } }),
  'ai streamText': () =>
    drain(streamText({ model: createOpenAI(openai)('gpt-4o-mini'), messages }).textStream),
  'ai embed': () => embed({ model: createOpenAI(openai).embedding('text-embedding-3-small'), value: prompt }),
  'langchain invoke': () =>
    new ChatOpenAI({ model: 'gpt-4o-mini', apiKey: 'test-key', configuration: openai }).invoke('Why?', {
      callbacks: [new Handler()],
    }),
  'langchain stream': async () =>
    drain(
      await new ChatOpenAI({ model: 'gpt-4', apiKey: 'test-key', configuration: openai }).stream('Why?', {
        callbacks: [new Handler()],
      }),
    ),
  'anthropic messages stream': async () =>
    drain(
      await new Anthropic({ apiKey: 'test-key', baseURL: at('api.anthropic.com') }).messages.create({
        model: 'claude-3-opus-20240229',
        max_tokens: 99,
        messages,
        stream: true,
      }),
    ),
  'mistral chat': () =>
    new Mistral({ apiKey: 'test-key', serverURL: at('api.mistral.ai') }).chat.complete({
      model: 'mistral-large-latest',
      messages,
    }),
};
for (const [name, call] of Object.entries(CALLS))
  await withUser({ email: name }, () => inSpan('app', name, call));
process.stdout.write(JSON.stringify(spans));

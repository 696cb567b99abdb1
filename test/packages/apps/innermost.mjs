// One app with every observer of model calls at once, each with its own span of the same call.
import { subscribe } from 'node:diagnostics_channel';
import { createOpenAI } from '@ai-sdk/openai';
import Anthropic from '@anthropic-ai/sdk';
import { BaseCallbackHandler } from '@langchain/core/callbacks/base';
import { ChatOpenAI } from '@langchain/openai';
import { Mistral } from '@mistralai/mistralai';
import { registerTracerProvider } from '@mistralai/mistralai/extra/observability';
import { trace } from '@opentelemetry/api';
import { generateText, registerTelemetry, streamText } from 'ai';
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

// As OpenLLMetry, OpenInference and OpenLIT do: a function around the package's method, one around the other.
const { Completions } = OpenAI.Chat;
for (const scope of ['openllmetry', 'openinference', 'openlit']) {
  const { create } = Completions.prototype;
  Completions.prototype.create = function (...args) {
    return inSpan(scope, 'openai.chat', () => create.apply(this, args));
  };
}

// As their instrumentations of LangChain do: a handler of its callbacks.
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

const CALLS = {
  'openai chat': () => new OpenAI(openai).chat.completions.create({ model: 'gpt-4o-mini', messages }),
  'ai generateText': () =>
    generateText({ model: createOpenAI(openai)('gpt-5.4'), messages, telemetry: { isEnabled: true } }),
  'ai streamText': () =>
    drain(streamText({ model: createOpenAI(openai)('gpt-4o-mini'), messages }).textStream),
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

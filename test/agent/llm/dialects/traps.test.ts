import assert from 'node:assert/strict';
import { test } from 'vitest';
import { anthropicMessages } from '../../../../src/agent/llm/dialects/anthropic-messages.ts';
import { bedrockConverse } from '../../../../src/agent/llm/dialects/bedrock/converse.ts';
import type { Dialect } from '../../../../src/agent/llm/dialects/dialect.ts';
import { geminiGenerate } from '../../../../src/agent/llm/dialects/google/gemini.ts';
import { openaiChat } from '../../../../src/agent/llm/dialects/openai/chat.ts';
import { openaiResponses } from '../../../../src/agent/llm/dialects/openai/responses.ts';
import { ResponseReader } from '../../../../src/agent/llm/reader/response-reader.ts';
import { tokenUsage } from '../../../../src/agent/llm/tokens/raw-usage.ts';
import { bytesOf, pieces } from '../reader/pieces.ts';

/** A body that others have counted wrongly, and what it comes to. */
interface Trap {
  readonly title: string;
  /** Who fell into it. */
  readonly source: string;
  readonly dialect: Dialect;
  readonly body: unknown;
  readonly buckets: Parameters<typeof tokenUsage>[0];
  readonly costUsd?: number;
}

const chunk = (usage: unknown, content: string | null = null) => ({
  object: 'chat.completion.chunk',
  model: 'grok',
  choices: content === null ? [] : [{ index: 0, delta: { content }, finish_reason: null }],
  usage,
});
const counted = (prompt: number, completion: number) => ({
  prompt_tokens: prompt,
  completion_tokens: completion,
  total_tokens: prompt + completion,
});
const stream = (events: readonly unknown[], newline = '\n', between = '') =>
  events
    .map((event) => `data: ${typeof event === 'string' ? event : JSON.stringify(event)}${newline}${newline}`)
    .join(between);

const TRAPS: readonly Trap[] = [
  {
    title: "cached tokens beside the input, in Anthropic's own API",
    source: 'langfuse/langfuse#12306, #10592, #14725',
    dialect: anthropicMessages,
    body: {
      usage: {
        input_tokens: 10,
        cache_read_input_tokens: 500,
        cache_creation_input_tokens: 1000,
        output_tokens: 7,
      },
    },
    buckets: { inputUncached: 10, cacheRead: 500, cacheWrite5m: 1000, outputText: 7 },
  },
  {
    title: "Anthropic's cached tokens inside the input, through a gateway that speaks OpenAI's dialect",
    source: 'pydantic/pydantic-ai#4364',
    dialect: openaiChat,
    body: {
      usage: {
        ...counted(1510, 7),
        prompt_tokens_details: { cached_tokens: 500, cache_write_tokens: 1000 },
      },
    },
    buckets: { inputUncached: 10, cacheRead: 500, cacheWrite5m: 1000, outputText: 7 },
  },
  {
    title: 'the same through LiteLLM, which repeats them at the top in the words of Anthropic',
    source: 'langfuse/langfuse#12306',
    dialect: openaiChat,
    body: {
      usage: {
        ...counted(1510, 7),
        prompt_tokens_details: { cached_tokens: 500, cache_creation_tokens: 1000 },
        cache_read_input_tokens: 500,
        cache_creation_input_tokens: 1000,
      },
    },
    buckets: { inputUncached: 10, cacheRead: 500, cacheWrite5m: 1000, outputText: 7 },
  },
  {
    title: "cached tokens beside the input in OpenAI's dialect, as the total tells",
    source: 'pydantic/pydantic-ai#4364',
    dialect: openaiChat,
    body: {
      usage: {
        prompt_tokens: 10,
        completion_tokens: 5,
        total_tokens: 615,
        prompt_tokens_details: { cached_tokens: 500, cache_write_tokens: 100 },
      },
    },
    buckets: { inputUncached: 10, cacheRead: 500, cacheWrite5m: 100, outputText: 5 },
  },
  {
    title: 'the same with less of it cached than not, and reasoning beside the completion',
    source: 'pydantic/pydantic-ai#4364',
    dialect: openaiChat,
    body: {
      usage: {
        prompt_tokens: 100,
        completion_tokens: 5,
        total_tokens: 148,
        prompt_tokens_details: { cached_tokens: 40 },
        completion_tokens_details: { reasoning_tokens: 3 },
      },
    },
    buckets: { inputUncached: 100, cacheRead: 40, outputText: 5, outputReasoning: 3 },
  },
  {
    title: 'more cached than the input has: it is beside it, without a total too',
    source: 'pydantic/pydantic-ai#4364',
    dialect: openaiChat,
    body: { usage: { prompt_tokens: 10, completion_tokens: 5, cache_read_input_tokens: 500 } },
    buckets: { inputUncached: 10, cacheRead: 500, outputText: 5 },
  },
  {
    title: 'cached tokens beside the input of Converse, and inside its total',
    source: 'sashiko-dev/sashiko#113',
    dialect: bedrockConverse,
    body: {
      usage: { inputTokens: 3, outputTokens: 401, totalTokens: 2193, cacheWriteInputTokens: 1789 },
    },
    buckets: { inputUncached: 3, cacheWrite5m: 1789, outputText: 401 },
  },
  {
    title: 'output is never what is left of the total: cached tokens would be billed as output',
    source: 'Arize-ai/phoenix#10783',
    dialect: openaiResponses,
    body: { usage: { input_tokens: 10, output_tokens: 7, total_tokens: 517 } },
    buckets: { inputUncached: 10, outputText: 7 },
  },
  {
    title: "xAI's reasoning outside the completion",
    source: 'vercel/ai#12425, UKGovernmentBEIS/inspect_ai#5528',
    dialect: openaiChat,
    body: {
      usage: {
        prompt_tokens: 32,
        completion_tokens: 9,
        total_tokens: 135,
        completion_tokens_details: { reasoning_tokens: 94 },
      },
    },
    buckets: { inputUncached: 32, outputText: 9, outputReasoning: 94 },
  },
  {
    title: "xAI's reasoning inside the completion",
    source: 'promptfoo/promptfoo#9326, #9507',
    dialect: openaiChat,
    body: { usage: { ...counted(32, 103), completion_tokens_details: { reasoning_tokens: 94 } } },
    buckets: { inputUncached: 32, outputText: 9, outputReasoning: 94 },
  },
  {
    title: "Gemini's thoughts outside the candidates",
    source: 'Arize-ai/phoenix#7637',
    dialect: geminiGenerate,
    body: {
      usageMetadata: {
        promptTokenCount: 8,
        candidatesTokenCount: 339,
        thoughtsTokenCount: 2292,
        totalTokenCount: 2639,
      },
    },
    buckets: { inputUncached: 8, outputText: 339, outputReasoning: 2292 },
  },
  {
    title: 'usage in a chunk with choices',
    source: 'BerriAI/litellm#36168',
    dialect: openaiChat,
    body: stream([chunk(null, 'a'), chunk(counted(5, 2), 'b'), '[DONE]']),
    buckets: { inputUncached: 5, outputText: 2 },
  },
  {
    title: 'usage before the last chunk, which has no choices and no usage',
    source: 'BerriAI/litellm#17136',
    dialect: openaiChat,
    body: stream([chunk(null, 'a'), chunk(counted(5, 2), 'b'), chunk(null), '[DONE]']),
    buckets: { inputUncached: 5, outputText: 2 },
  },
  {
    title: 'an empty object as the last chunk',
    source: 'BerriAI/litellm#17136',
    dialect: openaiChat,
    body: stream([chunk(null, 'a'), chunk(counted(5, 2)), {}, '[DONE]']),
    buckets: { inputUncached: 5, outputText: 2 },
  },
  {
    title: 'usage twice: the later one counts, they are not added',
    source: 'BerriAI/litellm#36168',
    dialect: openaiChat,
    body: stream([chunk(counted(5, 1), 'a'), chunk(counted(5, 2), 'b'), chunk(counted(5, 2)), '[DONE]']),
    buckets: { inputUncached: 5, outputText: 2 },
  },
  {
    title: 'usage of a stream that its model is unknown to a tokenizer',
    source: 'traceloop/openllmetry-js#941',
    dialect: openaiChat,
    body: stream([chunk(null, 'a'), chunk({ ...counted(5, 77), cost_in_usd_ticks: 12_500_000 }), '[DONE]']),
    buckets: { inputUncached: 5, outputText: 77 },
    costUsd: 0.00125,
  },
];

function read(dialect: Dialect, cut: readonly string[], contentType = ''): ResponseReader {
  const reader = new ResponseReader(dialect, contentType);
  for (const piece of cut) reader.write(piece);
  reader.finish();
  return reader;
}

for (const { title, source, dialect, body, buckets, costUsd = null } of TRAPS) {
  test(`${title} (${source})`, () => {
    const text = bytesOf(typeof body === 'string' ? body : JSON.stringify(body));
    for (const size of [1, 5, 1000, text.length]) {
      const reader = read(dialect, pieces(text, [size]));
      assert.deepEqual(reader.usage, tokenUsage(buckets));
      assert.deepEqual([reader.failed, reader.reportedCostUsd], [false, costUsd]);
    }
  });
}

test('a total that its parts do not make up is noticed (semantic-conventions-genai#96)', () => {
  const mismatch = (usage: unknown) => read(openaiChat, [JSON.stringify({ usage })]).usageMismatch;
  assert.equal(mismatch(counted(5, 2)), false);
  assert.equal(mismatch({ ...counted(5, 2), total_tokens: 9 }), true);
  assert.equal(mismatch({ prompt_tokens: 5, completion_tokens: 2 }), false);
});

test('reasoning larger than the completion is beside it, whatever the total says, which is then noticed', () => {
  const usage = { ...counted(33, 7163), completion_tokens_details: { reasoning_tokens: 95_305 } };
  const reader = read(openaiChat, [JSON.stringify({ usage })]);
  assert.deepEqual(
    reader.usage,
    tokenUsage({ inputUncached: 33, outputText: 7163, outputReasoning: 95_305 }),
  );
  assert.equal(reader.usageMismatch, true);
});

/** What the network does to a stream: every way to write the same events. */
const WRITTEN: Readonly<Record<string, string>> = {
  'lines end in CRLF': '\r\n',
  'lines end in CR': '\r',
  'lines end in LF': '\n',
};
const BETWEEN: Readonly<Record<string, string>> = {
  'nothing between': '',
  comments: ': keep-alive\n\n',
  'pings and empty lines': '\n\nevent: ping\nid: 7\nretry: 10\n\n:\n\n',
};

for (const [ends, newline] of Object.entries(WRITTEN)) {
  for (const [gap, between] of Object.entries(BETWEEN)) {
    test(`${ends}, ${gap}, cut in the middle of a character or of "data:" (traceloop/openllmetry#627)`, () => {
      const events = [
        chunk(null, 'für 東京 😀'),
        chunk(null, '"usage":{"prompt_tokens":9}'),
        chunk(counted(5, 2)),
        '[DONE]',
      ];
      const text = bytesOf(stream(events, newline, between.replaceAll('\n', newline)));
      for (let at = 0; at <= text.length; at++) {
        const reader = read(openaiChat, [text.slice(0, at), text.slice(at)], 'text/event-stream');
        assert.deepEqual(reader.usage, tokenUsage({ inputUncached: 5, outputText: 2 }), `cut at ${at}`);
        assert.deepEqual([reader.contentEvents, reader.ended], [2, true], `cut at ${at}`);
      }
    });
  }
}

import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'vitest';
import {
  chatUsage,
  messagesUsage,
  reportedCost,
  responsesUsage,
  tokenUsage,
} from '../../../../src/agent/llm/tokens/raw-usage.ts';
import { tokenCount } from '../../../../src/core/llm/token-counts.ts';
import { completionTokens, promptTokens } from '../../../../src/core/llm/usage.ts';

const count = fc.nat({ max: 1_000_000 });
const nonCount = fc.constantFrom<unknown>(
  Number.NaN,
  -1,
  1.5,
  1e12,
  Number.POSITIVE_INFINITY,
  '7',
  null,
  {},
  [],
  true,
);

test('OpenAI: cached tokens and reasoning are taken out of their totals, the sums stay', () => {
  fc.assert(
    fc.property(count, count, count, count, (input, cached, output, reasoning) => {
      const cachedTokens = Math.min(cached, input);
      const inside = Math.min(reasoning, output);
      const chat = chatUsage({
        prompt_tokens: input,
        completion_tokens: output,
        total_tokens: input + output,
        prompt_tokens_details: { cached_tokens: cachedTokens },
        completion_tokens_details: { reasoning_tokens: inside },
      });
      const responses = responsesUsage({
        input_tokens: input,
        output_tokens: output,
        total_tokens: input + output,
        input_tokens_details: { cached_tokens: cachedTokens },
        output_tokens_details: { reasoning_tokens: inside },
      });
      assert.deepEqual(chat, responses);
      assert.ok(chat);
      assert.equal(promptTokens(chat), input);
      assert.equal(completionTokens(chat), output);
      assert.equal(chat.cacheRead, cachedTokens);
      assert.equal(chat.outputReasoning, inside);
    }),
  );
});

test('xAI: reasoning outside the completion is added when only then the total is right', () => {
  fc.assert(
    fc.property(count, count, fc.integer({ min: 1, max: 1_000_000 }), (input, output, reasoning) => {
      const usage = chatUsage({
        prompt_tokens: input,
        completion_tokens: output,
        total_tokens: input + output + reasoning,
        completion_tokens_details: { reasoning_tokens: reasoning },
      });
      assert.ok(usage);
      assert.equal(completionTokens(usage), output + reasoning);
      assert.equal(usage.outputText, output);
    }),
  );
});

test('Anthropic: buckets are disjoint already, and writes are split by their lifetime', () => {
  fc.assert(
    fc.property(count, count, count, count, count, (input, read, fiveMinutes, oneHour, output) => {
      const usage = messagesUsage({
        input_tokens: input,
        cache_read_input_tokens: read,
        cache_creation_input_tokens: fiveMinutes + oneHour,
        cache_creation: { ephemeral_5m_input_tokens: fiveMinutes, ephemeral_1h_input_tokens: oneHour },
        output_tokens: output,
      });
      assert.deepEqual(
        usage,
        tokenUsage({
          inputUncached: input,
          cacheRead: read,
          cacheWrite5m: fiveMinutes,
          cacheWrite1h: oneHour,
          outputText: output,
        }),
      );
    }),
  );
});

test('Anthropic: thinking is taken out of the output, and never more than that', () => {
  const thinking = (thinking_tokens: unknown) =>
    messagesUsage({ input_tokens: 3, output_tokens: 40, output_tokens_details: { thinking_tokens } });
  assert.deepEqual(thinking(25), tokenUsage({ inputUncached: 3, outputText: 15, outputReasoning: 25 }));
  assert.deepEqual(thinking(99), tokenUsage({ inputUncached: 3, outputReasoning: 40 }));
  assert.deepEqual(thinking('25'), tokenUsage({ inputUncached: 3, outputText: 40 }));
});

test('Anthropic: compacting the context is billed beside the counts at the top', () => {
  const compaction = { type: 'compaction', input_tokens: 180_000, output_tokens: 3500 };
  const message = { type: 'message', input_tokens: 23_000, output_tokens: 1000 };
  const usage = (iterations: unknown) => messagesUsage({ ...message, iterations });
  assert.deepEqual(usage([compaction, message]), tokenUsage({ inputUncached: 203_000, outputText: 4500 }));
  for (const none of [[message], [null, 7, { type: 'compaction' }], {}, 'compaction', null]) {
    assert.deepEqual(usage(none), tokenUsage({ inputUncached: 23_000, outputText: 1000 }));
  }
});

test('whatever a provider sends, every bucket is a whole number from 0 on, and reading never throws', () => {
  const anything = fc.oneof(count, nonCount);
  const record = fc.dictionary(
    fc.constantFrom(
      'prompt_tokens',
      'completion_tokens',
      'total_tokens',
      'input_tokens',
      'output_tokens',
      'cached_tokens',
      'reasoning_tokens',
      'cache_read_input_tokens',
      'cache_creation_input_tokens',
      'cost',
      'cost_in_usd_ticks',
    ),
    anything,
  );
  const details = fc.constantFrom(
    'prompt_tokens_details',
    'completion_tokens_details',
    'input_tokens_details',
    'output_tokens_details',
    'cache_creation',
  );
  fc.assert(
    fc.property(record, details, fc.oneof(record, nonCount), (raw, key, inner) => {
      for (const read of [chatUsage, responsesUsage, messagesUsage]) {
        for (const value of Object.values(read({ ...raw, [key]: inner }) ?? {})) {
          assert.ok(Number.isSafeInteger(value) && value >= 0, `${read.name}: ${value}`);
        }
      }
      const cost = reportedCost({ ...raw, [key]: inner });
      assert.ok(cost === null || (Number.isFinite(cost) && cost >= 0));
    }),
  );
});

test('usage without any usable number is no usage', () => {
  for (const read of [chatUsage, responsesUsage, messagesUsage]) {
    assert.equal(read({}), null);
    assert.equal(read({ prompt_tokens: -1, input_tokens: '5', output_tokens: Number.NaN }), null);
  }
});

test('a bad number is refused, the good ones beside it count', () => {
  const usage = chatUsage({
    prompt_tokens: 10,
    completion_tokens: -3,
    prompt_tokens_details: { cached_tokens: 4.5 },
  });
  assert.deepEqual(usage, tokenUsage({ inputUncached: 10 }));
  assert.equal(tokenCount(2 ** 31), null);
});

test('spellings of compatible providers', () => {
  const deepseek = chatUsage({ prompt_tokens: 10, completion_tokens: 1, prompt_cache_hit_tokens: 6 });
  assert.equal(deepseek?.cacheRead, 6);
  const openrouter = chatUsage({
    prompt_tokens: 10,
    prompt_tokens_details: { cached_tokens: 3, cache_write_tokens: 5 },
  });
  assert.deepEqual(openrouter, tokenUsage({ inputUncached: 2, cacheRead: 3, cacheWrite5m: 5 }));
  assert.deepEqual(chatUsage({ total_tokens: 9 }), tokenUsage({ inputUncached: 9 }));
});

test('cost as billed: ticks, plain dollars, an object; nothing else', () => {
  assert.equal(reportedCost({ cost_in_usd_ticks: 12_345_000_000 }), 1.2345);
  assert.equal(reportedCost({ cost: 0.0123 }), 0.0123);
  assert.equal(reportedCost({ cost: { total_cost: 0.006 } }), 0.006);
  const upstream = { cost_details: { upstream_inference_cost: 0.0125 } };
  assert.equal(reportedCost({ cost: 0, is_byok: true, ...upstream }), 0.0125);
  assert.equal(reportedCost({ cost: 0.5, is_byok: true, ...upstream }), 0.5125);
  assert.equal(reportedCost({ cost: 0.5, is_byok: true, cost_details: null }), 0.5);
  assert.equal(reportedCost({ cost: 0.0125, is_byok: false, ...upstream }), 0.0125);
  assert.equal(reportedCost({ cost: -1 }), null);
  assert.equal(reportedCost({ cost: '1' }), null);
  assert.equal(reportedCost({}), null);
});

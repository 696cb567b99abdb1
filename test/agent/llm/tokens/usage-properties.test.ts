import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'vitest';
import {
  chatUsage,
  messagesUsage,
  type RawUsage,
  responsesUsage,
  tokenUsage,
} from '../../../../src/agent/llm/tokens/raw-usage.ts';
import { completionTokens, promptTokens, type TokenUsage } from '../../../../src/core/llm/usage.ts';

const count = fc.nat({ max: 2_000_000 });

/** Counts as a provider means them: the parts make up the whole. */
const whole = (parts: number) => fc.tuple(...Array.from({ length: parts }, () => count));
const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);

/** The same call in the words of chat completions and of the Responses API. */
function spelled(
  input: readonly number[],
  output: readonly number[],
): { chat: RawUsage; responses: RawUsage } {
  const [, cached_tokens, cache_write_tokens, audio_tokens, image_tokens] = input;
  const [, reasoning_tokens, audioOut, imageOut] = output;
  const inputDetails = { cached_tokens, cache_write_tokens, audio_tokens, image_tokens };
  const outputDetails = { reasoning_tokens, audio_tokens: audioOut, image_tokens: imageOut };
  const total_tokens = sum(input) + sum(output);
  return {
    chat: {
      prompt_tokens: sum(input),
      completion_tokens: sum(output),
      total_tokens,
      prompt_tokens_details: inputDetails,
      completion_tokens_details: outputDetails,
    },
    responses: {
      input_tokens: sum(input),
      output_tokens: sum(output),
      total_tokens,
      input_tokens_details: inputDetails,
      output_tokens_details: outputDetails,
    },
  };
}

test('what is consistent comes apart into exactly its parts', () => {
  fc.assert(
    fc.property(whole(5), whole(4), (input, output) => {
      const expected = tokenUsage({
        inputUncached: input[0],
        cacheRead: input[1],
        cacheWrite5m: input[2],
        inputAudio: input[3],
        inputImage: input[4],
        outputText: output[0],
        outputReasoning: output[1],
        outputAudio: output[2],
        outputImage: output[3],
      });
      const { chat, responses } = spelled(input, output);
      assert.deepEqual(chatUsage(chat), expected);
      assert.deepEqual(responsesUsage(responses), expected);
    }),
  );
});

test('whatever the parts claim, the buckets add up to the whole and none is negative', () => {
  const claims = fc.tuple(count, count, count, count, count, count, count);
  fc.assert(
    fc.property(count, count, claims, (input, output, claimed) => {
      const [cached, written, audio_tokens, image_tokens, thought, audioOut, imageOut] = claimed;
      // What is larger than its whole stands beside it.
      const cached_tokens = Math.min(cached, input);
      const cache_write_tokens = Math.min(written, input - cached_tokens);
      const reasoning = Math.min(thought, output);
      const usage = chatUsage({
        prompt_tokens: input,
        completion_tokens: output,
        total_tokens: input + output,
        prompt_tokens_details: { cached_tokens, cache_write_tokens, audio_tokens, image_tokens },
        completion_tokens_details: {
          reasoning_tokens: reasoning,
          audio_tokens: audioOut,
          image_tokens: imageOut,
        },
      });
      assert.ok(usage);
      assertWhole(usage);
      assert.equal(promptTokens(usage), input);
      assert.equal(completionTokens(usage), output);
    }),
  );
});

test('xAI: with reasoning outside, the buckets add up to the total the provider says', () => {
  fc.assert(
    fc.property(
      count,
      count,
      fc.integer({ min: 1, max: 2_000_000 }),
      count,
      (input, output, reasoning, audio) => {
        const usage = chatUsage({
          prompt_tokens: input,
          completion_tokens: output,
          total_tokens: input + output + reasoning,
          completion_tokens_details: { reasoning_tokens: reasoning, audio_tokens: audio },
        });
        assert.ok(usage);
        assertWhole(usage);
        assert.equal(promptTokens(usage) + completionTokens(usage), input + output + reasoning);
        assert.equal(usage.outputReasoning, reasoning);
      },
    ),
  );
});

test('Anthropic: input, reads and writes are separate, and their sum is the prompt', () => {
  fc.assert(
    fc.property(count, count, count, count, count, (input, read, written, oneHour, output) => {
      const usage = messagesUsage({
        input_tokens: input,
        cache_read_input_tokens: read,
        cache_creation_input_tokens: written,
        cache_creation: { ephemeral_1h_input_tokens: oneHour },
        output_tokens: output,
      });
      assert.ok(usage);
      assertWhole(usage);
      assert.equal(promptTokens(usage), input + read + written);
      assert.equal(completionTokens(usage), output);
    }),
  );
});

/** Everything JSON can hold, and counts where counts belong, under the names providers use. */
const hostile: fc.Arbitrary<RawUsage> = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    count,
    fc.constantFrom<unknown>(
      null,
      true,
      '',
      '12',
      -1,
      -0,
      0.5,
      1e308,
      2 ** 53,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
    ),
    fc.array(count, { maxLength: 2 }),
    tie('usage'),
  ),
  usage: fc.dictionary(
    fc.constantFrom(
      'prompt_tokens',
      'completion_tokens',
      'total_tokens',
      'input_tokens',
      'output_tokens',
      'cached_tokens',
      'cache_write_tokens',
      'audio_tokens',
      'image_tokens',
      'reasoning_tokens',
      'prompt_cache_hit_tokens',
      'prompt_tokens_details',
      'completion_tokens_details',
      'input_tokens_details',
      'input_token_details',
      'output_tokens_details',
      'cache_creation',
      'cache_creation_input_tokens',
      'cache_read_input_tokens',
      'ephemeral_5m_input_tokens',
      'ephemeral_1h_input_tokens',
      '__proto__',
    ),
    tie('value'),
  ),
})).usage as fc.Arbitrary<RawUsage>;

test('any object at all: nothing thrown, nothing negative, nothing broken', () => {
  fc.assert(
    fc.property(hostile, (raw) => {
      for (const read of [chatUsage, responsesUsage, messagesUsage]) {
        const usage = read(raw);
        if (usage !== null) assertWhole(usage);
      }
    }),
    { numRuns: 500 },
  );
});

function assertWhole(usage: TokenUsage): void {
  for (const [bucket, value] of Object.entries(usage)) {
    assert.ok(Number.isSafeInteger(value) && value >= 0 && !Object.is(value, -0), `${bucket}: ${value}`);
  }
}

import assert from 'node:assert/strict';
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { type Running, startStub } from './processes.ts';

const PROMPT =
  'The water filter sits under the module. The fan is loud.\nRinse the sieve once a year.\n\nQuestion: Where is the water filter?';
const messages = [{ role: 'user' as const, content: PROMPT }];
const chat = { model: 'gpt-4o-mini', messages };
const message = { model: 'claude-sonnet-4-6', max_tokens: 200, messages };

let stub: Running & { readonly url: string };
let openai: OpenAI;
let anthropic: Anthropic;

beforeAll(async () => {
  stub = await startStub();
  openai = new OpenAI({ apiKey: 'any', baseURL: `${stub.url}/v1`, maxRetries: 0 });
  anthropic = new Anthropic({ apiKey: 'any', authToken: null, baseURL: stub.url, maxRetries: 0 });
});

afterAll(() => stub.stop());

describe("the stub through OpenAI's SDK", () => {
  it('answers a chat from its context, with usage that adds up', async () => {
    const completion = await openai.chat.completions.create(chat);
    assert.match(completion.choices[0]?.message.content ?? '', /filter sits under the module/);
    assert.equal(completion.choices[0]?.finish_reason, 'stop');
    const { usage } = completion;
    assert.ok(usage && usage.prompt_tokens > 20 && usage.completion_tokens > 5);
    assert.equal(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens);
  });

  it('streams the same answer, and usage only when asked', async () => {
    const whole = await openai.chat.completions.create(chat);
    for (const include_usage of [true, false]) {
      const stream = await openai.chat.completions.create({
        ...chat,
        stream: true,
        stream_options: { include_usage },
      });
      const chunks: OpenAI.ChatCompletionChunk[] = [];
      for await (const chunk of stream) chunks.push(chunk);
      const text = chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('');
      assert.equal(text, whole.choices[0]?.message.content);
      const usage = chunks.at(-1)?.usage;
      assert.equal(usage?.completion_tokens, include_usage ? whole.usage?.completion_tokens : undefined);
    }
  });

  it('stops at the limit of tokens', async () => {
    const { choices, usage } = await openai.chat.completions.create({ ...chat, max_completion_tokens: 3 });
    assert.equal(choices[0]?.finish_reason, 'length');
    assert.equal(usage?.completion_tokens, 3);
  });

  it('answers the responses API, reasoning included', async () => {
    const response = await openai.responses.create({
      model: 'gpt-5-mini',
      input: 'The fan is loud. It is red.',
    });
    assert.match(response.output_text, /The fan is loud\.$/);
    const reasoning = response.usage?.output_tokens_details.reasoning_tokens ?? 0;
    assert.ok(reasoning > 0 && reasoning < (response.usage?.output_tokens ?? 0));
  });

  it('gives the same vectors as base64 and as numbers, near each other for texts about the same', async () => {
    const request = {
      model: 'text-embedding-3-small',
      dimensions: 256,
      input: ['clean the filter', 'cleaning filters', 'penguins'],
    };
    const { data, usage } = await openai.embeddings.create(request);
    const plain = await openai.embeddings.create({ ...request, encoding_format: 'float' });
    assert.deepEqual(
      data.map(({ embedding }) => embedding),
      plain.data.map(({ embedding }) => embedding),
    );
    const [filter = [], filters = [], penguins = []] = data.map(({ embedding }) => embedding);
    assert.equal(filter.length, 256);
    assert.ok(Math.abs(dot(filter, filter) - 1) < 1e-3);
    assert.ok(dot(filter, filters) > dot(filter, penguins) + 0.3);
    assert.equal(usage.total_tokens, usage.prompt_tokens);
  });

  it('refuses what the provider would refuse', async () => {
    await assert.rejects(openai.chat.completions.create({ ...chat, model: 'gpt-0' }), OpenAI.NotFoundError);
    await assert.rejects(openai.chat.completions.create({ ...chat, messages: [] }), OpenAI.BadRequestError);
    await assert.rejects(
      openai.embeddings.create({ model: 'text-embedding-3-small', input: [] }),
      OpenAI.BadRequestError,
    );
    const url = `${stub.url}/v1/chat/completions`;
    assert.equal((await fetch(url, { method: 'POST', body: '{}' })).status, 401);
    const headers = { authorization: 'Bearer any' };
    assert.equal((await fetch(url, { method: 'POST', body: '{', headers })).status, 400);
    assert.equal((await fetch(url, { method: 'POST', body: 'null', headers })).status, 400);
    assert.equal((await fetch(url, { headers })).status, 404);
  });

  it('compresses some answers and not others', async () => {
    const encodings = new Set<string | null>();
    for (let i = 0; i < 30; i++) {
      const { response } = await openai.chat.completions.create(chat).withResponse();
      encodings.add(response.headers.get('content-encoding'));
    }
    assert.deepEqual([...encodings].sort(), ['gzip', null]);
  });
});

describe("the stub through Anthropic's SDK", () => {
  it('answers a message, whole and streamed alike', async () => {
    const whole = await anthropic.messages.create(message);
    const streamed = await anthropic.messages.stream(message).finalMessage();
    assert.equal(whole.content[0]?.type === 'text' && whole.content[0].text.includes('filter sits'), true);
    assert.equal(whole.stop_reason, 'end_turn');
    assert.equal(streamed.stop_reason, 'end_turn');
    const textOf = ({ content }: Anthropic.Message) =>
      content.map((block) => (block.type === 'text' ? block.text : ''));
    assert.deepEqual(textOf(streamed), textOf(whole));
    assert.deepEqual(streamed.usage, whole.usage);
  });

  it('reads a marked prompt from its cache the second time', async () => {
    const system = [
      { type: 'text' as const, text: 'Be brief.', cache_control: { type: 'ephemeral' as const } },
    ];
    const first = (await anthropic.messages.create({ ...message, system })).usage;
    const second = (await anthropic.messages.create({ ...message, system })).usage;
    assert.ok((first.cache_creation_input_tokens ?? 0) > 0);
    assert.equal(second.cache_read_input_tokens, first.cache_creation_input_tokens);
    assert.equal(second.input_tokens, first.input_tokens);
  });

  it('refuses in its own words', async () => {
    await assert.rejects(
      anthropic.messages.create({ ...message, model: 'claude-0' }),
      Anthropic.NotFoundError,
    );
  });
});

describe('the stub on a bad day', () => {
  it('fails as providers do, in the same order for the same seed', async () => {
    const [one, two] = await Promise.all([statuses('7'), statuses('7')]);
    assert.deepEqual(one, two);
    assert.deepEqual([...new Set(one)].sort(), [200, 429, 500]);
  });

  it('is told apart by the SDKs', async () => {
    const failing = await startStub({ STUB_FAULT_RATE: '1' });
    try {
      const request = { apiKey: 'any', maxRetries: 0 };
      const errors = new Set<string>();
      for (let i = 0; i < 20; i++) {
        const error = await new OpenAI({ ...request, baseURL: `${failing.url}/v1` }).chat.completions
          .create(chat)
          .catch((reason: unknown) => reason);
        assert.ok(error instanceof OpenAI.APIError);
        errors.add(error.constructor.name);
        if (error.status === 429) assert.equal(error.headers?.get('retry-after'), '1');
      }
      assert.deepEqual([...errors].sort(), ['InternalServerError', 'RateLimitError']);
      await assert.rejects(
        new Anthropic({ ...request, authToken: null, baseURL: failing.url }).messages.create(message),
        (error) => error instanceof Anthropic.APIError && [429, 500].includes(Number(error.status)),
      );
    } finally {
      await failing.stop();
    }
  });
});

async function statuses(seed: string): Promise<number[]> {
  const running = await startStub({ STUB_SEED: seed, STUB_FAULT_RATE: '0.5' });
  const result: number[] = [];
  for (let i = 0; i < 40; i++) {
    const response = await fetch(`${running.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: 'Bearer any' },
      body: JSON.stringify(chat),
    });
    await response.text();
    result.push(response.status);
  }
  await running.stop();
  return result;
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);
}

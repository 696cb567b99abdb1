import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'vitest';
import { recognise } from '../../../../src/agent/llm/dialects/index.ts';
import { ResponseReader } from '../../../../src/agent/llm/reader/response-reader.ts';
import {
  contentTokens,
  ESTIMATED_INPUT_MAX,
  estimateUsage,
  textAt,
} from '../../../../src/agent/llm/tokens/estimate.ts';
import { tokenUsage } from '../../../../src/agent/llm/tokens/raw-usage.ts';
import { RequestWeight } from '../../../../src/agent/llm/tokens/request-weight.ts';
import { jsonStringWeight } from '../../../../src/agent/llm/tokens/token-weight.ts';
import { completionTokens } from '../../../../src/core/llm/usage.ts';
import { TEXTS } from '../reader/texts.ts';

/** The README states these. */
const TEXT_ERROR_MAX = 0.12;
const JSON_ERROR_MAX = 0.27;
const STREAM_ERROR_MAX = 0.15;

const latin1 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('latin1');
const chatRequest = (content: string) =>
  Buffer.from(JSON.stringify({ model: 'm', stream: true, messages: [{ role: 'user', content }] }));

/** Of one event with content. */
const tokensOf = (event: string) => contentTokens(event, textAt(event, 0));

function requestTokens(body: Buffer, pieceBytes = body.length): number {
  const weight = new RequestWeight(ESTIMATED_INPUT_MAX);
  for (let at = 0; at < body.length; at += pieceBytes) weight.write(body.subarray(at, at + pieceBytes));
  return weight.tokens;
}

for (const [kind, { text, tokens }] of Object.entries(TEXTS)) {
  test(`${kind}: the estimate is near the tokenizer's count, whole and repeated in a request`, () => {
    const bound = kind.includes('JSON') ? JSON_ERROR_MAX : TEXT_ERROR_MAX;
    const whole = jsonStringWeight(latin1(text), 1) / tokens - 1;
    assert.ok(Math.abs(whole) <= bound, `text: ${whole.toFixed(3)}`);
    const long = requestTokens(chatRequest(text.repeat(50))) / (50 * tokens) - 1;
    assert.ok(Math.abs(long) <= 0.16, `request: ${long.toFixed(3)}`);
  });
}

test('text escaped to ASCII weighs what the text does', () => {
  const escaped = JSON.stringify('汽车 Straße 😀').replace(
    /[^ -~]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  assert.ok(Math.abs(jsonStringWeight(escaped, 1) - jsonStringWeight(latin1('汽车 Straße 😀'), 1)) < 0.7);
});

test('more text never gives fewer tokens, in requests and in streams', () => {
  const everything = Object.values(TEXTS)
    .map(({ text }) => text)
    .join(' ');
  const body = chatRequest(everything.repeat(3));
  const request = new RequestWeight(ESTIMATED_INPUT_MAX);
  let before = 0;
  for (let at = 0; at < body.length; at += 37) {
    request.write(body.subarray(at, at + 37));
    assert.ok(request.tokens >= before, `at ${at}`);
    before = request.tokens;
  }
  let content = 0;
  for (let length = 1; length < everything.length; length += 29) {
    const now = tokensOf(latin1({ delta: { content: everything.slice(0, length) } }));
    assert.ok(now >= Math.min(content, 2.5), `of ${length} characters`);
    content = now;
  }
});

test('a request weighs the same however it is cut into pieces', () => {
  const body = chatRequest(Object.values(TEXTS)[0]?.text.repeat(60) ?? '');
  const whole = requestTokens(body);
  for (const piece of [1, 7, 1000, 4096, 16_384]) assert.equal(requestTokens(body, piece), whole, `${piece}`);
});

test('pictures and files do not count as text, and nothing counts beyond the bound', () => {
  const image = Buffer.alloc(3_000_000, 'iVBORw0KGgo').toString('base64');
  const picture = chatRequest(`data:image/png;base64,${image}`);
  assert.ok(requestTokens(picture) < 2000);
  assert.equal(requestTokens(chatRequest('two words '.repeat(2_000_000))), ESTIMATED_INPUT_MAX);
  assert.equal(requestTokens(Buffer.from('{}')), 1);
  assert.equal(new RequestWeight(10).tokens, 0);
});

test('an event is one token unless it clearly holds several', () => {
  assert.equal(tokensOf('{"delta":{"content":" unbelievable"}}'), 1);
  assert.equal(tokensOf('{"delta":{"content":"","tool_calls":[{}]}}'), 1);
  const several = tokensOf('{"delta":{"content":"The quick brown fox jumps over the lazy dog"}}');
  assert.ok(several > 8 && several < 11, `${several}`);
  const twice = tokensOf('{"text":"one two three","token":{"text":"one two three"}}');
  assert.ok(twice > 2.5 && twice < 4, `${twice}`);
});

test('an estimate goes on where the stream began to count', () => {
  const provisional = tokenUsage({ inputUncached: 17, cacheRead: 5, outputText: 1 });
  const basis = { inputTokens: 101, outputTokens: 30.4 };
  assert.deepEqual(
    estimateUsage({ ...basis, provisional: null }),
    tokenUsage({ inputUncached: 101, outputText: 30 }),
  );
  assert.deepEqual(estimateUsage({ ...basis, provisional }), { ...provisional, outputText: 30 });
  assert.deepEqual(estimateUsage({ ...basis, outputTokens: 0, provisional }), provisional);
});

interface Exchange {
  readonly request: { readonly url: string };
  readonly response: { readonly headers: Readonly<Record<string, string>>; readonly body: string };
}

test("recorded streams: the estimate of the output is near the provider's count", () => {
  const files = globSync('**/*.json', {
    cwd: join(import.meta.dirname, '..', '..', '..', 'recordings'),
  });
  let compared = 0;
  for (const file of files) {
    const text = readFileSync(join(import.meta.dirname, '..', '..', '..', 'recordings', file), 'utf8');
    for (const { request, response } of (JSON.parse(text) as { exchanges: Exchange[] }).exchanges) {
      const contentType = response.headers['content-type'] ?? '';
      const { host, pathname } = new URL(request.url);
      const recognised = recognise(host, pathname, () => false);
      if (recognised === null || !contentType.startsWith('text/event-stream')) continue;
      const reader = new ResponseReader(recognised.dialect, contentType);
      reader.write(Buffer.from(response.body).toString('latin1'));
      reader.finish();
      const counted = reader.usage === null ? 0 : completionTokens(reader.usage);
      // In a short answer the tokens nobody sees (its end, the name of a tool) are a large part.
      if (counted < 50 || (reader.usage?.outputReasoning ?? 0) > 0) continue;
      compared++;
      const error = reader.outputTokens / counted - 1;
      assert.ok(Math.abs(error) <= STREAM_ERROR_MAX, `${file}: ${error.toFixed(3)}`);
    }
  }
  assert.ok(compared >= 3, `${compared} recordings`);
});

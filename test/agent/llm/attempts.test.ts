import assert from 'node:assert/strict';
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { afterEach, beforeEach, test } from 'vitest';
import { runInContext, WorkContext } from '../../../src/agent/context/context.ts';
import { Attempts, announcedAttempt } from '../../../src/agent/llm/attempts.ts';
import type { LlmCallEvent } from '../../../src/core/signals/llm-call.ts';
import { milliseconds } from '../../../src/core/units.ts';
import { type RecordingAgent, startRecording } from './support/recording-agent.ts';
import { type StubServer, sendJson, startStub } from './support/stub-server.ts';

let server: StubServer;
let recording: RecordingAgent;
beforeEach(async () => {
  server = await startStub();
  recording = startRecording();
});
afterEach(async () => {
  recording.stop();
  await server.close();
});

const chat = (content: string) => ({
  model: 'gpt-4o',
  messages: [{ role: 'user' as const, content }],
});
const completion = {
  object: 'chat.completion',
  model: 'gpt-4o-2024-08-06',
  choices: [{ index: 0, message: { role: 'assistant', content: 'x' }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 9, completion_tokens: 3, total_tokens: 12 },
};
const openai = (maxRetries: number) =>
  new OpenAI({ apiKey: 'test-key', baseURL: `${server.url}/v1`, maxRetries });

/** Refuses the first `times` requests of each body. */
function refuse(times: number): void {
  const seen = new Map<string, number>();
  server.handler = (_request, response, body) => {
    const key = body.toString('latin1').slice(-60);
    const count = seen.get(key) ?? 0;
    seen.set(key, count + 1);
    response.setHeader('retry-after-ms', '1');
    if (count >= times) sendJson(response, 200, completion);
    else sendJson(response, count % 2 === 0 ? 429 : 503, { error: { message: 'no', type: 'busy' } });
  };
}

const inOrder = (events: LlmCallEvent[]) => events.sort((a, b) => (a.attempt ?? 0) - (b.attempt ?? 0));

test('attempts of an SDK share a trace and are numbered; another operation has another trace', async () => {
  refuse(2);
  await openai(2).chat.completions.create(chat('one'));
  await openai(2).chat.completions.create(chat('two'));
  const events = await recording.take(6);
  assert.deepEqual(
    events.map(({ attempt, statusCode }) => [attempt, statusCode]),
    [...Array(2)].flatMap(() => [
      [0, 429],
      [1, 503],
      [2, 200],
    ]),
  );
  const traces = events.map(({ traceId }) => traceId);
  assert.equal(new Set(traces.slice(0, 3)).size, 1);
  assert.equal(new Set(traces.slice(3)).size, 1);
  assert.notEqual(traces[0], traces[5]);
  assert.match(traces[0] ?? '', /^[\da-f]{32}$/);
});

test('operations at once, of another SDK too, are told apart', async () => {
  refuse(1);
  const claude = new Anthropic({ apiKey: 'test-key', baseURL: server.url, maxRetries: 1 });
  await Promise.all([
    ...['a', 'b', 'c'].map((content) => openai(1).chat.completions.create(chat(content))),
    ...['a', 'b'].map((content) =>
      claude.messages.create({ model: 'c', max_tokens: 5, messages: [{ role: 'user', content }] }),
    ),
  ]);
  const events = await recording.take(10);
  const byTrace = Map.groupBy(events, ({ traceId }) => traceId);
  assert.equal(byTrace.size, 5);
  for (const attempts of byTrace.values()) {
    assert.deepEqual(
      inOrder(attempts).map(({ attempt, outcome }) => [attempt, outcome]),
      [
        [0, 'error'],
        [1, 'ok'],
      ],
    );
  }
});

test('without an SDK that counts, the same bytes to the same place are the next attempt', async () => {
  refuse(1);
  const post = (content: string) =>
    fetch(`${server.url}/v1/chat/completions`, { method: 'POST', body: JSON.stringify(chat(content)) });
  for (const content of ['one', 'two', 'one']) await (await post(content)).text();
  const [first, other, second] = await recording.take(3);
  assert.deepEqual([first?.attempt, other?.attempt, second?.attempt], [0, 0, 1]);
  assert.equal(second?.traceId, first?.traceId);
  assert.notEqual(other?.traceId, first?.traceId);
  await (await post('one')).text();
  const [again] = await recording.take(1);
  assert.equal(again?.attempt, 0, 'what succeeded is not retried');
  assert.notEqual(again?.traceId, first?.traceId);
});

test('nobody answers: the attempts are linked all the same', async () => {
  await server.close();
  await assert.rejects(openai(1).chat.completions.create(chat('x')));
  const [first, second] = await recording.take(2);
  assert.deepEqual([first?.statusCode, first?.attempt, second?.attempt], [null, 0, 1]);
  assert.equal(first?.traceId, second?.traceId);
  server = await startStub();
});

test('inside a request every attempt has the trace of the request, and other requests are no retries', async () => {
  refuse(1);
  const work = [new WorkContext(), new WorkContext()];
  await Promise.all(
    work.map((context) =>
      runInContext(context, async () => {
        await openai(1).chat.completions.create(chat(`of ${context.traceId}`));
      }),
    ),
  );
  const events = await recording.take(4);
  for (const { traceId } of work) {
    const own = inOrder(events.filter((event) => event.traceId === traceId));
    assert.deepEqual(
      own.map(({ attempt }) => attempt),
      [0, 1],
    );
  }
});

const at = (startMs: number, bodyChecksum = 7, traceId: string | null = null) => ({
  traceId,
  host: 'h',
  path: '/p',
  bodyChecksum,
  startMs: milliseconds(startMs),
});

test('a failure is linked to one retry, begun after it and not too late', () => {
  let nowMs = 0;
  const clock = { monotonicMs: () => milliseconds(nowMs), epochMs: () => milliseconds(0) };
  const attempts = new Attempts({ clock, gaveUp: assert.fail });
  const first = attempts.begin(at(0), null);
  nowMs = 10;
  attempts.failed(at(0), first);
  assert.equal(attempts.begin(at(5), null).number, 0, 'had begun before');
  assert.equal(attempts.begin(at(20, 8), null).number, 0, 'says something else');
  assert.equal(attempts.begin(at(20, 7, 'other work'), null).number, 0);
  const second = attempts.begin(at(20), 0);
  assert.deepEqual(second, { traceId: first.traceId, number: 1 });
  assert.equal(attempts.begin(at(20), null).number, 0, 'was retried already');
  attempts.failed(at(20), second);
  nowMs = 130_011;
  assert.equal(attempts.size, 1);
  assert.equal(attempts.begin(at(130_011, 8), null).number, 0);
  assert.equal(attempts.size, 0, 'any call forgets what is too old');
  assert.equal(attempts.begin(at(130_011), null).number, 0, 'too late');
});

test('what the SDK counts links bodies that differ, and failures kept are bounded', () => {
  const clock = { monotonicMs: () => milliseconds(0), epochMs: () => milliseconds(0) };
  let forgotten = 0;
  const gaveUp = (reason: string, count = 1) => {
    assert.equal(reason, 'retries_forgotten');
    forgotten += count;
  };
  const attempts = new Attempts({ clock, gaveUp });
  const first = attempts.begin(at(0, 1), 0);
  attempts.failed(at(0, 1), first);
  assert.deepEqual(attempts.begin(at(0, 2), 1), { traceId: first.traceId, number: 1 });
  assert.equal(attempts.begin(at(0, 3), 2).number, 2);
  for (let body = 0; body < 1100; body++) attempts.failed(at(0, body), first);
  assert.equal(attempts.size, 1000);
  assert.equal(forgotten, 100);
  assert.equal(attempts.begin(at(0, 99), null).number, 0);
  assert.equal(attempts.begin(at(0, 100), null).number, 1);
});

test('which headers announce an attempt', () => {
  const announced = (headers: Record<string, string>) => announcedAttempt((name) => headers[name] ?? null);
  assert.equal(announced({ 'x-stainless-retry-count': '2' }), 2);
  assert.equal(announced({ 'amz-sdk-request': 'ttl=20261122T100000Z; attempt=3; max=5' }), 2);
  assert.equal(announced({ 'amz-sdk-request': 'attempt=1; max=3' }), 0);
  assert.equal(announced({ 'x-stainless-retry-count': 'many' }), null);
  assert.equal(announced({}), null);
});

import assert from 'node:assert/strict';
import { test } from 'vitest';
import { WorkContext } from '../../../src/agent/context/context.ts';
import type { Agent } from '../../../src/agent/instrumentation.ts';
import { Attempts } from '../../../src/agent/llm/attempts.ts';
import { BackgroundCalls } from '../../../src/agent/llm/background.ts';
import { LlmCall } from '../../../src/agent/llm/call.ts';
import { recognise } from '../../../src/agent/llm/dialects/index.ts';
import { CallLabels } from '../../../src/core/llm/call-labels.ts';
import type { NervecenterEvent } from '../../../src/core/signals/index.ts';
import { milliseconds } from '../../../src/core/units.ts';
import { IDLE_AGENT } from '../../support/idle-agent.ts';

const CHAT = '/v1/chat/completions';
const RESPONSES = '/v1/responses';

/** An agent whose time stands at `nowMs` and which keeps what may wait. */
function waitingAgent() {
  const events: NervecenterEvent[] = [];
  const waiting: (() => void)[] = [];
  const time = { nowMs: 1000 };
  const agent: Agent = {
    ...IDLE_AGENT,
    clock: { monotonicMs: () => milliseconds(time.nowMs), epochMs: () => milliseconds(time.nowMs) },
    emit: (event) => events.push(event),
    later: (work) => waiting.push(work),
  };
  return { agent, events, waiting, time };
}

const requestOf = (path: string, method = 'POST') => ({
  host: 'api.openai.com',
  port: 443,
  path,
  method,
  header: () => null,
});

interface About {
  readonly path?: string;
  readonly background?: BackgroundCalls;
  readonly context?: WorkContext;
}

function call(agent: Agent, about: About = {}): LlmCall {
  const { path = CHAT, background = new BackgroundCalls(agent), context } = about;
  const recognised = recognise('api.openai.com', path, () => false);
  assert.ok(recognised);
  const attempts = new Attempts(agent);
  const options = { agent, labels: new CallLabels(() => {}), attempts, background, recognised, context };
  return new LlmCall(options, requestOf(path));
}

const delta = (content: string) =>
  Buffer.from(`data: {"model":"m","choices":[{"delta":{"content":"${content}"}}]}\n\n`);

test('the event of a call that went well waits, and has the times of the call', () => {
  const { agent, events, waiting, time } = waitingAgent();
  const stream = call(agent);
  stream.sent(Buffer.from('{"model":"m","stream":true,"messages":[]}'));
  stream.headers(200, (name) => (name === 'content-type' ? 'text/event-stream' : null));
  for (const atMs of [1010, 1030, 1050]) {
    time.nowMs = atMs;
    stream.received(delta('a word'));
  }
  time.nowMs = 1060;
  stream.completed();
  assert.deepEqual([events.length, waiting.length], [0, 1]);
  time.nowMs = 5000;
  for (const work of waiting) work();
  const [event] = events;
  assert.ok(event?.signal === 'llm-call');
  assert.deepEqual([event.timeMs, event.durationMs, event.firstTokenMs], [1060, 60, 10]);
  const gapMs = event.chunkGapP95Ms ?? 0;
  assert.ok(Math.abs(gapMs - 20) <= 20 * 0.044, `${gapMs}`);
});

test('the event of a failed call does not wait', () => {
  const { agent, events, waiting } = waitingAgent();
  const failed = call(agent);
  failed.sent(Buffer.from('{"model":"m","messages":[]}'));
  failed.headers(500, () => null);
  failed.received(Buffer.from('{"error":{"message":"no","type":"server_error"}}'));
  failed.completed();
  assert.deepEqual([events.length, waiting.length], [1, 0]);
});

test('the event is for whom the call was, whoever the work is for by the time it is made', () => {
  const { agent, events, waiting } = waitingAgent();
  const context = new WorkContext({ user: { email: 'first@example.com' } });
  const answered = call(agent, { context });
  answered.sent(Buffer.from('{"model":"m","messages":[]}'));
  answered.headers(200, () => null);
  answered.received(Buffer.from('{"object":"chat.completion","choices":[]}'));
  answered.completed();
  context.setUser({ email: 'second@example.com' });
  for (const work of waiting) work();
  const [event] = events;
  assert.ok(event?.signal === 'llm-call');
  assert.deepEqual([event.userEmail, event.traceId], ['first@example.com', context.traceId]);
});

test('a call that goes on in the background is known at once: its outcome is followed, and the end of the process records it', () => {
  const { agent, events, waiting } = waitingAgent();
  const background = new BackgroundCalls(agent);
  const begin = (id: string) => {
    const begun = call(agent, { path: RESPONSES, background });
    begun.sent(Buffer.from('{"model":"m","input":"","background":true}'));
    begun.headers(200, () => null);
    begun.received(Buffer.from(JSON.stringify({ id, object: 'response', status: 'queued' })));
    begun.completed();
  };
  begin('resp_1');
  begin('resp_2');
  const asked = background.open(requestOf(`${RESPONSES}/resp_1`, 'GET'));
  assert.ok(asked, 'asking for its outcome is followed');
  const usage = { input_tokens: 5, output_tokens: 2, total_tokens: 7 };
  asked.headers(200, () => null);
  asked.received(
    Buffer.from(JSON.stringify({ id: 'resp_1', object: 'response', status: 'completed', usage })),
  );
  asked.completed();
  background.stop();
  for (const work of waiting) work();
  const told = events.map((event) => event.signal === 'llm-call' && [event.usageSource, event.outcome]);
  assert.deepEqual(told, [
    ['provider', 'ok'],
    ['none', 'ok'],
  ]);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Agent } from '../../../src/agent/agent.ts';
import { CallLabels } from '../../../src/agent/call-labels.ts';
import { Attempts } from '../../../src/agent/instrumentation/llm-attempts.ts';
import { BackgroundCalls } from '../../../src/agent/instrumentation/llm-background.ts';
import { LlmCall } from '../../../src/agent/instrumentation/llm-call.ts';
import type { NervecenterEvent } from '../../../src/core/event.ts';
import { recognise } from '../../../src/core/llm/index.ts';
import { milliseconds } from '../../../src/core/units.ts';

const CHAT = '/v1/chat/completions';

/** An agent whose time stands at `nowMs` and which keeps what may wait. */
function waitingAgent() {
  const events: NervecenterEvent[] = [];
  const waiting: (() => void)[] = [];
  const time = { nowMs: 1000 };
  const agent: Agent = {
    clock: { monotonicMs: () => milliseconds(time.nowMs), epochMs: () => milliseconds(time.nowMs) },
    emit: (event) => events.push(event),
    later: (work) => waiting.push(work),
    cacheLookup: () => {},
    cacheSize: () => {},
    websockets: { opened: () => {}, closed: () => {}, message: () => {} },
    isOwnPort: () => false,
    warnOnce: () => {},
    labelFolded: () => {},
    gaveUp: () => {},
    measured: () => {},
  };
  return { agent, events, waiting, time };
}

function call(agent: Agent): LlmCall {
  const recognised = recognise('api.openai.com', CHAT, () => false);
  assert.ok(recognised);
  const options = {
    agent,
    labels: new CallLabels(() => {}),
    attempts: new Attempts(agent),
    background: new BackgroundCalls(agent),
    recognised,
    context: undefined,
  };
  const request = { host: 'api.openai.com', port: 443, path: CHAT, method: 'POST', header: () => null };
  return new LlmCall(options, request);
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

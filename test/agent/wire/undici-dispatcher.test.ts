import assert from 'node:assert/strict';
import { test } from 'vitest';
import { provideBodyChannels, publishesBodies } from '../../../src/agent/wire/undici-dispatcher.ts';
import { startRecording } from '../llm/support/recording-agent.ts';
import { sendJson, startStub } from '../llm/support/stub-server.ts';

const GLOBAL_DISPATCHER = Symbol.for('undici.globalDispatcher.1');
const current = (): unknown => Reflect.get(globalThis, GLOBAL_DISPATCHER);
const set = (value: unknown) =>
  Object.defineProperty(globalThis, GLOBAL_DISPATCHER, { value, writable: true });
const OLD = '6.28.1';

test('undici publishes the chunks of bodies from version 7 on', () => {
  assert.deepEqual(['6.28.1', '7.0.0', '7.29.1', '10.0.0', undefined].map(publishesBodies), [
    false,
    true,
    true,
    true,
    false,
  ]);
});

test('under an older undici calls are dispatched by the package, and afterwards as before', async () => {
  const server = await startStub();
  const recording = startRecording();
  const usage = { prompt_tokens: 9, completion_tokens: 3, total_tokens: 12 };
  server.handler = (_request, response) => sendJson(response, 200, { model: 'm', usage });
  const agent = { warnOnce: (_key: string, message: string) => assert.fail(message) };
  const before = current();
  const undo = provideBodyChannels(agent, OLD);
  assert.notEqual(current(), before);
  try {
    const body = JSON.stringify({ model: 'm', messages: [] });
    await (await fetch(`${server.url}/v1/chat/completions`, { method: 'POST', body })).json();
    const [event] = await recording.take(1);
    assert.deepEqual([event?.model, event?.usage?.inputUncached, event?.usage?.outputText], ['m', 9, 3]);
  } finally {
    await (current() as { destroy(): Promise<void> }).destroy();
    undo();
    recording.stop();
    await server.close();
  }
  assert.equal(current(), before);
});

test('a dispatcher of the app stays in place', () => {
  const before = current();
  const agent = { warnOnce: (_key: string, message: string) => assert.fail(message) };
  class ProxyAgent {}
  const own = new ProxyAgent();
  try {
    set(own);
    provideBodyChannels(agent, OLD)();
    assert.equal(current(), own);
    set(undefined);
    const undo = provideBodyChannels(agent, OLD);
    set(own);
    undo();
    assert.equal(current(), own);
  } finally {
    set(before);
  }
});

test('a newer Node is left alone', () => {
  const before = current();
  provideBodyChannels({ warnOnce: () => assert.fail() }, '7.29.1')();
  assert.equal(current(), before);
});

import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import OpenAI from 'openai';
import { afterEach, beforeEach, test } from 'vitest';
import { BackgroundCalls, PENDING_MAX } from '../../../src/agent/llm/background.ts';
import { openaiResponses } from '../../../src/agent/llm/dialects/openai/responses.ts';
import { type LlmCallEvent, NO_CALL_DETAILS } from '../../../src/core/signals/llm-call.ts';
import { HOUR_MS, milliseconds } from '../../../src/core/units.ts';
import { ClockedAgent } from '../../support/clocked-agent.ts';
import { type RecordingAgent, startRecording } from './support/recording-agent.ts';
import { type StubServer, sendJson, startStub, writeEvents } from './support/stub-server.ts';

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

const MODEL = 'gpt-5';
const usage = { input_tokens: 20, output_tokens: 9, total_tokens: 29 };
const responseOf = (status: string, fields: object = {}) => ({
  id: 'resp_1',
  object: 'response',
  model: `${MODEL}-2026-08-07`,
  status,
  background: true,
  error: null,
  incomplete_details: null,
  output: [],
  usage: null,
  ...fields,
});
const client = () => new OpenAI({ apiKey: 'test-key', baseURL: `${server.url}/v1`, maxRetries: 0 });
const begin = () => client().responses.create({ model: MODEL, input: 'a question', background: true });

/** Answers a call, then each request for its outcome, with the next of these. */
function answering(...answers: (object | ((response: ServerResponse) => void))[]): void {
  server.handler = (_request, response) => {
    const next = answers.shift();
    assert.ok(next);
    if (typeof next === 'function') next(response);
    else sendJson(response, 200, next);
  };
}

test('the request that brings the outcome is the row, asking in vain and asking again are none', async () => {
  const completed = responseOf('completed', { usage, service_tier: 'flex' });
  answering(
    responseOf('queued'),
    responseOf('in_progress'),
    (response) => sendJson(response, 503, { error: { message: 'busy', type: 'server_error' } }),
    completed,
    completed,
  );
  await begin();
  await client().responses.retrieve('resp_1');
  await assert.rejects(client().responses.retrieve('resp_1'));
  assert.deepEqual(recording.events, []);
  recording.skipMs = 60_000;
  await client().responses.retrieve('resp_1');
  const [event] = await recording.take(1);
  assert.ok(event);
  assert.deepEqual(
    [event.model, event.responseModel, event.outcome, event.usageSource, event.finishReason],
    [MODEL, `${MODEL}-2026-08-07`, 'ok', 'provider', 'completed'],
  );
  assert.deepEqual([event.usage?.inputUncached, event.usage?.outputText, event.serviceTier], [20, 9, 'flex']);
  assert.ok(event.durationMs >= 60_000, 'from its beginning to its outcome');
  await client().responses.retrieve('resp_1');
  recording.stop();
  assert.deepEqual(recording.events, []);
});

test('failed and cancelled calls, and outcomes that are streamed', async () => {
  const error = { code: 'server_error', message: 'secret' };
  const endings = [responseOf('failed', { error }), responseOf('cancelled')];
  const told: unknown[] = [];
  for (const ending of endings) {
    answering(responseOf('queued'), ending);
    await begin();
    await client().responses.retrieve('resp_1');
    const [event] = await recording.take(1);
    told.push([event?.outcome, event?.errorType, event?.usageSource]);
  }
  answering(responseOf('queued'), (response) => {
    writeEvents(response, [{ type: 'response.completed', response: responseOf('completed', { usage }) }]);
    response.end();
  });
  await begin();
  for await (const _ of await client().responses.retrieve('resp_1', { stream: true }));
  const [streamed] = await recording.take(1);
  told.push([streamed?.outcome, streamed?.errorType, streamed?.usageSource]);
  assert.deepEqual(told, [
    ['error', 'server_error', 'none'],
    ['aborted', 'cancelled', 'none'],
    ['ok', null, 'provider'],
  ]);
});

test('what was never begun here is not followed, and what is open at the end is recorded as begun', async () => {
  answering(responseOf('completed', { usage }), responseOf('queued'));
  await client().responses.retrieve('resp_1');
  await begin();
  assert.equal(recording.events.length, 0);
  recording.stop();
  const [event] = recording.events;
  assert.deepEqual([event?.model, event?.usage, event?.usageSource], [MODEL, null, 'none']);
  assert.equal(recording.events.length, 1);
});

test('of calls nobody asks about the oldest is given up at the bound, and all after an hour', () => {
  const agent = new ClockedAgent();
  const background = new BackgroundCalls(agent);
  const begun = (id: string) => {
    const event = {
      ...NO_CALL_DETAILS,
      signal: 'llm-call',
      id,
      serverAddress: 'h',
    } as unknown as LlmCallEvent;
    background.began(id, { event, dialect: openaiResponses, startMs: milliseconds(agent.nowMs) });
  };
  for (let i = 0; i <= PENDING_MAX; i++) begun(`r${i}`);
  assert.deepEqual([agent.events.map(({ id }) => id), agent.givenUp], [['r0'], ['background_forgotten']]);
  agent.nowMs += HOUR_MS + 1;
  begun('late');
  assert.equal(agent.events.length, PENDING_MAX + 1);
  agent.nowMs += HOUR_MS + 1;
  const request = { host: 'h', port: 443, method: 'GET', header: () => null };
  assert.ok(background.open({ ...request, path: '/v1/responses/late' }), 'asked for, however late');
  assert.equal(agent.events.length, PENDING_MAX + 1);
  assert.equal(background.open({ ...request, path: '/another' }), null);
  assert.equal(agent.events.at(-1)?.id, 'late');
  begun('last');
  background.stop();
  assert.equal(agent.events.at(-1)?.id, 'last');
});

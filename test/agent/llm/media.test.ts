import assert from 'node:assert/strict';
import OpenAI, { AzureOpenAI } from 'openai';
import { afterAll, beforeAll, test } from 'vitest';
import { tokenUsage } from '../../../src/agent/llm/tokens/raw-usage.ts';
import { type RecordingAgent, startRecording } from './support/recording-agent.ts';
import { type StubServer, sendJson, startStub } from './support/stub-server.ts';

let server: StubServer;
let recording: RecordingAgent;
beforeAll(async () => {
  server = await startStub();
  recording = startRecording();
});
afterAll(async () => {
  recording.stop();
  await server.close();
});

const openai = () => new OpenAI({ apiKey: 'test-key', baseURL: `${server.url}/v1`, maxRetries: 0 });

async function one() {
  const [event, ...others] = await recording.take(1);
  assert.ok(event);
  assert.deepEqual(others, []);
  assert.equal(JSON.stringify(event).includes('secret'), false);
  return event;
}

test('a transcription: the model out of the form, tokens or seconds out of the answer', async () => {
  const usage = {
    type: 'tokens',
    input_tokens: 14,
    input_token_details: { text_tokens: 4, audio_tokens: 10 },
    output_tokens: 45,
    total_tokens: 59,
  };
  const file = new File([new Uint8Array(200_000)], 'secret.wav', { type: 'audio/wav' });
  server.handler = (_request, response) => sendJson(response, 200, { text: 'a secret', usage });
  await openai().audio.transcriptions.create({ file, model: 'gpt-4o-transcribe' });
  const byTokens = await one();
  assert.deepEqual(
    [byTokens.operation, byTokens.model, byTokens.streaming, byTokens.usage],
    [
      'transcription',
      'gpt-4o-transcribe',
      false,
      tokenUsage({ inputUncached: 4, inputAudio: 10, outputText: 45 }),
    ],
  );
  server.handler = (_request, response) => sendJson(response, 200, { text: 'a secret', duration: 8.5 });
  await openai().audio.transcriptions.create({ file, model: 'whisper-1', response_format: 'verbose_json' });
  const bySeconds = await one();
  assert.deepEqual(
    [bySeconds.model, bySeconds.usage, bySeconds.usageSource, bySeconds.billedUnits],
    ['whisper-1', null, 'none', { audioSeconds: 8.5 }],
  );
});

test('speech: sound is no stream of events, and nothing is guessed from it', async () => {
  server.handler = (_request, response) => {
    response.writeHead(200, { 'content-type': 'audio/mpeg' }).end('data: {"usage":{"input_tokens":9}}\n\n');
  };
  const answer = await openai().audio.speech.create({ model: 'tts-1', voice: 'alloy', input: 'a secret' });
  await answer.arrayBuffer();
  const event = await one();
  assert.deepEqual(
    [event.operation, event.model, event.streaming, event.usage, event.outcome],
    ['speech', 'tts-1', false, null, 'ok'],
  );
});

test("Azure's pictures: the deployment is the model, and they are counted", async () => {
  server.handler = (_request, response) => sendJson(response, 200, { data: [{ url: 'a' }, { url: 'b' }] });
  const client = new AzureOpenAI({
    apiKey: 'test-key',
    endpoint: server.url,
    apiVersion: '2024-10-21',
    maxRetries: 0,
  });
  await client.images.generate({ model: 'pictures', prompt: 'a secret', n: 2 });
  const event = await one();
  assert.deepEqual(
    [event.operation, event.model, event.usage, event.billedUnits],
    ['image_generation', 'pictures', null, { images: 2 }],
  );
});

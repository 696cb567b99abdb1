import assert from 'node:assert/strict';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { WebSocket } from 'ws';
import { type Running, start, startApp, startStub } from './processes.ts';

interface Answer {
  readonly text: string;
  readonly sources: readonly string[];
  readonly cached?: boolean;
  readonly error?: string;
}

interface ChatMessage {
  readonly type: 'token' | 'done' | 'error';
  readonly text?: string;
  readonly sources?: readonly string[];
  readonly message?: string;
}

let stub: Running & { readonly url: string };
let app: Running & { readonly url: string };

beforeAll(async () => {
  stub = await startStub();
  app = await startApp(stub.url);
});

afterAll(async () => {
  await app.stop();
  await stub.stop();
});

async function post(path: string, body: string): Promise<{ status: number; body: Answer }> {
  const response = await fetch(`${app.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  });
  const text = await response.text();
  return { status: response.status, body: text === '' ? {} : JSON.parse(text) };
}

const ask = (question: string, style = 'fast') => post('/ask', JSON.stringify({ question, style }));

/** Sends each message once the one before is answered, and returns what came back for each. */
async function chat(url: string, sent: readonly string[]): Promise<ChatMessage[][]> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/chat?key=demo-ada`);
  await once(socket, 'open');
  const answers: ChatMessage[][] = [];
  for (const text of sent) {
    const received: ChatMessage[] = [];
    const complete = new Promise<void>((resolve) => {
      socket.on('message', function onMessage(data) {
        const parsed: ChatMessage = JSON.parse(String(data));
        received.push(parsed);
        if (parsed.type === 'token') return;
        socket.off('message', onMessage);
        resolve();
      });
    });
    socket.send(text);
    await complete;
    answers.push(received);
  }
  socket.close();
  await once(socket, 'close');
  return answers;
}

describe('the sample app over HTTP', () => {
  const expectations = [
    ['How do I clean the water filter?', 'filter-cleaning'],
    ['What does fault E31 mean?', 'error-e31'],
    ['How long does the warranty of the compressor last?', 'warranty'],
    ['Which Wi-Fi networks does it support?', 'wifi'],
  ] as const;
  for (const [question, document] of expectations) {
    it(`finds the paragraph for: ${question}`, async () => {
      const { status, body } = await ask(question);
      assert.equal(status, 200);
      assert.equal(body.sources[0], document);
      assert.ok(body.text.length > 40);
    });
  }

  it('answers with either provider, and from its cache when the question comes back in other letters', async () => {
    for (const style of ['fast', 'careful', 'chat']) {
      const first = (await ask('How loud is night mode?', style)).body;
      const second = (await ask('  how LOUD is night   mode? ', style)).body;
      assert.equal(first.cached, undefined);
      assert.equal(second.cached, true);
      assert.equal(second.text, first.text);
    }
  });

  it('says so when the handbook holds nothing', async () => {
    const { status, body } = await ask('Which bus goes downtown?');
    assert.equal(status, 200);
    assert.deepEqual(body.sources, []);
  });

  it('lists, shows and summarises documents', async () => {
    const list = await (await fetch(`${app.url}/documents`)).json();
    assert.ok(Array.isArray(list) && list.length >= 40);
    assert.equal((await fetch(`${app.url}/documents/noise`)).status, 200);
    const { summary } = (await (await fetch(`${app.url}/documents/noise/summary`)).json()) as {
      summary: string;
    };
    assert.match(summary, /58 dB/);
  });

  it('refuses bad input with 4xx and a sentence', async () => {
    const bad = ['{', '{}', '[]', '{"question":""}', '{"question":7}', '{"question":"x","style":"toString"}'];
    for (const body of [...bad, JSON.stringify({ question: 'x'.repeat(501) })]) {
      const answer = await post('/ask', body);
      assert.equal(answer.status, 400, body);
      assert.ok(answer.body.error);
    }
    assert.equal((await post('/feedback', '{"stars":9}')).status, 400);
    assert.equal((await post('/feedback', '{"stars":4}')).status, 204);
    for (const path of ['/documents/none', '/documents/none/summary', '/nowhere']) {
      assert.equal((await fetch(app.url + path)).status, 404, path);
    }
  });
});

describe('the sample app over WebSocket', () => {
  it('streams an answer in many pieces that add up to the whole', async () => {
    const question = 'When should I refill the heating circuit?';
    const [streamed = [], careful = []] = await chat(
      app.url,
      ['chat', 'careful'].map((style) => JSON.stringify({ question, style })),
    );
    for (const [style, messages] of [
      ['chat', streamed],
      ['careful', careful],
    ] as const) {
      const tokens = messages.filter(({ type }) => type === 'token');
      assert.ok(tokens.length > 10);
      assert.equal(messages.at(-1)?.type, 'done');
      const { body } = await ask(question, style);
      assert.equal(body.cached, true);
      assert.equal(tokens.map(({ text }) => text).join(''), body.text);
    }
  });

  it('answers nonsense with an error and goes on', async () => {
    const [nonsense, nothing, good] = await chat(app.url, [
      'hello',
      'null',
      '{"question":"What is holiday mode?"}',
    ]);
    assert.equal(nonsense?.at(-1)?.type, 'error');
    assert.equal(nothing?.at(-1)?.type, 'error');
    assert.deepEqual(good?.at(-1)?.type, 'done');
  });
});

describe('the sample app in trouble', () => {
  it('answers 502 when the provider is gone, and stops cleanly with a session open', async () => {
    const provider = await startStub();
    const other = await startApp(provider.url);
    const socket = new WebSocket(`${other.url.replace('http', 'ws')}/chat`);
    await once(socket, 'open');
    await provider.stop();
    const response = await fetch(`${other.url}/ask`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"question":"Is anybody there?"}',
    });
    assert.equal(response.status, 502);
    const closed = once(socket, 'close');
    assert.equal(await other.stop(), 0);
    assert.deepEqual((await closed)[0], 1001);
  });

  it('says in one sentence what keeps it from starting', async () => {
    const taken = start(['examples/rag-app/app.js'], {
      PORT: new URL(app.url).port,
      PROVIDER_STUB_URL: stub.url,
    });
    await once(taken.child, 'close');
    assert.equal(taken.child.exitCode, 1);
    assert.match(taken.output(), /^rag-app: cannot listen on .*EADDRINUSE.*\n$/);
  });
});

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import * as http from 'node:http';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { test } from 'vitest';
import { bodyDecoder, finishBodies } from '../../../src/agent/llm/body.ts';
import { until } from '../../support/poll.ts';
import { startRecording } from './support/recording-agent.ts';
import { startStub } from './support/stub-server.ts';

const CHUNK_BYTES = 64 * 1024;

test('a compressed body that comes faster than it is inflated is given up at 1 MiB, and others are not', async () => {
  const body = gzipSync(randomBytes(2 * 1024 * 1024));
  const given: string[][] = [];
  const greedy = bodyDecoder('gzip', { bytes: () => {}, unreadable: (...why) => given.push(why) });
  let taken = 0;
  for (let at = 0; at < body.length && given.length === 0; at += CHUNK_BYTES) {
    greedy.write(body.subarray(at, at + CHUNK_BYTES));
    taken = at;
  }
  assert.deepEqual(given, [['body_ahead', 'too many compressed bytes wait to be inflated']]);
  assert.equal(taken, 15 * CHUNK_BYTES, 'each chunk counts with what it takes besides');
  const texts: string[] = [];
  const other = bodyDecoder('gzip', { bytes: (piece) => texts.push(String(piece)), unreadable: assert.fail });
  other.write(gzipSync('other'));
  await new Promise<void>((resolve) => other.end(resolve));
  assert.deepEqual(texts, ['other']);
});

const encodings: Readonly<Record<string, (body: string) => Buffer>> = {
  gzip: gzipSync,
  deflate: deflateSync,
  'deflate without a header': deflateRawSync,
  br: brotliCompressSync,
  zstd: zstdCompressSync,
};

for (const [encoding, compress] of Object.entries(encodings)) {
  test(`${encoding}: a process that ends has the whole text at once, and once`, async () => {
    const text = Array.from({ length: 2000 }, (_, i) => `line ${i}\n`).join('');
    const body = compress(text);
    for (const cut of [1, body.length >> 1, body.length]) {
      const given: string[] = [];
      const decoder = bodyDecoder(encoding.split(' ')[0] ?? '', {
        bytes: (piece) => given.push(String(piece)),
        unreadable: assert.fail,
      });
      decoder.write(body.subarray(0, cut));
      // Some of it is inflated already, or none.
      if (cut < body.length) await new Promise((resolve) => setImmediate(resolve));
      decoder.write(body.subarray(cut));
      let done = 0;
      decoder.end(() => done++);
      finishBodies();
      assert.deepEqual([given.join('') === text, done], [true, 1]);
      await new Promise((resolve) => setImmediate(resolve));
      finishBodies();
      assert.deepEqual([given.join('') === text, done], [true, 1]);
    }
  });
}

test('of a process that ends, a long body that is not inflated yet stays unread, and that is said', () => {
  const given: string[] = [];
  const decoder = bodyDecoder('gzip', {
    bytes: () => assert.fail(),
    unreadable: (reason) => given.push(reason),
  });
  decoder.write(gzipSync(randomBytes(2 * CHUNK_BYTES)));
  let done = 0;
  decoder.end(() => done++);
  finishBodies();
  assert.deepEqual([given, done], [['body_ahead'], 1]);
});

test('what a reader throws does not reach the app, as it comes, at the end, or as the process ends', async () => {
  const fail = () => {
    throw new Error('a mistake');
  };
  for (const endsNow of [false, true]) {
    for (const bytes of [fail, () => {}]) {
      const given: string[] = [];
      const ended = Promise.withResolvers<void>();
      const decoder = bodyDecoder('gzip', { bytes, unreadable: (reason) => given.push(reason) });
      decoder.write(gzipSync('text'));
      decoder.end(() => {
        ended.resolve();
        fail();
      });
      if (endsNow) finishBodies();
      await ended.promise;
      assert.equal(given[0], 'body_damaged');
    }
  }
});

test('over all calls 16 MiB are kept for that, and no more until some are at their end', async () => {
  const body = gzipSync(randomBytes(60 * 1024)).subarray(0, -1);
  const begin = async () => {
    const given: string[] = [];
    let length = 0;
    const inflated = Promise.withResolvers<void>();
    const bytes = (piece: Buffer) => {
      length += piece.length;
      if (length === 60 * 1024) inflated.resolve();
    };
    const decoder = bodyDecoder('gzip', { bytes, unreadable: (reason) => given.push(reason) });
    decoder.write(body);
    await inflated.promise;
    return { given, end: () => decoder.end(() => {}) };
  };
  const kept: Awaited<ReturnType<typeof begin>>[] = [];
  const costBytes = body.length + 256;
  while ((kept.length + 1) * costBytes <= 16 * 1024 * 1024) kept.push(await begin());
  const beyond = await begin();
  for (const { end } of [...kept, beyond]) end();
  finishBodies();
  const later = await begin();
  later.end();
  finishBodies();
  const refused = [...kept, later].filter(({ given }) => given.length > 0);
  assert.deepEqual([refused, beyond.given.length], [[], 1]);
});

test('chunks of one byte are given up long before they are a megabyte, because each takes more than its byte', () => {
  const given: string[] = [];
  const decoder = bodyDecoder('gzip', { bytes: () => {}, unreadable: (reason) => given.push(reason) });
  let chunks = 0;
  for (const byte of gzipSync(randomBytes(CHUNK_BYTES))) {
    decoder.write(Buffer.of(byte));
    if (given.length > 0) break;
    chunks++;
  }
  assert.deepEqual(given, ['body_ahead']);
  assert.ok(chunks > 1000 && chunks < 5000, `${chunks} chunks`);
});

test('chunks that come while others are inflated are one text in their order, whatever the app does with them', async () => {
  const text = randomBytes(100_000).toString('hex');
  const pieces: Buffer[] = [];
  const decoder = bodyDecoder('gzip', {
    bytes: (piece) => pieces.push(Buffer.from(piece)),
    unreadable: assert.fail,
  });
  const body = gzipSync(text);
  for (let at = 0; at < body.length; at += 700) {
    const chunk = Buffer.from(body.subarray(at, at + 700));
    decoder.write(chunk);
    chunk.fill(0);
    if (at % 7 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await new Promise<void>((resolve) => decoder.end(resolve));
  assert.equal(Buffer.concat(pieces).toString() === text, true);
});

test('a body that is not wanted any more gives nothing, and lets others wait in its place', async () => {
  const stopped = bodyDecoder('gzip', { bytes: () => assert.fail('not wanted'), unreadable: assert.fail });
  stopped.write(gzipSync('text'));
  stopped.stop();
  stopped.write(Buffer.from('more'));
  let done = 0;
  stopped.end(() => done++);
  assert.equal(done, 1);
  await new Promise((resolve) => setImmediate(resolve));
  finishBodies();
});

test('a call that has ended as the process does has its event, inflated or not', async () => {
  const server = await startStub();
  const recording = startRecording();
  const usage = { prompt_tokens: 9, completion_tokens: 3, total_tokens: 12 };
  const body = gzipSync(JSON.stringify({ object: 'chat.completion', model: 'm', choices: [], usage }));
  const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' };
  server.handler = (_request, response) => response.writeHead(200, headers).end(body);
  // As raw bytes, whose end an app has before they are inflated.
  await new Promise((resolve, reject) => {
    const request = http.request(`${server.url}/v1/chat/completions`, { method: 'POST' }, (response) =>
      response.on('end', resolve).resume(),
    );
    request.on('error', reject).end(JSON.stringify({ model: 'm', messages: [] }));
  });
  recording.stop();
  assert.deepEqual(
    recording.events.map(({ usageSource, usage: read }) => [
      usageSource,
      read?.inputUncached,
      read?.outputText,
    ]),
    [['provider', 9, 3]],
  );
  await server.close();
});

test('nor does what throws while that is told', async () => {
  let told = 0;
  const unreadable = () => {
    told++;
    throw new Error('a mistake');
  };
  const decoder = bodyDecoder('gzip', { bytes: unreadable, unreadable });
  decoder.write(gzipSync('some text'));
  decoder.end(() => {});
  await until(() => told > 1);
  assert.ok(told < 10, `${told} times`);
});

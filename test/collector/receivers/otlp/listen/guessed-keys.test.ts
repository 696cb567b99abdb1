import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { describe, it, type TestContext } from 'vitest';
import { type Connection, SenderKeys } from '../../../../../src/collector/receivers/otlp/listen/keys.ts';
import {
  AttemptLimiter,
  FAILURES_PER_ADDRESS_MAX,
  TURN_MS,
} from '../../../../../src/platform/attempt-limiter.ts';
import { until } from '../../../../support/poll.ts';
import { startReceiver } from '../receiver.ts';

const KEY = 'the-key-of-the-shop-is-long';
const KEYS = [{ name: 'shop', key: KEY }];
const GUESSES = FAILURES_PER_ADDRESS_MAX + 8;
const guess = (n: number) => `a-guess-that-is-long-enough-${n}`;
/** Past those that are free, each guess takes a turn; the first of them may come in the middle of one. */
const SLOWED_MS = (GUESSES - FAILURES_PER_ADDRESS_MAX - 1) * TURN_MS;

function requestOf(key: string): string {
  return [
    'POST /v1/traces HTTP/1.1',
    'Host: a',
    'Content-Type: application/json',
    `x-nervecenter-key: ${key}`,
    'Content-Length: 2',
    '',
    '{}',
  ].join('\r\n');
}

async function opened(test: TestContext, url: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  test.onTestFinished(() => void socket.destroy());
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

/** The status of one request, as bytes on a connection. */
async function statusOn(socket: Socket, key: string): Promise<number> {
  let answer = '';
  const gather = (chunk: Buffer) => {
    answer += chunk.toString('latin1');
  };
  socket.on('data', gather);
  socket.write(requestOf(key));
  await until(() => /\r\n\r\n/.test(answer));
  socket.off('data', gather);
  return Number(answer.split(' ', 2)[1]);
}

/** The status of gRPC of one call, in frames of HTTP/2. */
async function grpcStatusOn(session: ClientHttp2Session, key: string): Promise<number> {
  const stream = session.request({
    ':method': 'POST',
    ':path': '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
    'content-type': 'application/grpc',
    te: 'trailers',
    'x-nervecenter-key': key,
  });
  stream.end(Buffer.alloc(5));
  const status = new Promise<number>((resolve, reject) => {
    const found = (headers: Readonly<Record<string, unknown>>) => {
      if (headers['grpc-status'] !== undefined) resolve(Number(headers['grpc-status']));
    };
    stream.on('response', found);
    stream.on('trailers', found);
    stream.on('error', reject);
  });
  stream.resume();
  return status;
}

const PERMISSION_DENIED = 7;

describe('keys of OTLP that are guessed', () => {
  it('over HTTP wait for their turns, the right one is never refused, and waits once on its connection', async (test) => {
    const { http, received } = await startReceiver(test, { keys: KEYS });
    const began = performance.now();
    const guessers = await Promise.all(Array.from({ length: GUESSES }, () => opened(test, http)));
    const statuses = Promise.all(guessers.map((socket, n) => statusOn(socket, guess(n))));
    const sender = await opened(test, http);
    const right = [await statusOn(sender, KEY), await statusOn(sender, KEY)];
    assert.deepEqual(right, [200, 200]);
    assert.deepEqual(new Set(await statuses), new Set([403]));
    assert.ok(performance.now() - began >= SLOWED_MS, 'the guesses were looked at one after the other');
    assert.equal(received.length, 0, 'there was nothing in the requests');
  });

  it('over gRPC likewise, also where all calls are on one connection', async (test) => {
    const { grpc } = await startReceiver(test, { keys: KEYS });
    const sessions = [connectHttp2(grpc), connectHttp2(grpc)];
    test.onTestFinished(() => {
      for (const session of sessions) session.destroy();
    });
    const [guessing, sending] = sessions as [ClientHttp2Session, ClientHttp2Session];
    const began = performance.now();
    const guesses = Promise.all(Array.from({ length: GUESSES }, (_, n) => grpcStatusOn(guessing, guess(n))));
    const behind = grpcStatusOn(guessing, KEY);
    const right = await Promise.all(Array.from({ length: 20 }, () => grpcStatusOn(sending, KEY)));
    assert.deepEqual(new Set(right), new Set([0]), 'many at once with the right key');
    assert.deepEqual(new Set(await guesses), new Set([PERMISSION_DENIED]));
    assert.equal(await behind, 0, 'behind the guesses of others on its connection');
    assert.ok(performance.now() - began >= SLOWED_MS, 'the guesses were looked at one after the other');
  });

  it('need no turns where the key was made by chance', async (test) => {
    const { http } = await startReceiver(test, { keys: KEYS, keysChosen: false });
    const guessers = await Promise.all(Array.from({ length: 50 }, () => opened(test, http)));
    assert.deepEqual(
      new Set(await Promise.all(guessers.map((socket, n) => statusOn(socket, guess(n))))),
      new Set([403]),
    );
    assert.equal(await statusOn(await opened(test, http), KEY), 200);
  });
});

describe('keys on a connection', () => {
  const connection = (destroyed = false) =>
    Object.assign(new EventEmitter(), { destroyed, remoteAddress: '10.0.0.1' }) as unknown as Connection;
  const given = (key: string) => ({ key, authorization: undefined });

  it('that is gone make no room for a guess more, and too many at once on one are refused for the moment', async () => {
    const limiter = new AttemptLimiter(() => 0);
    const keys = new SenderKeys(KEYS, { limiter });
    for (let n = 0; n < FAILURES_PER_ADDRESS_MAX; n++)
      await assert.rejects(keys.nameOf(given(guess(n)), connection()), /not known here/);
    await assert.rejects(keys.nameOf(given(KEY), connection(true)), /not known here/);
    const one = connection();
    const settled = Promise.allSettled(Array.from({ length: 260 }, () => keys.nameOf(given(KEY), one)));
    const results = (await settled).map((result) =>
      result.status === 'fulfilled' ? result.value : (result.reason as { code: string }).code,
    );
    assert.deepEqual(results.filter((result) => result === 'shop').length, 250);
    assert.deepEqual(results.filter((result) => result === 'NC_OVERLOADED').length, 10);
    assert.equal(await keys.nameOf(given(KEY), one), 'shop', 'at once from then on');
  });
});

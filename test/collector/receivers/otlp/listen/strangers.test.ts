import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { describe, it, type TestContext } from 'vitest';
import {
  GRPC_CONNECTIONS,
  HTTP_CONNECTIONS,
} from '../../../../../src/collector/receivers/otlp/listen/limits.ts';
import { MIB } from '../../../../../src/core/units.ts';
import { until } from '../../../../support/poll.ts';
import { GrpcSender, JSON_TYPE, startReceiver } from '../receiver.ts';

const KEY = 'a-key-that-is-long-enough';
const KEYS = [{ name: 'shop', key: KEY }];
/** All of 127/8 is the loopback there. */
const isLinux = process.platform === 'linux';
const PATIENCE = { timeoutMs: 60_000 };

const portOf = (url: string) => Number(new URL(url).port);

/** A client whose connections end with the test. */
function opened({ onTestFinished }: TestContext, port: number, localAddress: string): Socket {
  const socket = connect({ port, host: '127.0.0.1', localAddress });
  socket.on('error', () => {});
  onTestFinished(() => void socket.destroy());
  return socket;
}

describe('over HTTP, whoever may not send', () => {
  for (const [what, head, status] of [
    ['has no key', '', 401],
    ['has a wrong key', 'X-Nervecenter-Key: nobody\r\n', 403],
    ['is a page', 'Origin: http://a.example\r\n', 403],
  ] as const) {
    it(`is answered and then makes room: ${what}`, async (test) => {
      const { http } = await startReceiver(test, { keys: KEYS });
      const socket = connect(portOf(http), '127.0.0.1');
      test.onTestFinished(() => void socket.destroy());
      let answer = '';
      socket.on('data', (chunk) => {
        answer += chunk;
      });
      // Too much for the answer to come before it is sent: a connection that ends too soon is reset, and the answer is lost.
      const body = Buffer.alloc(8 * MIB, ' ');
      socket.write(`POST /v1/traces HTTP/1.1\r\nHost: a\r\n${head}Content-Length: ${body.length}\r\n\r\n`);
      socket.write(body);
      await until(() => socket.closed, PATIENCE);
      assert.match(
        answer,
        new RegExp(`^HTTP/1\\.1 ${status} [\\s\\S]*connection: close\\r\\n[\\s\\S]*\\r\\n\\r\\n\\{`, 'i'),
      );
    });
  }

  it('takes no more places of an address than leave room for others', { skip: !isLinux }, async (test) => {
    const { http, post, counters } = await startReceiver(test);
    const many = Array.from({ length: HTTP_CONNECTIONS.max }, () => opened(test, portOf(http), '127.0.0.2'));
    const room = HTTP_CONNECTIONS.ofAddressMax;
    await until(() => many.filter(({ closed }) => !closed).length === room, PATIENCE);
    assert.equal((await post('/v1/traces', '{}', JSON_TYPE)).status, 200);
    assert.equal(counters()['nervecenter.otlp.requests connection_dropped unknown'], many.length - room);
  });
});

describe('over gRPC, whoever connects', () => {
  it('takes no more places of an address than leave room for others', { skip: !isLinux }, async (test) => {
    const { grpc } = await startReceiver(test);
    const many = Array.from({ length: GRPC_CONNECTIONS.max }, () => opened(test, portOf(grpc), '127.0.0.2'));
    await until(
      () => many.filter(({ closed }) => !closed).length === GRPC_CONNECTIONS.ofAddressMax,
      PATIENCE,
    );
    assert.ok(Buffer.isBuffer(await new GrpcSender(test, grpc).send('traces', Buffer.alloc(0))));
  });
});

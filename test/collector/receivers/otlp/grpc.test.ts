import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type ClientHttp2Session, connect } from 'node:http2';
import { connect as connectTcp } from 'node:net';
import type { ServiceError } from '@grpc/grpc-js';
import { describe, it } from 'vitest';
import { NervecenterError } from '../../../../src/core/errors.ts';
import { uuidOf } from '../../../../src/platform/uuid.ts';
import { until } from '../../../support/poll.ts';
import { messageOf, protobufOf } from './messages.ts';
import { GrpcSender, startReceiver } from './receiver.ts';

const SPAN = protobufOf('traces', {
  resourceSpans: [{ scopeSpans: [{ spans: [{ traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) }] }] }],
});
const METRIC = protobufOf('metrics', {
  resourceMetrics: [
    { scopeMetrics: [{ metrics: [{ name: 'm', gauge: { dataPoints: [{ asInt: '1' }] } }] }] },
  ],
});
const LOG = protobufOf('logs', { resourceLogs: [{ scopeLogs: [{ logRecords: [{ severityNumber: 9 }] }] }] });
const GZIP = { 'grpc.default_compression_algorithm': 2 };
/** Clients of one process share connections otherwise. */
const OWN_CONNECTION = { 'grpc.use_local_subchannel_pool': 1 };
const MIB = 1024 ** 2;

const [INVALID_ARGUMENT, PERMISSION_DENIED, RESOURCE_EXHAUSTED, UNAVAILABLE, UNAUTHENTICATED] = [
  3, 7, 8, 14, 16,
];

function statusOf(answer: Buffer | ServiceError): ServiceError {
  assert.ok(!Buffer.isBuffer(answer), 'it was accepted');
  return answer;
}

/** When to come back, in seconds, as the details of a status say; `null`: they do not. */
function retrySeconds({ metadata }: ServiceError): number | null {
  const [details] = metadata.get('grpc-status-details-bin');
  if (details === undefined) return null;
  const status = messageOf('RpcStatus', details as Buffer) as {
    details: { typeUrl: string; value: Buffer }[];
  };
  assert.equal(status.details[0]?.typeUrl, 'type.googleapis.com/google.rpc.RetryInfo');
  const info = messageOf('RetryInfo', status.details[0].value) as { retryDelay: { seconds: number } };
  return info.retryDelay.seconds;
}

describe('OTLP over gRPC', () => {
  for (const [compression, options] of [
    ['identity', {}],
    ['gzip', GZIP],
  ] as const) {
    it(`takes spans, metrics and logs, ${compression}`, async (test) => {
      const { grpc, received } = await startReceiver(test);
      const sender = new GrpcSender(test, grpc, options);
      for (const [signal, body] of [
        ['traces', SPAN],
        ['metrics', METRIC],
        ['logs', LOG],
      ] as const) {
        assert.deepEqual(await sender.send(signal, body), Buffer.alloc(0));
      }
      assert.deepEqual(
        received.map(({ signal, records, delivery }) => [signal, records.length, delivery.digest]),
        [
          ['traces', 1, uuidOf(SPAN)],
          ['metrics', 1, uuidOf(METRIC)],
          ['logs', 1, uuidOf(LOG)],
        ],
      );
    });
  }

  it('tells what was left out', async (test) => {
    const { grpc } = await startReceiver(test, { consume: async () => ({ count: 2, message: 'of no use' }) });
    const answer = await new GrpcSender(test, grpc).send('metrics', METRIC);
    assert.deepEqual(messageOf('ExportResponse', answer as Buffer), {
      partialSuccess: { rejected: 2, errorMessage: 'of no use' },
    });
  });

  it('refuses what cannot be read, and says why', async (test) => {
    const { grpc } = await startReceiver(test);
    const sender = new GrpcSender(test, grpc);
    const status = statusOf(await sender.send('traces', Buffer.from([0x0a, 0x05, 0x12])));
    assert.deepEqual([status.code, retrySeconds(status)], [INVALID_ARGUMENT, null]);
    assert.equal(status.details, 'resourceSpans[0]: expected 5 more bytes, not 1');
  });

  it('refuses messages that are too large, as they come and when inflated', async (test) => {
    const { grpc, received } = await startReceiver(test);
    const large = Buffer.alloc(5 * MIB);
    for (const options of [{}, GZIP]) {
      const status = statusOf(await new GrpcSender(test, grpc, options).send('traces', large));
      assert.deepEqual([status.code, retrySeconds(status)], [RESOURCE_EXHAUSTED, null]);
      assert.match(status.details, /larger than/);
    }
    assert.equal(received.length, 0);
  });

  it('makes senders come back where the consumer cannot take it now', async (test) => {
    const { grpc } = await startReceiver(test, {
      consume: async () => {
        throw new NervecenterError('NC_UNAVAILABLE', 'The spool cannot be written.');
      },
    });
    const status = statusOf(await new GrpcSender(test, grpc).send('traces', SPAN));
    assert.deepEqual(
      [status.code, status.details, retrySeconds(status)],
      [UNAVAILABLE, 'The spool cannot be written.', 5],
    );
  });

  it('bounds what is held, and says when to come back', async (test) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const { grpc, received } = await startReceiver(test, {
      consume: async () => {
        await promise;
        return { count: 0, message: '' };
      },
    });
    const sender = new GrpcSender(test, grpc);
    const large = (index: number) =>
      Buffer.concat([SPAN, Buffer.from([0x7a, 0x80, 0x80, 0xc0, 0x01]), Buffer.alloc(3 * MIB, index)]);
    const waiting = Array.from({ length: 21 }, (_, index) => sender.send('traces', large(index)));
    await until(() => received.length === 21);
    const status = statusOf(await sender.send('traces', large(99)));
    assert.deepEqual([status.code, retrySeconds(status)], [RESOURCE_EXHAUSTED, 1]);
    resolve();
    for (const answer of await Promise.all(waiting)) assert.ok(Buffer.isBuffer(answer));
    assert.ok(Buffer.isBuffer(await sender.send('traces', large(99))));
  });

  it('refuses while the consumer has enough to do, and says when to come back', async (test) => {
    let crowded = true;
    const { grpc } = await startReceiver(test, { crowded: () => crowded });
    const sender = new GrpcSender(test, grpc);
    const status = statusOf(await sender.send('traces', SPAN));
    assert.deepEqual([status.code, retrySeconds(status)], [RESOURCE_EXHAUSTED, 1]);
    crowded = false;
    assert.ok(Buffer.isBuffer(await sender.send('traces', SPAN)));
  });

  it('asks for keys, and hands on whose it was', async (test) => {
    const key = 'a-key-that-is-long-enough';
    const { grpc, received } = await startReceiver(test, { keys: [{ name: 'shop', key }] });
    // A connection ends with a key that is refused.
    const refused = async (metadata: Readonly<Record<string, string>>) =>
      statusOf(await new GrpcSender(test, grpc, OWN_CONNECTION).send('traces', SPAN, metadata)).code;
    assert.equal(await refused({}), UNAUTHENTICATED);
    assert.equal(await refused({ 'x-nervecenter-key': 'x' }), PERMISSION_DENIED);
    assert.equal(received.length, 0);
    const sender = new GrpcSender(test, grpc, OWN_CONNECTION);
    assert.ok(Buffer.isBuffer(await sender.send('traces', SPAN, { 'x-nervecenter-key': key })));
    assert.ok(Buffer.isBuffer(await sender.send('logs', LOG, { authorization: `Bearer ${key}` })));
    assert.deepEqual(
      received.map(({ delivery }) => delivery.keyName),
      ['shop', 'shop'],
    );
  });
});

describe('what is no gRPC', () => {
  /** Trailers of a call with a body as it is: `grpc-status`, or why the stream ended. */
  async function call(session: ClientHttp2Session, body: Buffer, headers: Record<string, string> = {}) {
    const stream = session.request({
      ':method': 'POST',
      ':path': '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
      'content-type': 'application/grpc',
      te: 'trailers',
      ...headers,
    });
    let status: unknown;
    stream.on('response', (response) => {
      status ??=
        response['grpc-status'] ?? (response[':status'] === 200 ? undefined : `HTTP ${response[':status']}`);
    });
    stream.on('trailers', (trailers) => {
      status ??= trailers['grpc-status'];
    });
    stream.on('error', (error) => {
      status ??= error.message;
    });
    stream.resume();
    stream.end(body);
    await once(stream, 'close').catch(() => {});
    return status;
  }

  const frame = (flag: number, length: number, content: Buffer) => {
    const head = Buffer.alloc(5);
    head[0] = flag;
    head.writeUInt32BE(length, 1);
    return Buffer.concat([head, content]);
  };

  it('is refused, and the next call is answered', async (test) => {
    const { grpc, received } = await startReceiver(test);
    const session = connect(grpc);
    test.onTestFinished(() => session.destroy());
    for (const [what, body, headers, expected] of [
      ['nothing', Buffer.alloc(0), {}, /^\d+$/],
      ['half a head', Buffer.from([0, 0, 0]), {}, /^\d+$/],
      ['less than it says', frame(0, 100, SPAN), {}, /^\d+$/],
      ['more than it may', frame(0, 0xffffffff, SPAN), {}, /^8$/],
      ['gzip that is none', frame(1, SPAN.length, SPAN), { 'grpc-encoding': 'gzip' }, /^(3|13)$/],
      ['a compression nobody knows', frame(1, SPAN.length, SPAN), { 'grpc-encoding': 'br' }, /^12$/],
      [
        'two messages',
        Buffer.concat([frame(0, SPAN.length, SPAN), frame(0, SPAN.length, SPAN)]),
        {},
        /^\d+$/,
      ],
      ['another method', frame(0, SPAN.length, SPAN), { ':path': '/x/Y' }, /^12$/],
      ['another type', frame(0, SPAN.length, SPAN), { 'content-type': 'text/plain' }, /^HTTP 415$/],
      ['a bad header', frame(0, SPAN.length, SPAN), { 'grpc-timeout': 'soon' }, /^\d+$/],
    ] as const) {
      assert.match(String(await call(session, body, headers)), expected, what);
      assert.equal(await call(session, frame(0, SPAN.length, SPAN)), '0', what);
    }
    assert.ok(received.length <= 3);
  });

  it('answers all that come before gRPC is loaded, whatever became of others', async (test) => {
    const { grpc, received } = await startReceiver(test);
    const gone = connectTcp(Number(new URL(grpc).port), '127.0.0.1');
    await once(gone, 'connect');
    gone.destroy();
    const senders = Array.from({ length: 5 }, () => new GrpcSender(test, grpc));
    const answers = await Promise.all(senders.map((sender) => sender.send('metrics', METRIC)));
    assert.ok(answers.every((answer) => Buffer.isBuffer(answer)));
    assert.equal(received.length, 1, 'the same request five times');
  });

  it('ends its connection only', async (test) => {
    const { grpc } = await startReceiver(test);
    const sender = new GrpcSender(test, grpc);
    for (const bytes of [
      'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
      'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff\x00garbage',
    ]) {
      const socket = connectTcp(Number(new URL(grpc).port), '127.0.0.1');
      socket.on('error', () => {});
      socket.resume();
      socket.write(Buffer.from(bytes, 'latin1'));
      await until(() => socket.closed || socket.readableEnded, { what: JSON.stringify(bytes) });
      socket.destroy();
      assert.ok(Buffer.isBuffer(await sender.send('traces', SPAN)));
    }
  });
});

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, it } from 'vitest';
import { NervecenterError } from '../../../../src/core/errors.ts';
import { uuidOf } from '../../../../src/platform/uuid.ts';
import { until } from '../../../support/poll.ts';
import { messageOf, protobufOf } from './messages.ts';
import { JSON_TYPE, PROTOBUF, startReceiver } from './receiver.ts';

const REQUEST = {
  resourceSpans: [
    { scopeSpans: [{ spans: [{ traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), name: 'one' }] }] },
  ],
};
const SPAN = protobufOf('traces', REQUEST);
const SPAN_JSON = Buffer.from(JSON.stringify(REQUEST));
const MIB = 1024 ** 2;

/** A valid request that is mostly a field nobody knows; each is another one. */
function filler(bytes: number): Buffer {
  const length = [0, 7, 14, 21].map((shift, index) => ((bytes >> shift) & 0x7f) | (index < 3 ? 0x80 : 0));
  return Buffer.concat([SPAN, Buffer.from([0x7a, ...length]), randomBytes(16), Buffer.alloc(bytes - 16)]);
}

describe('OTLP over HTTP', () => {
  for (const [type, headers, body] of [
    ['protobuf', PROTOBUF, SPAN],
    ['JSON', JSON_TYPE, SPAN_JSON],
    ['JSON of a charset', { 'content-type': 'Application/JSON; charset=utf-8' }, SPAN_JSON],
  ] as const) {
    for (const [compression, compress] of [
      ['identity', (bytes: Buffer) => bytes],
      ['gzip', gzipSync],
      ['zstd', zstdCompressSync],
    ] as const) {
      it(`takes ${type}, ${compression}, and answers in kind`, async (test) => {
        const { post, received } = await startReceiver(test);
        const encoding = type === 'protobuf' ? 'protobuf' : 'json';
        const sent = compress(body);
        const answer = await post('/v1/traces', sent, { ...headers, 'content-encoding': compression });
        assert.equal(answer.status, 200);
        assert.equal(answer.headers.get('content-type'), headers['content-type'].toLowerCase().split(';')[0]);
        assert.equal(answer.body.toString(), type === 'protobuf' ? '' : '{}');
        assert.deepEqual(
          received.map(({ signal, records, delivery }) => [signal, records.length, delivery]),
          [['traces', 1, { digest: uuidOf(sent), keyName: null, encoding, body, via: [] }]],
        );
      });
    }
  }

  it('takes gzip of several members, and one that lies about its size', async (test) => {
    const { post, received } = await startReceiver(test);
    const headers = { ...PROTOBUF, 'content-encoding': 'gzip' };
    const half = SPAN.length >> 1;
    const members = [gzipSync(SPAN.subarray(0, half)), gzipSync(SPAN.subarray(half))];
    assert.equal((await post('/v1/traces', Buffer.concat(members), headers)).status, 200);
    for (const told of [0, 1, 2 ** 32 - 1]) {
      const lying = gzipSync(SPAN);
      lying.writeUInt32LE(told, lying.length - 4);
      assert.equal((await post('/v1/traces', lying, headers)).status, 400);
    }
    assert.deepEqual(
      received.map(({ records, delivery }) => [records.length, delivery.body.length]),
      [[1, SPAN.length]],
    );
  });

  it('tells what was left out, in the encoding of the request', async (test) => {
    const { post, counters } = await startReceiver(test, {
      consume: async () => ({ count: 1, message: 'of no use' }),
    });
    const protobuf = await post('/v1/traces', SPAN, PROTOBUF);
    assert.equal(protobuf.status, 200);
    assert.deepEqual(messageOf('ExportResponse', protobuf.body), {
      partialSuccess: { rejected: 1, errorMessage: 'of no use' },
    });
    const noId = { resourceLogs: [{ scopeLogs: [{ logRecords: [{}] }] }] };
    const json = await post('/v1/logs', JSON.stringify(noId), JSON_TYPE);
    assert.deepEqual(JSON.parse(json.body.toString()), {
      partialSuccess: { rejectedLogRecords: '1', errorMessage: 'of no use' },
    });
    const both = {
      resourceSpans: [
        { scopeSpans: [{ spans: [{}, ...(REQUEST.resourceSpans[0]?.scopeSpans[0]?.spans ?? [])] }] },
      ],
    };
    const summed = await post('/v1/traces', JSON.stringify(both), JSON_TYPE);
    assert.deepEqual(JSON.parse(summed.body.toString()), {
      partialSuccess: {
        rejectedSpans: '2',
        errorMessage: 'left out: 1 spans without a trace id; of no use',
      },
    });
    assert.equal(counters()['nervecenter.otlp.records rejected traces'], 3);
  });

  for (const [what, path, body, headers, status, reason] of [
    [
      'a body that is no protobuf',
      '/v1/traces',
      '\x0a\x05\x12',
      PROTOBUF,
      400,
      /^resourceSpans\[0\]: expected 5 more bytes/,
    ],
    ['a body that is no JSON', '/v1/logs', '{', JSON_TYPE, 400, /^expected JSON/],
    [
      'a body that is no gzip',
      '/v1/traces',
      'x',
      { ...PROTOBUF, 'content-encoding': 'gzip' },
      400,
      /^expected gzip data/,
    ],
    [
      'gzip that is cut off',
      '/v1/traces',
      gzipSync(SPAN).subarray(0, 20),
      { ...PROTOBUF, 'content-encoding': 'gzip' },
      400,
      /unexpected end of file/,
    ],
    [
      'zstd that is cut off',
      '/v1/traces',
      zstdCompressSync(SPAN).subarray(0, 20),
      { ...PROTOBUF, 'content-encoding': 'zstd' },
      400,
      /^expected zstd data/,
    ],
    ['another path', '/v1/spans', SPAN, PROTOBUF, 404, /\/v1\/traces/],
    [
      'another type',
      '/v1/traces',
      SPAN,
      { 'content-type': 'text/plain' },
      415,
      /^Content-Type: expected .* got text\/plain/,
    ],
    [
      'another encoding',
      '/v1/traces',
      SPAN,
      { ...PROTOBUF, 'content-encoding': 'br' },
      415,
      /^Content-Encoding: expected gzip, zstd or none, got "br"/,
    ],
    [
      'a page of a browser',
      '/v1/traces',
      SPAN,
      { ...PROTOBUF, origin: 'http://evil.example' },
      403,
      /"http:\/\/evil\.example" is not allowed/,
    ],
    [
      'its own address as an origin',
      '/v1/traces',
      SPAN,
      { ...PROTOBUF, origin: 'http://127.0.0.1' },
      403,
      /not allowed/,
    ],
    ['too much', '/v1/traces', Buffer.alloc(16 * MIB + 1), PROTOBUF, 413, /at most 16777216 bytes/],
    [
      'too much when inflated, by gzip',
      '/v1/traces',
      gzipSync(Buffer.alloc(256 * MIB)),
      { ...PROTOBUF, 'content-encoding': 'gzip' },
      413,
      /inflated/,
    ],
    [
      'too much when inflated, by zstd',
      '/v1/traces',
      zstdCompressSync(Buffer.alloc(256 * MIB)),
      { ...JSON_TYPE, 'content-encoding': 'zstd' },
      413,
      /inflated/,
    ],
  ] as const) {
    it(`refuses ${what} with ${status} and the reason`, async (test) => {
      const { post, received } = await startReceiver(test);
      const before = process.memoryUsage().rss;
      const answer = await post(path, body, headers);
      assert.equal(answer.status, status);
      const json = answer.headers.get('content-type') === 'application/json';
      assert.equal(json, headers['content-type'] !== PROTOBUF['content-type']);
      const told = json
        ? (JSON.parse(answer.body.toString()) as Record<string, unknown>)
        : messageOf('RpcStatus', answer.body);
      assert.match(String(told['message']), reason);
      assert.ok(Number(told['code']) > 0);
      assert.equal(received.length, 0);
      assert.ok(process.memoryUsage().rss - before < 150 * MIB);
      assert.equal((await post('/v1/traces', SPAN, PROTOBUF)).status, 200);
    });
  }

  it('refuses other methods with 405 and says which it takes', async (test) => {
    const { http } = await startReceiver(test);
    for (const method of ['GET', 'PUT', 'OPTIONS', 'DELETE']) {
      const response = await fetch(`${http}/v1/metrics`, { method });
      assert.deepEqual([response.status, response.headers.get('allow')], [405, 'POST'], method);
      assert.equal(response.headers.get('access-control-allow-origin'), null);
    }
  });

  it('takes what pages of a declared origin send', async (test) => {
    const { post } = await startReceiver(test, { allowedOrigins: ['https://app.example'] });
    const answer = await post('/v1/traces', SPAN, { ...PROTOBUF, origin: 'https://app.example' });
    assert.equal(answer.status, 200);
  });

  it('answers what cannot be read as HTTP, and goes on', async (test) => {
    const { http, post } = await startReceiver(test);
    for (const bytes of [
      'hello\r\n\r\n',
      'POST /v1/traces HTTP/1.1\r\n\r\n',
      `POST / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
    ]) {
      const socket = connect(Number(new URL(http).port), '127.0.0.1');
      let text = '';
      socket.on('data', (chunk) => {
        text += chunk;
      });
      socket.on('error', () => {});
      socket.write(bytes);
      await until(() => socket.closed || /\r\n\r\n.+/.test(text));
      assert.match(text, /^HTTP\/1\.1 4\d\d [\s\S]*"message"|^HTTP\/1\.1 400 Bad Request/);
      socket.destroy();
    }
    assert.equal((await post('/v1/traces', SPAN, PROTOBUF)).status, 200);
  });
});

describe('a consumer over HTTP', () => {
  it('that cannot take it now makes senders come back: 503 with Retry-After', async (test) => {
    let failures = 2;
    const { post, received, logs } = await startReceiver(test, {
      consume: async () => {
        failures--;
        if (failures === 1) throw new NervecenterError('NC_UNAVAILABLE', 'The spool cannot be written.');
        if (failures === 0) throw new TypeError('a defect');
        return { count: 0, message: '' };
      },
    });
    const refused = await post('/v1/traces', SPAN, PROTOBUF);
    assert.deepEqual([refused.status, refused.headers.get('retry-after')], [503, '5']);
    assert.equal(messageOf('RpcStatus', refused.body)['message'], 'The spool cannot be written.');
    const failed = await post('/v1/traces', SPAN, PROTOBUF);
    assert.equal(failed.status, 503);
    assert.doesNotMatch(String(messageOf('RpcStatus', failed.body)['message']), /defect/);
    assert.match(logs.join('\n'), /^otlp: a request failed .*a defect/);
    assert.equal((await post('/v1/traces', SPAN, PROTOBUF)).status, 200);
    assert.equal(received.length, 3);
  });

  it('that never will take it makes them give up', async (test) => {
    const { post } = await startReceiver(test, {
      consume: async () => {
        throw new NervecenterError('NC_STORAGE_REFUSED', 'Not here.');
      },
    });
    const { status, headers } = await post('/v1/traces', SPAN, PROTOBUF);
    assert.deepEqual([status, headers.get('retry-after')], [500, null]);
  });

  it('is asked once for what comes again, one after the other or at once', async (test) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const { post, received, counters } = await startReceiver(test, {
      consume: async () => {
        await promise;
        return { count: 1, message: 'as before' };
      },
    });
    const first = [post('/v1/traces', SPAN, PROTOBUF), post('/v1/traces', SPAN, PROTOBUF)];
    await until(() => received.length === 1);
    resolve();
    const answers = [...(await Promise.all(first)), await post('/v1/traces', SPAN, PROTOBUF)];
    for (const { status, body } of answers) {
      assert.equal(status, 200);
      assert.deepEqual(messageOf('ExportResponse', body), {
        partialSuccess: { rejected: 1, errorMessage: 'as before' },
      });
    }
    assert.equal(received.length, 1);
    assert.equal((await post('/v1/traces', SPAN_JSON, JSON_TYPE)).status, 200);
    assert.equal(received.length, 2, 'other bytes are another request');
    const counted = counters();
    assert.equal(counted['nervecenter.otlp.requests accepted traces'], 2);
    assert.equal(counted['nervecenter.otlp.requests repeated traces'], 2);
  });

  it('that is slow bounds what is held: more is refused with 429 until it is done', async (test) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const { post, received } = await startReceiver(test, {
      consume: async () => {
        await promise;
        return { count: 0, message: '' };
      },
    });
    const waiting = Array.from({ length: 4 }, () => post('/v1/traces', filler(15 * MIB), PROTOBUF));
    await until(() => received.length === 4);
    const refused = await post('/v1/traces', filler(8 * MIB), PROTOBUF);
    assert.deepEqual([refused.status, refused.headers.get('retry-after')], [429, '1']);
    const inflated = await post('/v1/traces', gzipSync(filler(8 * MIB)), {
      ...PROTOBUF,
      'content-encoding': 'gzip',
    });
    assert.equal(inflated.status, 429);
    assert.equal((await post('/v1/metrics', '', PROTOBUF)).status, 200);
    resolve();
    for (const { status } of await Promise.all(waiting)) assert.equal(status, 200);
    assert.equal((await post('/v1/traces', filler(15 * MIB), PROTOBUF)).status, 200);
  });

  it('that has enough to do is asked for nothing until it is done', async (test) => {
    let crowded = true;
    const { post, received, counters } = await startReceiver(test, { crowded: () => crowded });
    const refused = await post('/v1/traces', filler(8 * MIB), PROTOBUF);
    assert.deepEqual([refused.status, refused.headers.get('retry-after')], [429, '1']);
    assert.equal(counters()['nervecenter.otlp.requests overloaded traces'], 1);
    assert.equal(received.length, 0);
    crowded = false;
    assert.equal((await post('/v1/traces', filler(8 * MIB), PROTOBUF)).status, 200);
  });

  it('is waited for at a stop, for a while', async (test) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const { post, received, listeners } = await startReceiver(test, {
      consume: async () => {
        await promise;
        return { count: 0, message: '' };
      },
    });
    const answer = post('/v1/traces', SPAN, PROTOBUF);
    await until(() => received.length === 1);
    const stopped = listeners.shutdown();
    resolve();
    assert.equal((await answer).status, 200);
    await stopped;
    await assert.rejects(post('/v1/traces', SPAN, PROTOBUF));
  });
});

describe('keys over HTTP', () => {
  const KEY = 'a-key-that-is-long-enough';
  const KEYS = [
    { name: 'shop', key: 'the-key-of-the-shop-before' },
    { name: 'shop', key: KEY },
    { name: 'other', key: 'another-key-that-is-long' },
  ];

  it('are asked for, and say who sends', async (test) => {
    const { post, received, counters } = await startReceiver(test, { keys: KEYS });
    const send = (headers: Readonly<Record<string, string>>, nonce: string) =>
      post('/v1/traces', `${SPAN_JSON}${nonce}`, { ...JSON_TYPE, ...headers });
    const none = await send({}, '');
    assert.deepEqual(
      [none.status, none.headers.get('www-authenticate')],
      [401, 'Bearer realm="nervecenter"'],
    );
    assert.equal((await send({ authorization: 'Basic YTpi' }, '')).status, 401);
    for (const headers of [
      { 'x-nervecenter-key': `${KEY}x` },
      { 'x-nervecenter-key': KEY.slice(1) },
      { authorization: 'Bearer x' },
    ]) {
      const wrong = await send(headers, '');
      assert.equal(wrong.status, 403);
      assert.doesNotMatch(wrong.body.toString(), new RegExp(KEY));
    }
    assert.equal(received.length, 0);
    assert.equal((await send({ 'x-nervecenter-key': KEY }, ' ')).status, 200);
    assert.equal((await send({ authorization: `bearer ${KEYS[2]?.key}` }, '  ')).status, 200);
    assert.deepEqual(
      received.map(({ delivery }) => delivery.keyName),
      ['shop', 'other'],
    );
    assert.equal(counters()['nervecenter.otlp.requests key_wrong traces'], 3);
  });

  it('are asked for before anything is told of what there is', async (test) => {
    const { http } = await startReceiver(test, { keys: KEYS });
    for (const path of ['/v1/traces', '/nothing']) assert.equal((await fetch(`${http}${path}`)).status, 401);
  });
});

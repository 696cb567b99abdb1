import assert from 'node:assert/strict';
import { once as event } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, it } from 'vitest';
import { milliseconds } from '../../../../src/core/units.ts';
import { newEventId } from '../../../../src/platform/ids.ts';
import { freePort } from '../../../support/free-port.ts';
import { type Fault, OtlpReceiver, type ReceiverOptions } from '../../../support/otlp/receiver.ts';
import { until } from '../../../support/poll.ts';
import { oneOfEach, requestEvents } from '../postgres/events.ts';
import {
  balances,
  type Exporting,
  exporting,
  removeDirectories,
  sent,
  temporaryDirectory,
} from './exporting.ts';

const TLS = join(import.meta.dirname, '..', 'postgres', 'fixtures', 'tls');
const pem = (name: string) => readFileSync(join(TLS, `${name}.pem`));
const UNAVAILABLE = 14;
const RESOURCE_EXHAUSTED = 8;
const INVALID_ARGUMENT = 3;

const running: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of running.splice(0).reverse()) await stop();
  removeDirectories();
});

async function receiving(options: ReceiverOptions = {}): Promise<OtlpReceiver> {
  const receiver = await OtlpReceiver.start(options);
  running.push(() => receiver.stop());
  return receiver;
}

/** Traces alone, so that every request is one of spans. */
async function sendingTo(
  url: string,
  env: Record<string, string> = {},
  dataDir?: string,
): Promise<Exporting> {
  const made = await exporting(
    { OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_METRICS_EXPORTER: 'none', OTEL_LOGS_EXPORTER: 'none', ...env },
    dataDir,
  );
  running.push(() => made.exporter.shutdown(2000));
  return made;
}

const [GRPC, HTTP] = [{ protocol: 'grpc' }, { protocol: 'http/protobuf' }] as const;
const once = (fault: Fault) => {
  let left = 1;
  return () => (left-- > 0 ? fault : null);
};

describe('a receiver that', () => {
  it('is down loses nothing: what waits is sent once it is there, and told once', async () => {
    const port = await freePort();
    const { exporter, lines } = await sendingTo(`http://127.0.0.1:${port}`);
    for (let batch = 0; batch < 20; batch++) await exporter.offer(sent(requestEvents(10)));
    await until(() => lines.length > 0);
    assert.match(
      lines[0] ?? '',
      /^otlp: otlp: traces cannot be sent \(ECONNREFUSED\); tried again until it can\.$/,
    );
    assert.equal(exporter.counts()[0]?.waiting, 200);
    assert.ok(balances(exporter));
    const receiver = await receiving({ port });
    await until(() => receiver.spans.length === 200);
    await until(() => exporter.counts()[0]?.exported === 200);
    assert.equal(new Set(receiver.spans.map(({ spanId }) => spanId)).size, 200);
    assert.deepEqual(lines.slice(1), ['otlp: otlp: traces can be sent again.']);
    assert.ok(balances(exporter));
  });

  for (const status of [429, 502, 503, 504]) {
    it(`answers ${status} is asked again, not before it said`, async () => {
      const receiver = await receiving();
      receiver.fault = once({ status, retryAfter: '1' });
      const { exporter } = await sendingTo(receiver.url);
      await exporter.offer(sent(requestEvents(3)));
      await until(() => receiver.spans.length === 3);
      const [first = 0, second = 0] = receiver.arrivals;
      assert.ok(second - first >= 990, `${second - first} ms`);
      assert.equal(exporter.counts()[0]?.attempts.retry, 1);
    });
  }

  it('says by a date when to come back is asked then', async () => {
    const receiver = await receiving();
    receiver.fault = once({ status: 503, retryAfter: new Date(Date.now() + 3000).toUTCString() });
    const { exporter } = await sendingTo(receiver.url);
    await exporter.offer(sent(requestEvents(1)));
    await until(() => receiver.spans.length === 1);
    const [first = 0, second = 0] = receiver.arrivals;
    assert.ok(second - first >= 1000, `${second - first} ms`);
  });

  for (const status of [400, 401, 413, 500]) {
    it(`answers ${status} is not asked again: dropped, counted, told once`, async () => {
      const receiver = await receiving();
      receiver.fault = () => ({ status });
      const { exporter, lines } = await sendingTo(receiver.url);
      await exporter.offer(sent(requestEvents(2)));
      await until(() => exporter.counts()[0]?.dropped.get('refused') === 2);
      await exporter.offer(sent(requestEvents(3)));
      await until(() => exporter.counts()[0]?.dropped.get('refused') === 5);
      assert.equal(receiver.arrivals.length, 2);
      assert.equal(lines.length, 1);
      assert.match(lines[0] ?? '', new RegExp(`refused \\(HTTP status ${status}\\)`));
      assert.ok(balances(exporter));
    });
  }

  it('by gRPC says when to come back is asked then, also where its resources are exhausted', async () => {
    for (const code of [UNAVAILABLE, RESOURCE_EXHAUSTED]) {
      const receiver = await receiving(GRPC);
      receiver.fault = once({ code, retryDelayMs: 1100 });
      const { exporter } = await sendingTo(receiver.url, { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' });
      await exporter.offer(sent(requestEvents(3)));
      await until(() => receiver.spans.length === 3);
      const [first = 0, second = 0] = receiver.arrivals;
      assert.ok(second - first >= 1090, `${second - first} ms`);
    }
  });

  it('by gRPC refuses for good is not asked again', async () => {
    for (const code of [INVALID_ARGUMENT, RESOURCE_EXHAUSTED]) {
      const receiver = await receiving(GRPC);
      receiver.fault = () => ({ code });
      const { exporter } = await sendingTo(receiver.url, { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' });
      await exporter.offer(sent(requestEvents(3)));
      await until(() => exporter.counts()[0]?.dropped.get('refused') === 3);
      assert.equal(receiver.arrivals.length, 1);
    }
  });

  for (const options of [HTTP, GRPC]) {
    it(`accepts a part only, by ${options.protocol}, is not asked again: counted, told once with its reason`, async () => {
      const receiver = await receiving(options);
      receiver.fault = () => ({ rejected: 2, message: 'too\nold' });
      const { exporter, lines } = await sendingTo(receiver.url, {
        OTEL_EXPORTER_OTLP_PROTOCOL: options.protocol,
      });
      await exporter.offer(sent(requestEvents(5)));
      await until(() => exporter.counts()[0]?.exported === 5);
      await exporter.offer(sent(requestEvents(5)));
      await until(() => exporter.counts()[0]?.rejected === 4);
      assert.equal(lines.length, 1);
      assert.match(lines[0] ?? '', /accepted in part, 2 left out \(too old\)/);
    });
  }

  it('cuts a request, or does not answer in time, gets it again', async () => {
    for (const fault of ['cut', 'silent'] as const) {
      const receiver = await receiving();
      receiver.fault = once(fault);
      const { exporter, lines } = await sendingTo(receiver.url, { OTEL_EXPORTER_OTLP_TIMEOUT: '200' });
      await exporter.offer(sent(requestEvents(4)));
      await until(() => exporter.counts()[0]?.exported === 4);
      assert.equal(receiver.spans.length, 4);
      assert.match(lines[0] ?? '', fault === 'cut' ? /ECONNRESET/ : /no answer in time/);
    }
  });

  it('by gRPC does not answer in time gets it again', async () => {
    const receiver = await receiving(GRPC);
    receiver.fault = once('silent');
    const env = { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc', OTEL_EXPORTER_OTLP_TIMEOUT: '300' };
    const { exporter } = await sendingTo(receiver.url, env);
    await exporter.offer(sent(requestEvents(4)));
    await until(() => receiver.spans.length === 4);
  });

  for (const options of [HTTP, GRPC]) {
    it(`has a certificate of its own, by ${options.protocol}: believed where its authority is named, else not`, async () => {
      const receiver = await receiving({ ...options, tls: { key: pem('server-key'), cert: pem('server') } });
      const url = receiver.url.replace('127.0.0.1', 'localhost');
      const env = { OTEL_EXPORTER_OTLP_PROTOCOL: options.protocol };
      const stranger = await sendingTo(url, env);
      await stranger.exporter.offer(sent(requestEvents(1)));
      await until(() => (stranger.exporter.counts()[0]?.attempts.retry ?? 0) > 0);
      const friend = await sendingTo(url, {
        ...env,
        OTEL_EXPORTER_OTLP_CERTIFICATE: join(TLS, 'authority.pem'),
      });
      await friend.exporter.offer(sent(requestEvents(2)));
      await until(() => receiver.spans.length === 2);
      assert.equal(stranger.exporter.counts()[0]?.waiting, 1);
    });
  }

  it('has files that cannot be read is told at the start', async () => {
    await assert.rejects(
      exporting({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://x', OTEL_EXPORTER_OTLP_CERTIFICATE: '/nowhere.pem' }),
      /^.*: OTLP to otlp, traces: OTEL_EXPORTER_OTLP_CERTIFICATE .*: expected a file that this user may read, got ENOENT in \/nowhere\.pem\./,
    );
  });

  it('is slow, or gone for good, holds up none of the others', async () => {
    const [good, dataDir] = [await receiving(), temporaryDirectory()];
    const hole = createServer(() => {}).listen(0, '127.0.0.1');
    await event(hole, 'listening');
    running.push(async () => void hole.close());
    const { port } = hole.address() as { port: number };
    writeFileSync(
      join(dataDir, 't.json'),
      JSON.stringify([
        { name: 'hole', endpoint: `http://127.0.0.1:${port}`, signals: ['traces'], timeoutMs: 60_000 },
      ]),
    );
    const { exporter } = await sendingTo(good.url, { NERVECENTER_OTLP_TARGETS: 't.json' }, dataDir);
    await exporter.offer(sent(requestEvents(100)));
    await until(() => good.spans.length === 100);
    const waiting = () => exporter.counts().map((of) => [of.target, of.waiting]);
    await until(() => waiting()[0]?.[1] === 0);
    assert.deepEqual(waiting(), [
      ['otlp', 0],
      ['hole', 100],
    ]);
    const before = performance.now();
    await exporter.shutdown(500);
    // Long before its own request would have been given up.
    assert.ok(performance.now() - before < 30_000);
    assert.ok(balances(exporter));
  });
});

describe('what waits', () => {
  it('has the spool’s bound: the oldest goes, counted', async () => {
    const { exporter, lines } = await sendingTo('http://127.0.0.1:1', {
      NERVECENTER_SPOOL_MAX_BYTES: '200000',
    });
    for (let batch = 0; batch < 40; batch++) await exporter.offer(sent(requestEvents(50)));
    const [counts] = exporter.counts();
    assert.ok((counts?.dropped.get('spool_full') ?? 0) > 0);
    assert.ok((counts?.waiting ?? 0) > 100);
    assert.ok(balances(exporter));
    assert.equal(lines.filter((line) => line.includes('no room any more')).length, 1);
  });

  it('is in memory where there is no spool, and is dropped at the end, counted', async () => {
    const { exporter } = await sendingTo('http://127.0.0.1:1', { NERVECENTER_SPOOL_MAX_BYTES: '0' });
    for (let batch = 0; batch < 5; batch++) await exporter.offer(sent(requestEvents(10)));
    assert.equal(exporter.counts()[0]?.waiting, 50);
    await exporter.shutdown(300);
    assert.equal(exporter.counts()[0]?.dropped.get('shutdown'), 50);
    assert.ok(balances(exporter));
  });

  it('stays on disk when the collector stops, and is sent by the next one', async () => {
    const port = await freePort();
    const { exporter, dataDir } = await sendingTo(`http://127.0.0.1:${port}`);
    await exporter.offer(sent(requestEvents(30)));
    await exporter.shutdown(300);
    assert.equal(exporter.counts()[0]?.exported, 0);
    assert.ok(balances(exporter));
    const receiver = await receiving({ port });
    const next = await sendingTo(`http://127.0.0.1:${port}`, {}, dataDir);
    await until(() => receiver.spans.length === 30);
    await until(() => balances(next.exporter) && next.exporter.counts()[0]?.exported === 30);
  });

  for (const [before, after] of [
    ['http/protobuf', 'http/json'],
    ['http/json', 'http/protobuf'],
    ['grpc', 'http/protobuf'],
  ] as const) {
    it(`for ${before} is sent when the next collector is told ${after}`, async () => {
      const port = await freePort();
      const url = `http://127.0.0.1:${port}`;
      const first = await sendingTo(url, { OTEL_EXPORTER_OTLP_PROTOCOL: before });
      await first.exporter.offer(sent(requestEvents(30)));
      await first.exporter.shutdown(300);
      const receiver = await receiving({ port, protocol: after });
      const next = await sendingTo(url, { OTEL_EXPORTER_OTLP_PROTOCOL: after }, first.dataDir);
      await until(() => next.exporter.counts()[0]?.exported === 30);
      assert.deepEqual(receiver.problems, []);
      assert.equal(new Set(receiver.spans.map(({ spanId }) => spanId)).size, 30);
    });
  }

  it('is as many requests as its spans need', async () => {
    const receiver = await receiving();
    receiver.fault = once({ status: 503, retryAfter: '1' });
    const { exporter } = await sendingTo(receiver.url);
    const query = oneOfEach().find(({ signal }) => signal === 'rag-query');
    assert.ok(query !== undefined);
    // Each has a span of its own and one for every of its three stages.
    const queries = Array.from({ length: 1200 }, (_, index) => {
      return { ...query, id: newEventId(milliseconds(1_790_000_000_000 + index)) };
    });
    await exporter.offer(sent(queries));
    await until(() => exporter.counts()[0]?.exported === 1200);
    assert.equal(receiver.spans.length, 4800);
    assert.equal(new Set(receiver.spans.map(({ spanId }) => spanId)).size, 4800);
    assert.equal(receiver.arrivals.length, 4, 'three, and the one that was to come back');
  });
});

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, it } from 'vitest';
import { freePort } from '../../support/free-port.ts';
import { until } from '../../support/poll.ts';
import { exporting, removeDirectories, sent } from '../sinks/otlp/exporting.ts';
import { requestEvents } from '../sinks/postgres/events.ts';
import { Running, recordsOf } from './collectors.ts';
import { type Protocol, SdkApp, SPANS_PER_WORK } from './sdk.ts';

const running = new Running();
afterEach(async () => {
  await running.stop();
  removeDirectories();
});

const ROUNDS = 5;
const PROTOCOLS: readonly Protocol[] = ['http/protobuf', 'http/json', 'grpc'];
const endpointEnv = (url: string, protocol: Protocol = 'http/protobuf') => ({
  OTEL_EXPORTER_OTLP_ENDPOINT: url,
  OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
});

describe('what an OpenTelemetry SDK sends to a collector that has a target', () => {
  for (const from of PROTOCOLS) {
    for (const to of PROTOCOLS) {
      it(`by ${from}, comes there by ${to} as it was told, each span and log record once`, async () => {
        const [direct, target] = [await running.receiver(), await running.receiver({ protocol: to })];
        const { http, grpc } = await running.collector(endpointEnv(target.url, to));
        const app = new SdkApp('shop', [
          { url: direct.url, protocol: 'http/protobuf' },
          { url: from === 'grpc' ? grpc : http, protocol: from },
        ]);
        for (let round = 0; round < ROUNDS; round++) app.work();
        await app.shutdown();
        await until(() => target.spans.length >= ROUNDS * SPANS_PER_WORK && target.logs.length >= ROUNDS);
        assert.deepEqual(recordsOf(target, 'traces'), recordsOf(direct, 'traces'));
        assert.deepEqual(recordsOf(target, 'logs'), recordsOf(direct, 'logs'));
        assert.equal(target.spans.length, ROUNDS * SPANS_PER_WORK);
        // What the spans tell is measured here, and goes there as metrics.
        await until(() => target.metrics.some(({ name }) => name === 'http.server.request.duration'));
        assert.deepEqual(target.problems, []);
      });
    }
  }

  it('waits while the target is down, and is sent once it is there', async () => {
    const port = await freePort();
    const direct = await running.receiver();
    const taking = await running.collector(endpointEnv(`http://127.0.0.1:${port}`));
    const app = new SdkApp('shop', [
      { url: direct.url, protocol: 'http/protobuf' },
      { url: taking.http, protocol: 'http/protobuf' },
    ]);
    for (let round = 0; round < ROUNDS; round++) {
      app.work();
      await app.flush();
    }
    await app.shutdown();
    const items = ROUNDS * (SPANS_PER_WORK + 1);
    assert.equal(await taking.metric('nervecenter_otlp_export_waiting'), items);
    await until(() => taking.lines.some((line) => line.includes('tried again until it can')));
    const target = await running.receiver({ port });
    await until(() => target.spans.length >= ROUNDS * SPANS_PER_WORK && target.logs.length >= ROUNDS);
    await until(async () => (await taking.metric('nervecenter_otlp_export_exported_total')) === items);
    assert.deepEqual(recordsOf(target, 'traces'), recordsOf(direct, 'traces'));
    assert.deepEqual(recordsOf(target, 'logs'), recordsOf(direct, 'logs'));
  });

  it('goes to each target by the services and signals that it wants', async () => {
    const dataDir = running.directory();
    const [all, shop, logs, nobody] = await Promise.all([
      running.receiver(),
      running.receiver(),
      running.receiver(),
      running.receiver(),
    ]);
    const targets = [
      { name: 'all', endpoint: all.url, signals: ['traces', 'logs'] },
      { name: 'shop', endpoint: shop.url, signals: ['traces', 'logs'], services: ['shop'] },
      { name: 'logs', endpoint: logs.url, signals: ['logs'], services: ['billing'] },
      { name: 'nobody', endpoint: nobody.url, services: ['other'] },
    ];
    writeFileSync(join(dataDir, 'targets.json'), JSON.stringify(targets));
    const taking = await running.collector({ NERVECENTER_OTLP_TARGETS: 'targets.json' }, dataDir);
    for (const service of ['shop', 'billing']) {
      const app = new SdkApp(service, [{ url: taking.http, protocol: 'http/json' }]);
      app.work();
      await app.shutdown();
    }
    await until(() => all.spans.length >= 2 * SPANS_PER_WORK && all.logs.length >= 2);
    await until(() => shop.spans.length >= SPANS_PER_WORK && shop.logs.length >= 1 && logs.logs.length >= 1);
    await until(async () => (await taking.metric('nervecenter_otlp_export_waiting')) === 0);
    const services = (items: readonly { readonly resource: object }[]) =>
      items.map(({ resource }) => (resource as Record<string, unknown>)['service.name']);
    assert.deepEqual(new Set(services(all.spans)), new Set(['shop', 'billing']));
    assert.deepEqual(
      services(shop.spans),
      Array.from({ length: SPANS_PER_WORK }, () => 'shop'),
    );
    assert.deepEqual(
      [services(shop.logs), services(logs.logs), logs.spans.length],
      [['shop'], ['billing'], 0],
    );
    assert.deepEqual(nobody.requests, []);
  });

  it('that a target refuses takes nothing of other senders with it', async () => {
    const target = await running.receiver();
    const port = await freePort();
    const taking = await running.collector(endpointEnv(`http://127.0.0.1:${port}`));
    const spans = (traceId: string, spanId: string) =>
      JSON.stringify({
        resourceSpans: [
          {
            resource: { attributes: [{ key: 'service.name', value: { stringValue: 'shop' } }] },
            scopeSpans: [
              {
                scope: { name: 'x' },
                spans: [
                  {
                    traceId,
                    spanId,
                    name: 'a',
                    startTimeUnixNano: '1790000000000000000',
                    endTimeUnixNano: '1790000000000000001',
                  },
                  // This collector leaves it out; the target refuses the whole request that has it.
                  ...(spanId === '00000000000000bb' ? [{ traceId, name: 'without an id' }] : []),
                ],
              },
            ],
          },
        ],
      });
    for (const id of ['aa', 'bb', 'cc']) {
      const body = spans(id.repeat(16), id.padStart(16, '0'));
      const headers = { 'content-type': 'application/json' };
      assert.equal((await fetch(`${taking.http}/v1/traces`, { method: 'POST', body, headers })).status, 200);
    }
    await target.stop();
    const strict = await running.receiver({ port });
    await until(async () => (await taking.metric('nervecenter_otlp_export_dropped_total')) === 1);
    await until(() => strict.spans.length >= 2);
    assert.deepEqual(
      strict.spans.map(({ spanId }) => spanId).toSorted(),
      ['aa', 'cc'].map((id) => id.padStart(16, '0')),
    );
    assert.equal(await taking.metric('nervecenter_otlp_export_waiting'), 0);
  });

  it('but nervecenter’s own events go there as what they become, not as the log records that they came as', async () => {
    const target = await running.receiver();
    const taking = await running.collector(endpointEnv(target.url));
    const edge = await exporting({ ...endpointEnv(taking.http), NERVECENTER_OTLP_EVENTS: 'on' });
    running.stopping(() => edge.exporter.shutdown(1000));
    await edge.exporter.offer(sent(requestEvents(7)));
    const app = new SdkApp('shop', [{ url: taking.http, protocol: 'http/protobuf' }]);
    app.work();
    await app.shutdown();
    await until(() => target.spans.length === 7 + SPANS_PER_WORK && target.logs.length === 1);
    await until(async () => (await taking.metric('nervecenter_otlp_export_waiting')) === 0);
    assert.deepEqual([target.spans.length, target.logs.length], [7 + SPANS_PER_WORK, 1]);
    assert.equal(target.logs[0]?.eventName, 'something.happened');
  });

  it('and what is too odd to be told in protobuf is counted, and the rest goes on', async () => {
    const target = await running.receiver();
    const taking = await running.collector(endpointEnv(target.url));
    const record = (attributes: unknown) =>
      JSON.stringify({
        resourceSpans: [
          {
            resource: { attributes: [{ key: 'service.name', value: { stringValue: 'shop' } }] },
            scopeSpans: [{ scope: { name: 'x' }, spans: [{ ...SPAN, attributes }] }],
          },
        ],
      });
    for (const attributes of [[{ key: 'unread', value: { intValue: 'many' } }], []]) {
      const headers = { 'content-type': 'application/json' };
      const answer = await fetch(`${taking.http}/v1/traces`, {
        method: 'POST',
        body: record(attributes),
        headers,
      });
      assert.equal(answer.status, 200);
    }
    await until(() => target.spans.length === 1);
    assert.equal(await taking.metric('nervecenter_otlp_export_dropped_total'), 1);
  });
});

const SPAN = {
  traceId: 'ab'.repeat(16),
  spanId: 'cd'.repeat(8),
  name: 'a',
  startTimeUnixNano: '1790000000000000000',
  endTimeUnixNano: '1790000000000000001',
};

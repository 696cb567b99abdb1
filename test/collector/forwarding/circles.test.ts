import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, it } from 'vitest';
import { freePort } from '../../support/free-port.ts';
import { until } from '../../support/poll.ts';
import { Running, type Taking } from './collectors.ts';
import { SdkApp, SPANS_PER_WORK } from './sdk.ts';

const running = new Running();
afterEach(() => running.stop());

const ROUNDS = 3;
const REQUESTS = 'http_server_request_duration_seconds_count';
const ROUND = 'nervecenter_otlp_requests_total\\{outcome="went_round",signal="\\w+"\\}';

/** What of a target differs from one to the other. */
interface Fields {
  readonly nervecenter?: boolean;
  readonly protocol?: 'grpc';
}

/** Two collectors, each of which sends to the other. */
async function circle(first: Fields, second: Fields): Promise<[Taking, Taking]> {
  const ports = [
    { http: await freePort(), grpc: await freePort() },
    { http: await freePort(), grpc: await freePort() },
  ];
  const start = async (own: number, other: number, fields: Fields) => {
    const dataDir = running.directory();
    const port = fields.protocol === 'grpc' ? ports[other]?.grpc : ports[other]?.http;
    const target = { name: 'other', endpoint: `http://127.0.0.1:${port}`, ...fields };
    writeFileSync(join(dataDir, 'targets.json'), JSON.stringify([target]));
    const env = {
      NERVECENTER_OTLP_TARGETS: 'targets.json',
      NERVECENTER_OTLP_PORT: String(ports[own]?.http),
      NERVECENTER_OTLP_GRPC_PORT: String(ports[own]?.grpc),
    };
    return running.collector(env, dataDir);
  };
  return [await start(0, 1, first), await start(1, 0, second)];
}

async function work(http: string): Promise<void> {
  const app = new SdkApp('shop', [{ url: http, protocol: 'http/protobuf' }]);
  for (let round = 0; round < ROUNDS; round++) app.work();
  await app.shutdown();
}

const allSent = async (takings: readonly Taking[]) => {
  const waiting = await Promise.all(takings.map(({ metric }) => metric('nervecenter_otlp_export_waiting')));
  return waiting.every((count) => count === 0);
};

describe('two collectors that are targets of each other', () => {
  for (const [name, first, second] of [
    ['as any receivers', {}, {}],
    ['as any receivers, by gRPC', { protocol: 'grpc' }, { protocol: 'grpc' }],
    ['as nervecenters', { nervecenter: true }, { nervecenter: true }],
    ['the one as a nervecenter', {}, { nervecenter: true }],
    ['the other as a nervecenter', { nervecenter: true }, {}],
  ] as const) {
    it(`${name}: both have all once, what comes back is not taken, and that is said`, async () => {
      const [a, b] = await circle(first, second);
      await work(a.http);
      await until(async () => (await a.metric(ROUND)) > 0);
      await until(async () => (await b.metric(REQUESTS)) === ROUNDS);
      await until(() => allSent([a, b]));
      // Some intervals of metrics more, which go round as well.
      const before = await a.metric(ROUND);
      await until(async () => (await a.metric(ROUND)) >= before + 3);
      for (const taking of [a, b]) {
        assert.equal(await taking.metric(REQUESTS), ROUNDS);
        assert.equal(await taking.metric('nervecenter_otlp_export_dropped_total'), 0);
      }
      assert.equal(a.lines.filter((line) => /comes back to it, and is not taken again/.test(line)).length, 1);
      assert.ok(
        b.lines.some((line) => /send in a circle, which ends here/.test(line)),
        b.lines.join('\n'),
      );
      // The other's own figures come here as well, with its name.
      const spans = 'nervecenter_otlp_records_total\\{outcome="accepted",signal="traces"\\}';
      assert.equal(await a.metric(spans), ROUNDS * SPANS_PER_WORK);
    });
  }
});

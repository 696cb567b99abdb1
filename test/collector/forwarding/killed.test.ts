import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, describe, it } from 'vitest';
import { freePort } from '../../support/free-port.ts';
import type { OtlpReceiver } from '../../support/otlp/receiver.ts';
import { until } from '../../support/poll.ts';
import { Running, recordsOf } from './collectors.ts';
import { SdkApp, SPANS_PER_WORK } from './sdk.ts';

const CHILD = join(import.meta.dirname, 'child.ts');
const ROUNDS = 20;
const KILLS = 2;

const running = new Running();
afterEach(() => running.stop());

async function killable(env: Readonly<Record<string, string>>, dataDir: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, [CHILD, JSON.stringify(env), dataDir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  running.stopping(() => child.kill('SIGKILL'));
  assert.ok(child.stdout);
  await once(child.stdout, 'data');
  return child;
}

describe('a collector that is killed', () => {
  it('with its target down leaves what it had taken to the next one: each span and record as told, once', async () => {
    const [dataDir, direct] = [running.directory(), await running.receiver()];
    const [targetPort, port] = [await freePort(), await freePort()];
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${targetPort}`,
      OTEL_METRICS_EXPORTER: 'none',
      NERVECENTER_OTLP_PORT: String(port),
    };
    const child = await killable(env, dataDir);
    const app = new SdkApp('shop', [
      { url: direct.url, protocol: 'http/protobuf' },
      { url: `http://127.0.0.1:${port}`, protocol: 'http/protobuf' },
    ]);
    for (let round = 0; round < ROUNDS; round++) app.work();
    await app.flush(); // The collector has answered.
    child.kill('SIGKILL');
    await once(child, 'exit');
    await killable(env, dataDir);
    const target = await running.receiver({ port: targetPort });
    const all = ({ spans, logs }: OtlpReceiver) =>
      spans.length >= ROUNDS * SPANS_PER_WORK && logs.length >= ROUNDS;
    await until(() => all(target) && all(direct));
    assert.deepEqual([target.logs.length, direct.logs.length], [ROUNDS, ROUNDS]);
    assert.deepEqual(recordsOf(target, 'traces'), recordsOf(direct, 'traces'));
    assert.deepEqual(recordsOf(target, 'logs'), recordsOf(direct, 'logs'));
    await app.shutdown();
  });

  it('had taken what its sender sends again, not having heard it: it goes on once, also where nothing tells it from another', async () => {
    const [dataDir, targetPort, port] = [running.directory(), await freePort(), await freePort()];
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${targetPort}`,
      OTEL_METRICS_EXPORTER: 'none',
      NERVECENTER_OTLP_PORT: String(port),
    };
    const send = async (text: string) => {
      const logRecords = [{ body: { stringValue: text } }];
      const resource = { attributes: [{ key: 'service.name', value: { stringValue: 'shop' } }] };
      const scopeLogs = [{ scope: { name: 'library' }, logRecords }];
      const body = JSON.stringify({ resourceLogs: [{ resource, scopeLogs }] });
      const headers = { 'content-type': 'application/json' };
      const { status } = await fetch(`http://127.0.0.1:${port}/v1/logs`, { method: 'POST', headers, body });
      assert.equal(status, 200);
    };
    const child = await killable(env, dataDir);
    for (const text of ['a', 'b']) await send(text);
    child.kill('SIGKILL');
    await once(child, 'exit');
    await killable(env, dataDir);
    for (const text of ['b', 'c', 'a', 'd']) await send(text);
    const target = await running.receiver({ port: targetPort });
    const texts = () => target.logs.map(({ body }) => body).toSorted();
    await until(() => texts().includes('d'));
    assert.deepEqual(texts(), ['a', 'b', 'c', 'd']);
  });

  it('again and again while it takes and sends loses nothing: what comes twice is the same span', async () => {
    const [dataDir, direct, target] = [
      running.directory(),
      await running.receiver(),
      await running.receiver(),
    ];
    const port = await freePort();
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: target.url,
      OTEL_METRICS_EXPORTER: 'none',
      NERVECENTER_OTLP_PORT: String(port),
    };
    const destinations = [
      { url: direct.url, protocol: 'http/protobuf' },
      { url: `http://127.0.0.1:${port}`, protocol: 'http/protobuf' },
    ] as const;
    const app = new SdkApp('shop', destinations);
    let child = await killable(env, dataDir);
    for (let kill = 0; kill < KILLS; kill++) {
      for (let round = 0; round < ROUNDS; round++) app.work();
      const flushed = app.flush();
      const before = target.requests.length;
      await until(() => target.requests.length > before);
      child.kill('SIGKILL');
      await once(child, 'exit');
      child = await killable(env, dataDir);
      await flushed; // The SDK sends again what was not answered.
    }
    const ids = () => new Set(target.spans.map(({ spanId }) => spanId));
    await until(() => ids().size === KILLS * ROUNDS * SPANS_PER_WORK);
    const different = new Map(recordsOf(target, 'traces').map((span) => [JSON.stringify(span), span]));
    assert.deepEqual([...different.values()], recordsOf(direct, 'traces'));
    await app.shutdown();
  });
});

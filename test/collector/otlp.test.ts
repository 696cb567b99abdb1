import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, it, type TestContext } from 'vitest';
import { type Collector, startCollector } from '../../src/collector/start.ts';
import { readConfig } from '../../src/config/config.ts';
import { NervecenterError } from '../../src/core/errors.ts';
import type { Source } from '../../src/core/frame.ts';

const directory = mkdtempSync(join(tmpdir(), 'nervecenter-test-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const APP: Source = {
  service: 'app',
  instanceId: '018f0000-0000-7000-8000-000000000000',
  host: 'host',
  pid: 1,
  instrumentations: ['http'],
  frameIntervalMs: 1000 as Source['frameIntervalMs'],
};

async function start(
  { onTestFinished }: Pick<TestContext, 'onTestFinished'>,
  env: Readonly<Record<string, string>>,
  host: Source | null = null,
): Promise<{ collector: Collector; notice: string; logs: string[] }> {
  const logs: string[] = [];
  const settings = {
    NERVECENTER_PORT: '0',
    NERVECENTER_STORAGE: 'off',
    NERVECENTER_DATA_DIR: directory,
    ...env,
  };
  const config = readConfig(settings, directory);
  const collector = await startCollector({
    config,
    log: (name, line) => logs.push(`${name}: ${line}`),
    host,
  });
  onTestFinished(() => collector.shutdown(1000));
  return { collector, notice: await collector.ready, logs };
}

/** A port that somebody else listens on. */
async function takenPort({ onTestFinished }: Pick<TestContext, 'onTestFinished'>): Promise<number> {
  const stranger = createServer().listen(0, '127.0.0.1');
  await once(stranger, 'listening');
  onTestFinished(() => void stranger.close());
  return (stranger.address() as AddressInfo).port;
}

const ANY = { NERVECENTER_OTLP_PORT: '0', NERVECENTER_OTLP_GRPC_PORT: '0' };
const LOG = JSON.stringify({ resourceLogs: [{ scopeLogs: [{ logRecords: [{}] }] }] });
const post = (url: string, headers: Readonly<Record<string, string>> = {}) =>
  fetch(`${url}/v1/logs`, {
    method: 'POST',
    body: LOG,
    headers: { 'content-type': 'application/json', ...headers },
  });

describe('a collector alone', () => {
  it('takes OTLP where its start notice says', async (test) => {
    const { notice } = await start(test, ANY);
    const [, http = '', grpc = ''] = /^ {2}otlp +(\S+) \(HTTP\), (\S+) \(gRPC\)$/m.exec(notice) ?? [];
    assert.match(grpc, /^http:\/\/127\.0\.0\.1:\d+$/);
    assert.doesNotMatch(notice, /otlp key/);
    const answer = await post(http);
    assert.deepEqual([answer.status, await answer.json()], [200, {}]);
  });

  it('asks for a key beyond the loopback: made once, printed, kept', async (test) => {
    const first = await start(test, { ...ANY, NERVECENTER_HOST: '0.0.0.0' });
    const [, key = ''] = /^ {2}otlp key +([0-9a-f]{48})$/m.exec(first.notice) ?? [];
    assert.equal(readFileSync(join(directory, 'otlp-key'), 'utf8'), `${key}\n`);
    const [, http = ''] = /otlp +(\S+) \(HTTP\)/.exec(first.notice) ?? [];
    assert.equal((await post(http)).status, 401);
    assert.equal((await post(http, { 'x-nervecenter-key': key })).status, 200);
    const second = await start(test, { ...ANY, NERVECENTER_HOST: '0.0.0.0' });
    assert.ok(second.notice.includes(key));
    const own = { ...ANY, NERVECENTER_HOST: '0.0.0.0', NERVECENTER_OTLP_KEYS: `shop=${'k'.repeat(20)}` };
    assert.doesNotMatch((await start(test, own)).notice, /otlp key|kkkk/);
  });

  for (const setting of ['NERVECENTER_OTLP_PORT', 'NERVECENTER_OTLP_GRPC_PORT']) {
    it(`does not start where ${setting} is taken, says so, and leaves nothing open`, async (test) => {
      const port = await takenPort(test);
      const own = createServer().listen(0, '127.0.0.1');
      await once(own, 'listening');
      const main = (own.address() as AddressInfo).port;
      await new Promise((resolve) => own.close(resolve));
      const env = { ...ANY, NERVECENTER_PORT: String(main), [setting]: String(port) };
      await assert.rejects(start(test, env), (error) => {
        assert.ok(error instanceof NervecenterError);
        assert.equal(error.code, 'NC_PORT_TAKEN');
        assert.match(error.message, new RegExp(`:${port} is taken .* Set ${setting} to a free port`));
        return true;
      });
      const again = await start(test, { ...ANY, NERVECENTER_PORT: String(main) });
      assert.ok(again.collector.url.endsWith(`:${main}`));
    });
  }

  it('takes none where it is told to', async (test) => {
    const { notice } = await start(test, { NERVECENTER_OTLP_PORT: 'off', NERVECENTER_OTLP_GRPC_PORT: 'off' });
    assert.doesNotMatch(notice, /otlp/);
  });
});

describe('in an app', () => {
  it('OTLP is off, unless it is asked for', async (test) => {
    assert.doesNotMatch((await start(test, {}, APP)).notice, /otlp/);
    const { notice } = await start(test, { NERVECENTER_OTLP_PORT: '0' }, APP);
    assert.match(notice, /^ {2}otlp +http:\/\/127\.0\.0\.1:\d+ \(HTTP\)$/m);
  });

  it('a port that is taken is named, and everything else works', async (test) => {
    const port = await takenPort(test);
    const { collector, logs } = await start(test, { NERVECENTER_OTLP_PORT: String(port) }, APP);
    assert.match(
      logs.join('\n'),
      new RegExp(`^otlp: stays off: .*:${port} is taken .*NERVECENTER_OTLP_PORT`, 'm'),
    );
    assert.equal((await fetch(`${collector.url}/api/metrics/health`)).status, 200);
  });
});

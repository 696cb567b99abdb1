import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { ObservedApp } from '../support/observed-app.ts';
import { until } from '../support/poll.ts';

describe('an app with OTEL_METRICS_EXPORTER=prometheus', () => {
  const cwd = mkdtempSync(join(tmpdir(), 'nervecenter-test-'));
  const script = join(cwd, 'app.cjs');
  const apps: ObservedApp[] = [];
  const start = (env: Record<string, string>) => {
    const app = new ObservedApp(script, {
      env: { OTEL_METRICS_EXPORTER: 'prometheus', NERVECENTER_STORAGE: 'off', ...env },
    });
    apps.push(app);
    return app;
  };
  beforeAll(() => {
    writeFileSync(
      script,
      `
      const server = require('node:http').createServer((request, response) => {
        response.end('served');
        if (request.url === '/close') server.close();
      });
      server.keepAliveTimeout = 1;
      server.listen(0, '127.0.0.1', () => console.log('port ' + server.address().port));
    `,
    );
  });
  afterAll(async () => {
    for (const app of apps) await app.stop();
    rmSync(cwd, { recursive: true, force: true });
  });

  it('serves its metrics, counts no scrape as a request, and ends when the app does', async () => {
    const port = await freePort();
    const app = start({ OTEL_EXPORTER_PROMETHEUS_PORT: String(port) });
    const url = await app.appUrl();
    await fetch(`${url}/a`);
    const agent = new Agent({ keepAlive: true });
    const isServed = /^process_memory_usage\{otel_scope_name="nervecenter"\} \d+$/m;
    await until(async () => isServed.test(await scrape(port, agent)));
    await app.started();
    assert.equal((await app.snapshotWhen(({ api }) => api.requests_total > 0)).api.requests_total, 1);
    // A scraper that keeps its connection must not keep the app.
    await scrape(port, agent);
    await fetch(`${url}/close`, { headers: { connection: 'close' } });
    assert.deepEqual(await app.end(), { code: 0, signal: null });
    agent.destroy();
  });

  it("on the dashboard's port says what to set and stays up", async () => {
    const port = String(await freePort());
    const app = start({ NERVECENTER_PORT: port, OTEL_EXPORTER_PROMETHEUS_PORT: port });
    assert.equal(await (await fetch(await app.appUrl())).text(), 'served');
    await app.started();
    const [line = ''] = app.stderr.split('\n');
    assert.match(
      line,
      /^\[nervecenter\] OTEL_METRICS_EXPORTER=prometheus: .* Set OTEL_EXPORTER_PROMETHEUS_PORT/,
    );
    assert.equal((await app.get('/metrics')).status, 200);
  });
});

async function scrape(port: number, agent: Agent): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  get({ port, agent, host: 'localhost', path: '/metrics' }, (response) => {
    let text = '';
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => {
      text += chunk;
    });
    response.once('end', () => resolve(text));
  }).once('error', reject);
  return promise;
}

import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'vitest';
import { freePort } from '../../support/free-port.ts';
import { OtlpReceiver } from '../../support/otlp/receiver.ts';
import { until } from '../../support/poll.ts';

const APP = join(import.meta.dirname, '..', 'fixtures', 'otlp-app.cjs');
const CALLER = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

function writtenQueries(spool: string): number {
  const segments = globSync(join(spool, '*.spool')).map((path) => readFileSync(path, 'latin1'));
  return segments.join('').split('rag query').length - 1;
}

describe('an app that sends by OTLP', () => {
  let receiver: OtlpReceiver;
  let directory: string;
  const apps: ChildProcess[] = [];
  beforeEach(async () => {
    receiver = await OtlpReceiver.start();
    directory = mkdtempSync(join(tmpdir(), 'nervecenter-test-'));
  });
  afterEach(async () => {
    for (const app of apps.splice(0)) {
      if (app.exitCode !== null || app.signalCode !== null) continue;
      app.kill('SIGKILL');
      await once(app, 'exit');
    }
    await receiver.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  async function start(env: Record<string, string> = {}) {
    const app = fork(APP, {
      execArgv: ['--require', 'nervecenter/otel'],
      cwd: join(import.meta.dirname, '..', '..', '..'),
      env: {
        PATH: process.env['PATH'],
        NERVECENTER_DATA_DIR: directory,
        NERVECENTER_PORT: '0',
        OTEL_SERVICE_NAME: 'rag-app',
        OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
        OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
        ...env,
      },
      stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
    });
    apps.push(app);
    let said = '';
    app.stderr?.on('data', (text: Buffer) => {
      said += text;
    });
    const [port] = (await once(app, 'message')) as [number];
    return { app, url: `http://127.0.0.1:${port}/x`, said: () => said };
  }

  it('hosts nothing, and what it sends is one trace from the caller to the model', async () => {
    const { app, url, said } = await start();
    await (await fetch(url, { headers: { traceparent: CALLER } })).text();
    await until(() => receiver.spans.length >= 5);
    const named = (name: string) => receiver.spans.find((span) => span.name === name);
    const [request, query, call] = [named('GET'), named('rag query'), named('chat gpt-4o')];
    assert.equal(request?.parentSpanId, '00f067aa0ba902b7');
    assert.equal(query?.parentSpanId, request?.spanId);
    assert.equal(call?.parentSpanId, query?.spanId);
    assert.equal(named('retrieval')?.parentSpanId, query?.spanId);
    assert.equal(named('embeddings')?.parentSpanId, query?.spanId);
    assert.ok(receiver.spans.every(({ traceId }) => traceId === '4bf92f3577b34da6a3ce929d0e0e4736'));
    assert.equal(request?.resource['deployment.environment.name'], 'test');
    assert.equal(request?.resource['process.pid'], app.pid);
    assert.match(said(), /dashboard +not here: sending only/);
    assert.ok(!existsSync(join(directory, 'postgres')) && !existsSync(join(directory, 'spool')));
    receiver.assertConventions();
  });

  it('sends its metrics as it ends, which then agree with its spans', async () => {
    const { app, url } = await start();
    for (let i = 0; i < 20; i++) await (await fetch(url)).text();
    await until(() => receiver.spans.filter(({ name }) => name === 'GET').length === 20);
    app.send('end');
    await once(app, 'exit');
    const requests = receiver.metrics.filter(({ name }) => name === 'http.server.request.duration');
    const counted = requests.flatMap(({ points }) => points).map(({ count }) => Number(count));
    assert.deepEqual(counted, [20]);
  });

  it('killed while its receiver is down loses nothing that was taken, and has it once by its ids', async () => {
    const port = await freePort();
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}` };
    const first = await start(env);
    for (let i = 0; i < 30; i++) await (await fetch(first.url)).text();
    const spool = join(directory, 'otlp', 'otlp', 'spool');
    await until(() => writtenQueries(spool) === 30);
    first.app.kill('SIGKILL');
    await once(first.app, 'exit');
    const late = await OtlpReceiver.start({ port });
    try {
      await start(env);
      const queries = () =>
        new Set(late.spans.filter(({ name }) => name === 'rag query').map(({ spanId }) => spanId));
      await until(() => queries().size === 30);
      assert.equal(late.spans.filter(({ name }) => name === 'GET').length, 30);
    } finally {
      await late.stop();
    }
  });
});

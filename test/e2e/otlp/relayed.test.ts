import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, it } from 'vitest';
import type { Snapshot } from '../../../src/core/snapshot.ts';
import { Command } from '../../cli/command.ts';
import { freePort } from '../../support/free-port.ts';
import { until } from '../../support/poll.ts';
import { reachableTempDir } from '../../support/postgres.ts';

const APP = join(import.meta.dirname, '..', 'fixtures', 'otlp-app.cjs');
const PATIENCE = { timeoutMs: 60_000 };
const QUERIES_PER_LIFE = 20;

let cwd: string;
let otlpPort: number;
let collector: Command;
let address: { readonly url: string; readonly token: string };
let app: ChildProcess;

beforeAll(async () => {
  cwd = reachableTempDir();
  otlpPort = await freePort();
  await startCollector();
});
afterAll(async () => {
  if (app.exitCode === null && app.signalCode === null) {
    app.kill('SIGKILL');
    await once(app, 'exit');
  }
  await collector.kill();
  rmSync(cwd, { recursive: true, force: true });
});

async function startCollector(): Promise<void> {
  collector = new Command(['collector'], {
    cwd,
    env: { NERVECENTER_PORT: '0', NERVECENTER_OTLP_PORT: String(otlpPort) },
  });
  address = await collector.dashboard();
}

async function ask<T>(path: string): Promise<T> {
  const headers = { authorization: `Bearer ${address.token}` };
  const response = await fetch(`${address.url}${path}`, { headers });
  return (await response.json()) as T;
}

async function startApp(): Promise<string> {
  const dataDir = join(cwd, 'app');
  mkdirSync(dataDir);
  app = fork(APP, {
    execArgv: ['--require', 'nervecenter/otel'],
    cwd: join(import.meta.dirname, '..', '..', '..'),
    env: {
      PATH: process.env['PATH'],
      NERVECENTER_DATA_DIR: dataDir,
      OTEL_SERVICE_NAME: 'relayed',
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${otlpPort}`,
      NERVECENTER_OTLP_EVENTS: 'on',
    },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const [port] = (await once(app, 'message')) as [number];
  return `http://127.0.0.1:${port}/x`;
}

it('an app that sends to a collector has its rows there, each once, also when the collector is killed again and again', async () => {
  const url = await startApp();
  let asked = 0;
  for (const signal of ['SIGKILL', 'SIGKILL', 'SIGTERM', null] as const) {
    for (let i = 0; i < QUERIES_PER_LIFE; i++, asked++) await (await fetch(url)).text();
    if (signal === null) break;
    collector.child.kill(signal);
    await collector.end();
    await startCollector();
  }
  const shown = await until(async () => {
    const now = await ask<Snapshot>('/api/metrics/snapshot');
    return now.api.requests_total >= asked &&
      now.rag.total_queries >= asked &&
      now.llm.total_requests >= asked
      ? now
      : null;
  }, PATIENCE);
  const { rag, llm, api } = shown;
  assert.deepEqual([api.requests_total, rag.total_queries, llm.total_requests], [asked, asked, asked]);
  for (const signal of ['request', 'rag-query', 'llm-call']) {
    const ids = await until(async () => {
      const { events } = await ask<{ events: readonly { id: string }[] }>(
        `/api/metrics/events?signal=${signal}&limit=500`,
      );
      return events.length >= asked ? events.map(({ id }) => id) : null;
    }, PATIENCE);
    assert.equal(ids.length, asked, signal);
    assert.equal(new Set(ids).size, asked, signal);
  }
});

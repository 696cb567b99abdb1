import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, it } from 'vitest';
import type { Snapshot } from '../../src/core/snapshot.ts';
import { until } from '../support/poll.ts';
import { type Running, said, start } from './processes.ts';

const TOKEN = 'a-token-only-this-test-knows';
const DASHBOARD = /dashboard\s+(http\S+)/;
const APP = /rag-app listening on (\S+)/;
const FIRST_FIGURES_MS = 60_000;
const dataDir = mkdtempSync(join(tmpdir(), 'nervecenter-start-'));
const started: Running[] = [];

afterAll(async () => {
  for (const running of started) if (running.child.exitCode === null) await running.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

function npmStart(): Running {
  const running = start(['scripts/start.ts'], {
    NERVECENTER_PORT: '0',
    NERVECENTER_ADMIN_TOKEN: TOKEN,
    NERVECENTER_STORAGE: 'off',
    NERVECENTER_DATA_DIR: dataDir,
  });
  started.push(running);
  return running;
}

async function snapshotOf(dashboard: string): Promise<Snapshot> {
  const response = await fetch(new URL('/api/metrics/snapshot', dashboard), {
    headers: { authorization: `Bearer ${TOKEN}` },
  });
  return (await response.json()) as Snapshot;
}

function isGone(url: string): Promise<boolean> {
  return fetch(url).then(
    () => false,
    () => true,
  );
}

describe('npm start', () => {
  it('shows figures of everything within seconds and stops with code 0, leaving nothing behind', async () => {
    const running = npmStart();
    const dashboard = await said(running, DASHBOARD);
    const app = await said(running, APP);
    await until(
      async () => {
        const { rag, llm, cache, websocket } = await snapshotOf(dashboard);
        const figures = [rag.total_queries, llm.total_requests, llm.cost_total_usd, cache.rag_hits];
        return [...figures, websocket.connections_active].every((figure) => figure > 0);
      },
      { timeoutMs: FIRST_FIGURES_MS, what: 'figures above 0' },
    );
    assert.equal(await running.stop(), 0, running.output());
    assert.ok(await isGone(app));
    assert.ok(await isGone(dashboard));
    assert.doesNotMatch(running.output(), /\n\s+at /);
    assert.doesNotMatch(running.output(), /did not stop/);
  });

  it('stops everything and says why when the app ends', async () => {
    const running = npmStart();
    const dashboard = await said(running, DASHBOARD);
    const pid = await until(async () => (await snapshotOf(dashboard)).instances[0]?.pid);
    process.kill(pid, 'SIGKILL');
    await once(running.child, 'close');
    assert.equal(running.child.exitCode, 1);
    assert.match(running.output(), /The sample app ended unexpectedly \(SIGKILL\)\. Stopping everything\.\n/);
  });

  it('leaves nothing behind when it is killed itself', async () => {
    const running = npmStart();
    const dashboard = await said(running, DASHBOARD);
    const app = await said(running, APP);
    await until(async () => (await snapshotOf(dashboard)).rag.total_queries > 0, { what: 'traffic' });
    running.child.kill('SIGKILL');
    await once(running.child, 'close');
    await until(() => isGone(app), { what: 'the app to stop' });
    await until(() => isGone(dashboard), { what: 'the agent to stop' });
  });
});

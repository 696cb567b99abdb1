import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { PostgresConfig } from '../../../src/config.ts';
import type { Snapshot } from '../../../src/core/snapshot.ts';
import { until } from '../../support/poll.ts';
import { reachableTempDir, startPostgres, type TestPostgres } from '../../support/postgres.ts';
import { FedCollector } from './fed-collector.ts';
import { lasting, traffic } from './traffic.ts';

const CHILD = join(import.meta.dirname, 'child.ts');
const PATIENCE_MS = 30_000;
let server: TestPostgres;
const dataDirs: string[] = [];
before(async () => {
  server = await startPostgres();
});
after(async () => {
  await server.stop();
  for (const dataDir of dataDirs) rmSync(dataDir, { recursive: true, force: true });
});

function newDataDir(): string {
  const dataDir = reachableTempDir();
  dataDirs.push(dataDir);
  return dataDir;
}

/** What a collector in a process of its own showed last, before a signal ended it. */
async function endedBy(signal: NodeJS.Signals, database: PostgresConfig, dataDir: string): Promise<Snapshot> {
  const child = spawn(process.execPath, [CHILD, JSON.stringify(database), dataDir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    said += chunk;
  });
  const closed = once(child, 'close');
  try {
    await until(() => said.endsWith('}'), { timeoutMs: PATIENCE_MS });
  } finally {
    child.kill(signal);
  }
  await closed;
  return JSON.parse(said) as Snapshot;
}

/** The new collector's snapshot once it shows as much as the old one did. */
function recalled(fed: FedCollector, { api }: Pick<Snapshot, 'api'>): Promise<Snapshot> {
  return until(
    async () => {
      const snapshot = await fed.snapshot();
      return snapshot.api.requests_total >= api.requests_total ? snapshot : null;
    },
    { timeoutMs: PATIENCE_MS },
  );
}

describe('a collector that starts where another one ended', () => {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    it(`shows the same window and the same totals after ${signal}, and counts on`, async () => {
      const database = await server.createDatabase();
      const dataDir = newDataDir();
      const last = await endedBy(signal, database, dataDir);
      assert.ok(last.llm.cost_total_usd > 0 && last.rag.error_count > 0 && last.llm.unpriced_requests > 0);
      const fed = await FedCollector.start(database, dataDir);
      try {
        const first = await recalled(fed, last);
        assert.deepEqual(lasting(first), lasting(last));
        await fed.feed(traffic());
        const second = await recalled(fed, {
          api: { ...last.api, requests_total: 2 * last.api.requests_total },
        });
        assert.equal(second.llm.total_requests, 2 * last.llm.total_requests);
        assert.equal(second.websocket.bytes_in, 2 * last.websocket.bytes_in);
        const scraped = await (await fed.get('/metrics')).text();
        const counted = scraped.match(/^http_server_request_duration_seconds_count.*\s(\d+)$/gm) ?? [];
        const sinceStart = counted.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
        assert.equal(sinceStart, last.api.requests_total, '/metrics begins with the process');
        assert.deepEqual(fed.lines, []);
      } finally {
        await fed.collector.shutdown(5000);
      }
    });
  }
});

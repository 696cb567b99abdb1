import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { migrate, readMigrations } from '../../../src/collector/sinks/postgres/schema/migrate.ts';
import type { PostgresConfig } from '../../../src/config/config.ts';
import type { Snapshot } from '../../../src/core/snapshot.ts';
import { until } from '../../support/poll.ts';
import { reachableTempDir, startPostgres, type TestPostgres } from '../../support/postgres.ts';
import { FedCollector } from './fed-collector.ts';
import { lasting, requestOrCall, traffic } from './traffic.ts';

const CHILD = join(import.meta.dirname, 'child.ts');
const PATIENCE_MS = 60_000;
const ROWS = 100_000;
const MANY_ROWS = 200_000;
/** Handed over at once: a message may have so many. */
const ROWS_PER_MESSAGE = 10_000;
/** It takes milliseconds; the rest is for a busy machine. */
const KNOWN_WITHIN_MS = 30_000;
const COUNTED = `SELECT requests.*, calls.* FROM
  (SELECT count(*)::int AS requests, count(*) FILTER (WHERE status_code >= 400)::int AS errors FROM enterprise.request_metrics) AS requests,
  (SELECT count(*)::int AS calls, sum(completion_tokens)::int AS tokens FROM enterprise.llm_call_metrics) AS calls`;
/** The migration that counts what was stored before there were totals. */
const TOTALS_BEGIN = 17;
let server: TestPostgres;
const dataDirs: string[] = [];
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(async () => {
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
function recalled(
  fed: FedCollector,
  { requests_total }: Pick<Snapshot['api'], 'requests_total'>,
): Promise<Snapshot> {
  return until(
    async () => {
      const snapshot = await fed.snapshot();
      return snapshot.api.requests_total >= requests_total ? snapshot : null;
    },
    { timeoutMs: PATIENCE_MS },
  );
}

const counted = ({ api, llm }: Snapshot): Record<string, number> => ({
  requests: api.requests_total,
  errors: api.errors_total,
  calls: llm.total_requests,
  tokens: llm.tokens_out_total,
});

/** Requests, and a model call for every tenth of them; the snapshot once all of it is stored. */
async function fedWith(fed: FedCollector, rows: number): Promise<Snapshot> {
  for (let sent = 0; sent < rows; sent += ROWS_PER_MESSAGE) {
    await fed.feed(Array.from({ length: ROWS_PER_MESSAGE }, (_, i) => requestOrCall(sent + i)));
    await until(() => fed.accepted, { timeoutMs: PATIENCE_MS });
  }
  return until(
    async () => {
      const snapshot = await fed.snapshot();
      return snapshot.pipeline.events_stored >= rows ? snapshot : null;
    },
    { timeoutMs: 4 * PATIENCE_MS },
  );
}

/** Collectors share their server with those of the other tests, so one at a time. */
async function withCollector(
  database: PostgresConfig,
  check: (fed: FedCollector) => Promise<void>,
): Promise<void> {
  const fed = await FedCollector.start(database, newDataDir());
  try {
    await check(fed);
  } finally {
    await fed.collector.shutdown(5000);
  }
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
        const first = await recalled(fed, last.api);
        assert.deepEqual(lasting(first), lasting(last));
        await fed.feed(traffic());
        const second = await recalled(fed, { requests_total: 2 * last.api.requests_total });
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

describe('a collector that starts again on 200,000 rows', () => {
  it('knows the totals of all of them at once: those that were shown, and those of the tables', async () => {
    const database = await server.createDatabase();
    const dataDir = newDataDir();
    let fed = await FedCollector.start(database, dataDir);
    const shown = await fedWith(fed, MANY_ROWS);
    await fed.collector.shutdown(PATIENCE_MS);
    fed = await FedCollector.start(database, dataDir);
    try {
      const startedMs = performance.now();
      const first = await until(
        async () => {
          const snapshot = await fed.snapshot();
          return snapshot.pipeline.totals === 'known' ? snapshot : null;
        },
        { timeoutMs: PATIENCE_MS },
      );
      const knownAfterMs = performance.now() - startedMs;
      assert.ok(knownAfterMs < KNOWN_WITHIN_MS, `known after ${knownAfterMs} ms`);
      assert.deepEqual(counted(first), counted(shown));
      const [stored] = await server.using(database, async (client) => {
        const { rows } = await client.query<Record<string, number>>(COUNTED);
        return rows;
      });
      assert.deepEqual(counted(first), stored);
      assert.deepEqual(fed.lines, []);
    } finally {
      await fed.collector.shutdown(PATIENCE_MS);
    }
  });
});

describe('a collector on a database of others', () => {
  it('shows what plain SQL has written, a hundred thousand rows of it', async () => {
    const database = await server.createDatabase();
    await server.using(database, async (client) => {
      await migrate(
        client,
        readMigrations().filter(({ number }) => number < TOTALS_BEGIN),
      );
      await client.query(`INSERT INTO enterprise.request_metrics (timestamp, endpoint, method, status_code, response_time_ms)
        SELECT now() - interval '30 days' * (i - 1) / ${ROWS}, '/raw/' || i % 400, 'GET', CASE WHEN i % 10 = 0 THEN 500 ELSE 200 END, 10
        FROM generate_series(1, ${ROWS}) AS i`);
      await client.query(`INSERT INTO enterprise.llm_call_metrics (model, provider, elapsed_ms, prompt_tokens, completion_tokens, total_tokens, cost_usd, success)
        VALUES ('m', 'p', 1000, 5, 7, 12, 1.25, true), ('m', 'p', 3000, 5, 7, 12, NULL, false)`);
    });
    await withCollector(database, async (fed) => {
      const { api, llm } = await recalled(fed, { requests_total: ROWS });
      assert.deepEqual([api.requests_total, api.errors_total], [ROWS, ROWS / 10]);
      assert.ok(Object.keys(api.endpoints).length <= 200);
      assert.equal(api.overflow_endpoints, (ROWS / 400) * 201);
      assert.deepEqual(llm.by_model, [
        {
          ...llm.by_model[0],
          provider: 'p',
          model: 'm',
          requests: 2,
          errors: 1,
          tokens_in: 10,
          tokens_out: 14,
          cost_usd: 1.25,
          latency_p95_ms: 0, // What was measured of late is known of batches of ours only.
        },
      ]);
    });
  });

  it('shows what two others counted, once storage that was down at the start is back', async () => {
    const database = await server.createDatabase();
    for (const _ of [1, 2]) {
      await withCollector(database, async (fed) => {
        const before = (await fed.snapshot()).pipeline.events_stored;
        await fed.feed(traffic());
        await until(async () => (await fed.snapshot()).pipeline.events_stored > before);
      });
    }
    await server.halt();
    await withCollector(database, async (fed) => {
      await fed.feed(traffic());
      const alone = await until(async () => {
        const snapshot = await fed.snapshot();
        return snapshot.pipeline.storage === 'down' && snapshot.api.requests_total > 0 ? snapshot : null;
      });
      await server.resume();
      const { requests_total } = alone.api;
      const all = await recalled(fed, { requests_total: 3 * requests_total });
      assert.equal(all.api.requests_total, 3 * requests_total);
      assert.equal(all.llm.tokens_in_total, 3 * alone.llm.tokens_in_total);
      assert.equal(all.rag.window_count, 3 * alone.rag.window_count);
    });
  });
});

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { PostgresConfig } from '../../src/config.ts';
import { freePort } from '../support/free-port.ts';
import { ObservedApp, PRELOAD } from '../support/observed-app.ts';
import { until } from '../support/poll.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { EXPECTED, type ExpectedRow, RETRIED } from './expected.ts';
import { type Providers, startProviders } from './provider.ts';

const APPS = join(import.meta.dirname, 'apps');
const CLI = join(import.meta.dirname, '..', '..', 'dist', 'cli.js');
const STARTS = [
  { app: 'llm.cjs', flag: '--require' },
  { app: 'llm.mjs', flag: '--require' },
  { app: 'llm.mjs', flag: '--import' },
];

interface Row {
  readonly id: string;
  readonly user_email: string | null;
  readonly provider: string;
  readonly model: string;
  readonly operation: string;
  readonly streaming: boolean;
  readonly prompt_tokens: number | null;
  readonly completion_tokens: number | null;
  readonly cached_tokens: number | null;
  readonly reasoning_tokens: number | null;
  readonly outcome: string;
  readonly usage_source: string;
  readonly usage_mismatch: boolean | null;
  readonly first_token_ms: number | null;
  readonly elapsed_ms: number;
  readonly status_code: number;
  readonly attempt: number;
  readonly trace_id: string;
}

describe('calls of models by the real packages', () => {
  let postgres: TestPostgres;
  let database: PostgresConfig;
  let providers: Providers;
  let collector: ObservedApp;
  let port: string;
  before(async () => {
    [postgres, providers] = await Promise.all([startPostgres(), startProviders()]);
    database = await postgres.createDatabase();
    port = String(await freePort());
    const env = { NERVECENTER_PORT: port, ...database.env };
    collector = new ObservedApp(CLI, { flags: [], args: ['collector'], env });
    await collector.started();
  });
  after(async () => {
    await collector?.stop();
    await providers?.close();
    await postgres?.stop();
  });

  /** Every row there is once there are as many as requests came. */
  async function storedRows(): Promise<Row[]> {
    const select = 'SELECT * FROM enterprise.llm_call_metrics ORDER BY id';
    let rows: Row[] = [];
    await until(
      async () => {
        rows = (await postgres.using(database, (client) => client.query<Row>(select))).rows;
        return rows.length >= providers.received;
      },
      { timeoutMs: 20_000 },
    );
    return rows;
  }

  for (const { app, flag } of STARTS) {
    describe(`${app} with ${flag}`, () => {
      const rows: Row[] = [];
      before(async () => {
        const known = new Set((await storedRows()).map(({ id }) => id));
        const env = { NERVECENTER_PORT: port };
        const args = [String(providers.port), String(providers.http2Port)];
        const child = new ObservedApp(join(APPS, app), {
          flags: [flag, PRELOAD],
          args,
          env,
          dataDir: collector.dataDir,
        });
        assert.deepEqual([await child.end(), child.stdout], [{ code: 0, signal: null }, ''], child.stderr);
        rows.push(...(await storedRows()).filter(({ id }) => !known.has(id)));
      });

      it('makes as many rows as the providers got requests', () => {
        assert.equal(rows.length, Object.keys(EXPECTED).length + 2 * Object.keys(RETRIED).length);
      });

      for (const [name, expected] of Object.entries(EXPECTED)) {
        it(`${name}: one row, and its figures`, () => {
          const [row, ...others] = rows.filter(({ user_email }) => user_email === name);
          assert.ok(row);
          assert.deepEqual(others, []);
          assertRow(row, expected);
        });
      }

      for (const [model, provider] of Object.entries(RETRIED)) {
        it(`${provider} ${model}: refused and tried again, two rows of one trace`, () => {
          const attempts = rows.filter((row) => row.user_email === null && row.model === model);
          attempts.sort((a, b) => a.attempt - b.attempt);
          assert.deepEqual(
            attempts.map((row) => [
              row.provider,
              row.attempt,
              row.status_code,
              row.outcome,
              row.usage_source,
            ]),
            [
              [provider, 0, 429, 'error', 'none'],
              [provider, 1, 200, 'ok', 'provider'],
            ],
          );
          const [first, second] = attempts.map(({ trace_id }) => trace_id);
          assert.equal(first, second);
          assert.equal(rows.filter(({ trace_id }) => trace_id === first).length, 2);
        });
      }
    });
  }
});

function assertRow(row: Row, { tokens, ...expected }: ExpectedRow): void {
  const { provider, model, operation, streaming } = row;
  assert.deepEqual({ provider, model, operation, streaming }, expected);
  assert.deepEqual([row.outcome, row.status_code, row.attempt, row.usage_mismatch], ['ok', 200, 0, null]);
  assert.equal(row.usage_source, tokens === null ? 'none' : 'provider');
  const counts = [row.prompt_tokens, row.completion_tokens, row.cached_tokens, row.reasoning_tokens];
  assert.deepEqual(counts, tokens ?? [null, null, null, null]);
  if (!streaming) assert.equal(row.first_token_ms, null);
  else assert.ok(row.first_token_ms !== null && row.first_token_ms <= row.elapsed_ms);
}

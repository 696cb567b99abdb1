import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import fc from 'fast-check';
import type { ClientBase } from 'pg';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { tokenUsage } from '../../../../src/agent/llm/tokens/raw-usage.ts';
import { reprice } from '../../../../src/collector/sinks/postgres/reprice.ts';
import { migrate } from '../../../../src/collector/sinks/postgres/schema/migrate.ts';
import { HOUR_MS, milliseconds, usd } from '../../../../src/core/units.ts';
import { reachableTempDir, startPostgres, type TestPostgres } from '../../../support/postgres.ts';
import { openHistory } from './history/fixture.ts';
import { ALL, call, DEARER, databaseWith, NOW, pricerOf, repriceWith, today } from './repricing.ts';

let server: TestPostgres;
let folder: string;
beforeAll(async () => {
  server = await startPostgres();
  folder = reachableTempDir();
});
afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

const dearer = () => pricerOf(folder, DEARER);

async function select<T extends object>(client: ClientBase, sql: string): Promise<T[]> {
  return (await client.query<T>(sql)).rows;
}

const marks = (client: ClientBase) =>
  select<{ signal: string; minutes: Date[] }>(client, 'SELECT * FROM enterprise.nervecenter_rollup_pending');

describe('pricing stored calls anew', () => {
  it('changes nothing while prices are the same', async () => {
    const count = fc.nat({ max: 300_000 });
    const usage = fc
      .tuple(count, count, count, count, count, count, count, count)
      .map(
        ([
          inputUncached,
          cacheRead,
          cacheWrite5m,
          cacheWrite1h,
          inputAudio,
          outputText,
          outputReasoning,
          outputAudio,
        ]) =>
          tokenUsage({
            inputUncached,
            cacheRead,
            cacheWrite5m,
            cacheWrite1h,
            inputAudio,
            outputText,
            outputReasoning,
            outputAudio,
          }),
      );
    const models = [
      ['openai', 'gpt-4o'],
      ['openai', 'text-embedding-3-small'],
      ['openai', 'gpt-audio'],
      ['anthropic', 'claude-sonnet-4-5'],
      ['anthropic', 'claude-3-sonnet'],
      ['x_ai', 'grok-4-1'],
      ['gcp.gemini', 'gemini-2.5-flash'],
      ['cohere', 'rerank-v3.5'],
      ['deepseek', 'deepseek-chat'],
      ['openai', 'no-such-model'],
    ] as const;
    const event = fc
      .record({
        which: fc.constantFrom(...models),
        usage: fc.option(usage),
        serviceTier: fc.option(fc.constantFrom('flex', 'default')),
        billedUnits: fc.option(fc.record({ searches: fc.nat({ max: 5 }) })),
        ageMs: fc.nat({ max: 40 * HOUR_MS }),
        reportedCostUsd: fc.option(
          fc.nat({ max: 1e7 }).map((units) => usd(units / 1e7)),
          { freq: 5 },
        ),
      })
      .map(({ which: [provider, model], ageMs, ...fields }) =>
        call({ ...fields, provider, model, serverAddress: null, timeMs: milliseconds(NOW - ageMs) }),
      );
    const [events = []] = fc.sample(fc.array(event, { minLength: 400, maxLength: 400 }), 1);
    const database = await databaseWith(server, events);
    await server.using(database, async (client) => {
      const totals = await repriceWith(client, { batchRowsMax: 150 });
      assert.deepEqual([totals.rows, totals.changed, totals.reached], [400, 0, null]);
      assert.ok(totals.reported > 0 && totals.unpriced > 0);
      assert.equal(totals.beforeUsd, totals.afterUsd);
      assert.deepEqual(await marks(client), []);
    });
  });

  it('follows new prices once, marks the minutes it changed, and leaves what the provider billed', async () => {
    const yesterday = milliseconds(NOW - 24 * HOUR_MS + 1234);
    const database = await databaseWith(server, [
      call(),
      call({ timeMs: yesterday }),
      call({ model: 'gpt-4o-mini' }),
      call({ reportedCostUsd: usd(0.5) }),
      call({ timeMs: milliseconds(NOW - 72 * HOUR_MS) }),
    ]);
    await server.using(database, async (client) => {
      const pricer = dearer();
      const dry = await repriceWith(client, { pricer, dryRun: true });
      assert.deepEqual(await marks(client), []);
      const totals = await repriceWith(client, { pricer });
      assert.deepEqual(dry, totals);
      assert.deepEqual([totals.rows, totals.changed, totals.reported], [4, 2, 1]);
      assert.ok(Math.abs(totals.beforeUsd - (2 * 0.0035 + 0.00021 + 0.5)) < 1e-9, `${totals.beforeUsd}`);
      assert.ok(Math.abs(totals.afterUsd - (2 * 0.2 + 0.00021 + 0.5)) < 1e-9, `${totals.afterUsd}`);
      assert.deepEqual(
        await select(
          client,
          `SELECT cost_usd::float8 AS cost, cost_source AS source, price_version AS version, count(*)::int AS rows
           FROM enterprise.llm_call_metrics GROUP BY 1, 2, 3 ORDER BY 1`,
        ),
        [
          { cost: 0.00021, source: 'table', version: today.version, rows: 1 },
          { cost: 0.0035, source: 'table', version: today.version, rows: 1 },
          { cost: 0.2, source: 'override', version: 'overrides', rows: 2 },
          { cost: 0.5, source: 'provider', version: null, rows: 1 },
        ],
      );
      const [mark, ...others] = await marks(client);
      assert.deepEqual(others, []);
      assert.equal(mark?.signal, 'llm-call');
      assert.deepEqual(
        mark?.minutes.map((minute) => minute.getTime()),
        [NOW - 24 * HOUR_MS, NOW - HOUR_MS],
      );
      assert.equal((await repriceWith(client, { pricer })).changed, 0);
      const back = await repriceWith(client);
      assert.equal(back.changed, 2);
    });
  });

  it('begins with costs that are stored to the last digit, also where the column of the specification cannot', async () => {
    const costs = [0.0000004, 0.001234, 0.0012345678, 12_345.5];
    const database = await databaseWith(
      server,
      costs.map((cost) => call({ reportedCostUsd: usd(cost) })),
    );
    await server.using(database, async (client) => {
      const stored = await select(
        client,
        'SELECT cost_usd, cost_exact_usd FROM enterprise.llm_call_metrics ORDER BY coalesce(cost_exact_usd, cost_usd)',
      );
      assert.deepEqual(stored.map(Object.values), [
        ['0.000000', '0.0000004'],
        ['0.001234', null],
        ['0.001235', '0.0012345678'],
        [null, '12345.5'],
      ]);
    });
  });

  it('prices rows of other writers by the columns they have, and keeps a cost that nobody knows better', async () => {
    const database = await server.createDatabase();
    await server.using(database, async (client) => {
      await migrate(client);
      await client.query(`INSERT INTO enterprise.llm_call_metrics
          (timestamp, provider, model, elapsed_ms, prompt_tokens, completion_tokens, cached_tokens, total_tokens, cost_usd)
        VALUES (now() - interval '1 minute', 'xai', 'grok-4-1', 1, 1000000, 1000000, 500000, 2000000, 18),
          (now() - interval '1 minute', 'xai', 'grok-4-1', 1, NULL, NULL, NULL, 2000000, 9),
          (now() - interval '1 minute', 'acme', 'own', 1, 1000, 1000, NULL, 2000, 7)`);
      await client.query(`INSERT INTO enterprise.llm_call_metrics (timestamp, provider, model, elapsed_ms, outcome)
        VALUES (now() - interval '1 day', 'openai', 'tts-1', 1, 'ok'), (now() - interval '1 day', 'openai', 'tts-1', 1, 'error')`);
      const totals = await repriceWith(client);
      assert.deepEqual([totals.rows, totals.changed, totals.unpriced], [5, 1, 3]);
      assert.deepEqual(
        await select(
          client,
          'SELECT cost_usd::float8 AS cost, cache_savings_usd::float8 AS savings FROM enterprise.llm_call_metrics ORDER BY 1',
        ),
        [
          { cost: 0.625, savings: 0.075 },
          { cost: 7, savings: null },
          { cost: 9, savings: null },
          { cost: null, savings: null },
          { cost: null, savings: null },
        ],
      );
    });
  });

  it('is followed by the rollups', async (test) => {
    const { lend, rollup, sql } = await openHistory(test, server);
    await sql(`INSERT INTO enterprise.llm_call_metrics
        (timestamp, provider, model, elapsed_ms, prompt_tokens, completion_tokens, total_tokens, cost_usd)
      SELECT to_timestamp(${NOW / 1000}) - interval '3 hours', 'openai', 'gpt-4o', 1, 1000000, 0, 1000000, 7
      FROM generate_series(1, 3)`);
    const costs = async () => {
      assert.equal(await rollup(NOW).catchUp(), 'done');
      return sql(`SELECT 'minute' AS per, sum((sums ->> 'cost_usd')::numeric)::float8 AS cost FROM enterprise.rollup_minute
          WHERE signal = 'llm-call' AND dimension = ''
        UNION ALL SELECT 'hour', sum((sums ->> 'cost_usd')::numeric)::float8 FROM enterprise.rollup_hour
          WHERE signal = 'llm-call' AND dimension = '' ORDER BY 1`);
    };
    const both = (cost: number) => [
      { per: 'hour', cost },
      { per: 'minute', cost },
    ];
    assert.deepEqual(await costs(), both(21));
    await lend(async (client) => assert.equal((await repriceWith(client)).changed, 3));
    assert.deepEqual(await costs(), both(7.5));
  });

  it('goes on after an interruption, and reads every row once though many have the same time', async () => {
    const events = Array.from({ length: 30 }, (_, i) =>
      call({ timeMs: milliseconds(NOW - HOUR_MS + (i > 20 ? i : 0)) }),
    );
    const database = await databaseWith(server, events);
    await server.using(database, async (client) => {
      const pricer = dearer();
      let batches = 0;
      const part = await repriceWith(client, { pricer, batchRowsMax: 7, stopped: () => batches++ >= 4 });
      assert.deepEqual([part.rows, part.changed], [28, 28]);
      assert.ok(part.reached !== null);
      const rest = await repriceWith(client, { pricer, fromMs: Date.parse(part.reached) });
      assert.deepEqual([rest.changed, rest.reached], [2, null]);
      assert.equal((await repriceWith(client, { pricer, batchRowsMax: 10 })).rows, 30);
      assert.deepEqual(
        await select(client, 'SELECT DISTINCT cost_usd::float8 AS cost FROM enterprise.llm_call_metrics'),
        [{ cost: 0.2 }],
      );
    });
  });

  it('leaves the batch under way as it was when something fails', async () => {
    const database = await databaseWith(server, [call(), call()]);
    await server.using(database, async (client) => {
      let calls = 0;
      const pricer = dearer();
      const failing = reprice(client, {
        ...ALL,
        dryRun: false,
        stopped: () => false,
        batchRowsMax: 1,
        price(stored) {
          if (++calls === 2) throw new Error('broken');
          return pricer.price(stored);
        },
      });
      await assert.rejects(failing, /broken/);
      const [row] = await select<{ rows: number }>(
        client,
        'SELECT count(*)::int AS rows FROM enterprise.llm_call_metrics WHERE cost_usd = 0.2',
      );
      assert.equal(row?.rows, 1);
      assert.equal((await repriceWith(client, { pricer })).changed, 1);
    });
  });
});

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { Client } from 'pg';
import { afterAll, beforeAll, describe, it } from 'vitest';
import {
  migrate,
  readMigrations,
  rollBack,
} from '../../../../../src/collector/sinks/postgres/schema/migrate.ts';
import { addStatements, totalsStatement } from '../../../../../src/collector/sinks/postgres/totals/add.ts';
import {
  both,
  type Earlier,
  storedEarlier,
  WaitingSum,
} from '../../../../../src/collector/sinks/postgres/totals/earlier.ts';
import type { Point } from '../../../../../src/core/frame.ts';
import { type Measured, mergePoints, toMeasured } from '../../../../../src/core/measured.ts';
import type { Snapshot } from '../../../../../src/core/snapshot.ts';
import { measured } from '../../../../support/measurements.ts';
import { measuredBefore, modelCalls } from '../../../../support/model-calls.ts';
import { startPostgres, type TestPostgres } from '../../../../support/postgres.ts';
import { ClockedLive } from '../../../live/agents.ts';

/** The last migration of the version whose names were others. */
const BEFORE = 17;

/** Of a month ago, of just now, and what was in the spool when the process of the version before ended. */
const calls = modelCalls();
const stored = calls.slice(0, 80);
const late = calls.slice(80, 120);
const spooled = calls.slice(120);

let server: TestPostgres;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.stop());

/** As the version before wrote them into tables and headers. */
function writtenBefore(points: readonly Point[]): Measured {
  return points.map((point) =>
    point.kind === 'histogram'
      ? [
          point.name,
          sorted(point),
          point.count,
          point.sum,
          point.min,
          point.max,
          point.zeroCount,
          point.offset,
          point.counts,
        ]
      : [point.name, sorted(point), point.value],
  );
}

const sorted = ({ attributes }: Point) =>
  Object.fromEntries(Object.entries(attributes).sort(([a], [b]) => (a < b ? -1 : 1)));

/** Totals and window of the version before, of all that is stored; as its writer did. */
async function fillAsBefore(client: Client): Promise<void> {
  await migrate(
    client,
    readMigrations().filter(({ number }) => number <= BEFORE),
  );
  await addAsBefore(client, [...stored, ...late]);
  await client.query('INSERT INTO enterprise.nervecenter_window (at, measured) VALUES (now(), $1)', [
    JSON.stringify(writtenBefore(measuredBefore(late))),
  ]);
}

async function addAsBefore(client: Client, added: typeof calls): Promise<void> {
  const rows = mergePoints(measuredBefore(added)).map((point) => ({
    metric: point.name,
    series: createHash('sha1')
      .update(`${point.name}\0${JSON.stringify(sorted(point))}`)
      .digest('hex'),
    attributes: point.attributes,
    count: point.kind === 'histogram' ? point.count : 0,
    sum: point.kind === 'histogram' ? point.sum : point.value,
    zero_count: point.kind === 'histogram' ? point.zeroCount : 0,
  }));
  await client.query(
    `INSERT INTO enterprise.totals AS total SELECT * FROM jsonb_to_recordset($1)
       AS added(metric text, series text, attributes jsonb, count float8, sum float8, zero_count float8)
     ON CONFLICT (metric, series) DO UPDATE
     SET count = total.count + excluded.count, sum = total.sum + excluded.sum, zero_count = total.zero_count + excluded.zero_count`,
    [JSON.stringify(rows)],
  );
}

/** What a collector of today shows of model calls that finds this. */
function shown(earlier: Earlier): Snapshot['llm'] {
  const clock = new ClockedLive();
  clock.nowMs = Date.now();
  clock.live.addEarlier(earlier);
  const { by_model: models, unpriced_models: unpriced, ...figures } = clock.live.snapshot().llm;
  // Equal ones stand in the order they were found in.
  return { ...figures, by_model: byName(models), unpriced_models: byName(unpriced) };
}

type Named = Readonly<Record<'provider' | 'model', string>>;
const byName = <T extends Named>(models: readonly T[]): T[] =>
  models.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
const keyOf = ({ provider, model }: Named) => `${provider} ${model}`;

/** What it shows of calls that were measured today. */
function expected(...lots: readonly (typeof calls)[]): Snapshot['llm'] {
  const points = lots.map((lot) => measured(lot));
  const window = points.slice(1).map((lot) => ({ atMs: Date.now(), points: lot }));
  return shown({ totals: points.flat(), window, sent: [] });
}

function waiting(header: Measured): Earlier {
  const sum = new WaitingSum(Date.now());
  sum.add({ atMs: Date.now(), measured: header, sent: [] }, false);
  return sum.take();
}

async function inUpgraded(work: (client: Client) => Promise<void>): Promise<void> {
  await server.using(await server.createDatabase(), async (client) => {
    await fillAsBefore(client);
    await migrate(client);
    await work(client);
  });
}

describe('totals of the version before, whose metrics of model calls had other names,', () => {
  it('are all there after the upgrade, and what they show is what was counted', async () => {
    await inUpgraded(async (client) => {
      const figures = shown(await storedEarlier(client));
      assert.deepEqual(figures, expected(stored, late));
      assert.ok(
        figures.total_requests === 120 && figures.tokens_in_total > 10_000 && figures.latency_p95_ms > 0,
      );
    });
  });

  it('are together with what its spool still holds', async () => {
    await inUpgraded(async (client) => {
      const spool = waiting(writtenBefore(measuredBefore(spooled)));
      assert.deepEqual(shown(both(await storedEarlier(client), spool)), expected(stored, late, spooled));
    });
  });

  it('go on under the names of today alone, also when its spool is stored', async () => {
    await inUpgraded(async (client) => {
      const batch = { atMs: Date.now(), measured: writtenBefore(measuredBefore(spooled)), sent: [] };
      await client.query(addStatements([batch], Date.now()));
      assert.deepEqual(shown(await storedEarlier(client)), expected(stored, late, spooled));
      assert.deepEqual(await olderIn(client), []);
    });
  });

  it('are counted when one of that version that still runs adds to them after the upgrade', async () => {
    await inUpgraded(async (client) => {
      await addAsBefore(client, spooled);
      assert.notDeepEqual(await olderIn(client), []);
      const { window, ...rest } = await storedEarlier(client);
      assert.deepEqual(
        shown({ ...rest, window: [...window, ...waiting(toMeasured(measured(spooled))).window] }),
        expected(stored, late, spooled),
      );
    });
  });

  it('add up to the same when the upgrade is undone and done again', async () => {
    await inUpgraded(async (client) => {
      const after = await sums(client);
      await client.query(totalsStatement(measured(spooled)));
      await rollBack(client, BEFORE);
      assert.deepEqual(await modelTokens(client), await tokensOf(calls));
      assert.equal(
        (
          await client.query(
            `SELECT FROM enterprise.totals WHERE metric ~ 'inference.(duration|operation)|embeddings'`,
          )
        ).rowCount,
        0,
      );
      await migrate(client);
      const { window, ...rest } = await storedEarlier(client);
      assert.deepEqual(
        shown({ ...rest, window: [...window, ...waiting(toMeasured(measured(spooled))).window] }),
        expected(stored, late, spooled),
      );
      assert.ok(after > 0 && (await sums(client)) > after);
    });
  });
});

async function olderIn(client: Client): Promise<unknown[]> {
  const { rows } = await client.query(
    `SELECT metric, attributes FROM enterprise.totals
     WHERE metric ~ '^gen_ai.client.(token|operation.time)' OR attributes ? 'gen_ai.token.type'
       OR (metric = 'gen_ai.client.operation.duration' AND attributes->>'gen_ai.operation.name' NOT IN ('rerank', 'speech'))
       OR (metric LIKE 'gen_ai.client.inference.usage.%' AND NOT attributes ? 'gen_ai.token.modality')`,
  );
  return rows as unknown[];
}

/** As the version before reads them. */
async function modelTokens(client: Client): Promise<unknown[]> {
  const { rows } = await client.query(
    `SELECT metric, attributes->>'gen_ai.token.type' AS type, sum(sum) AS sum FROM enterprise.totals
     WHERE metric ~ '^gen_ai.client.(token|inference.usage.(cache_read|reasoning))' GROUP BY 1, 2 ORDER BY 1, 2`,
  );
  return rows as unknown[];
}

async function tokensOf(counted: typeof calls): Promise<unknown[]> {
  return server.using(await server.createDatabase(), async (client) => {
    await migrate(client);
    await client.query('TRUNCATE enterprise.totals');
    await addAsBefore(client, counted);
    return modelTokens(client);
  });
}

async function sums(client: Client): Promise<number> {
  const { rows } = await client.query<{ sum: number }>(
    'SELECT sum(sum) + sum(count) AS sum FROM enterprise.totals',
  );
  return rows[0]?.sum ?? 0;
}

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import type { ClientBase } from 'pg';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { tokenUsage } from '../../../../src/agent/llm/tokens/raw-usage.ts';
import { addStatements } from '../../../../src/collector/sinks/postgres/totals/add.ts';
import { storedEarlier } from '../../../../src/collector/sinks/postgres/totals/earlier.ts';
import type { PostgresConfig } from '../../../../src/config/config.ts';
import type { Attributes } from '../../../../src/core/frame.ts';
import { LLM_CACHE_SAVINGS, LLM_COST, LLM_UNPRICED } from '../../../../src/core/llm/call-instruments.ts';
import { callAttributes } from '../../../../src/core/llm/call-measure.ts';
import { CALL_MODEL } from '../../../../src/core/llm/labels.ts';
import { reachableTempDir, startPostgres, type TestPostgres } from '../../../support/postgres.ts';
import { call, DEARER, databaseWith, pricerOf, repriceWith } from './repricing.ts';

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

const OWN = { own: { input: 1, output: 2 }, 'gpt-4o': { input: 100, output: 1000, cache_read: 50 } };
const dearer = () => pricerOf(folder, DEARER);

/** As the writer does, of a dollar each. */
async function addCalls(database: PostgresConfig, count: number): Promise<void> {
  const attributes = callAttributes(call());
  await server.using(database, async (client) => {
    for (let i = 0; i < count; i++) {
      const measured = [LLM_COST.name, LLM_UNPRICED.name].map((name): [string, Attributes, number] => [
        name,
        attributes,
        name === LLM_COST.name ? 1 : 0,
      ]);
      await client.query(addStatements([{ atMs: 0, measured, sent: [] }], Date.now()));
    }
  });
}

describe('pricing stored calls anew is followed by the totals of a later start,', () => {
  /** Cost and savings in USD, and calls without a price, by model. */
  const shown = async (client: ClientBase) => {
    const figures: Record<string, [cost: number, savings: number, unpriced: number]> = {};
    for (const { name, attributes, ...point } of (await storedEarlier(client)).totals) {
      const at = [LLM_COST.name, LLM_CACHE_SAVINGS.name, LLM_UNPRICED.name].indexOf(name);
      if (at === -1 || !('value' in point)) continue;
      const model = String(attributes[CALL_MODEL]);
      const known = figures[model] ?? [0, 0, 0];
      known[at] = Number(((known[at] ?? 0) + point.value).toFixed(9));
      figures[model] = known;
    }
    return figures;
  };
  const CACHED = tokenUsage({ inputUncached: 1000, cacheRead: 1000, outputText: 100 });

  it('dearer and cheaper, with savings and calls that had no price', async () => {
    const database = await databaseWith(server, [
      call({ usage: CACHED }),
      call({ usage: CACHED, operation: 'responses' }),
      call({ model: 'own' }),
      call({ model: 'no-such-model' }),
      call({ model: 'own', outcome: 'error', usage: null }),
    ]);
    await server.using(database, async (client) => {
      const before = await shown(client);
      await repriceWith(client, { pricer: pricerOf(folder, OWN), dryRun: true });
      assert.deepEqual(await shown(client), before);
      await repriceWith(client, { pricer: pricerOf(folder, OWN) });
      const after = await shown(client);
      assert.deepEqual(after, {
        'gpt-4o': [0.5, 0.1, 0],
        own: [0.0012, 0, 0],
        'no-such-model': [0, 0, 1],
      });
      await repriceWith(client, { pricer: pricerOf(folder, OWN) });
      assert.deepEqual(await shown(client), after);
      await repriceWith(client);
      assert.deepEqual((await shown(client))['gpt-4o'], before['gpt-4o']);
    });
  });

  it('whatever the series is called that the calls are in', async () => {
    const database = await databaseWith(server, [
      call(),
      call({ labels: { model: 'other' } }),
      call({ model: 'gpt-4o-mini' }),
    ]);
    await server.using(database, async (client) => {
      await repriceWith(client, { pricer: dearer() });
      await client.query(
        `UPDATE enterprise.totals SET attributes = attributes - 'gen_ai.operation.name', series = md5(series)
         WHERE attributes ->> '${CALL_MODEL}' = 'gpt-4o'`,
      );
      await repriceWith(client);
      const costs = Object.values(await shown(client)).map(([cost]) => cost);
      const total = costs.reduce((sum, cost) => sum + cost, 0);
      assert.ok(Math.abs(total - (2 * 0.0035 + 0.00021)) < 1e-9, `${total}`);
    });
  });

  it('of the service whose calls they were', async () => {
    const sender = (service: string) => ({ service, instanceId: randomUUID() });
    const [shop, search] = [sender('shop'), sender('search')];
    const database = await databaseWith(server, [
      call({ sender: shop }),
      call({ sender: shop, model: 'gpt-4o-mini' }),
      call({ sender: search }),
      call({ sender: search }),
    ]);
    await server.using(database, async (client) => {
      const costOf = async (service: string) =>
        (await storedEarlier(client)).totals.reduce(
          (sum, point) =>
            point.name === LLM_COST.name && point.sender?.service === service && 'value' in point
              ? sum + point.value
              : sum,
          0,
        );
      const isNear = (value: number, expected: number) =>
        assert.ok(Math.abs(value - expected) < 1e-9, `${value} is not ${expected}`);
      isNear(await costOf('shop'), 0.0035 + 0.00021);
      await repriceWith(client, { pricer: dearer() });
      isNear(await costOf('shop'), 0.2 + 0.00021);
      isNear(await costOf('search'), 2 * 0.2);
      await repriceWith(client);
      isNear(await costOf('shop'), 0.0035 + 0.00021);
      isNear(await costOf('search'), 2 * 0.0035);
    });
  });

  it('without the calls that no total counts', async () => {
    const database = await databaseWith(server, []);
    await server.using(database, async (client) => {
      await client.query(`INSERT INTO enterprise.llm_call_metrics (timestamp, provider, model, elapsed_ms, prompt_tokens)
        VALUES (now() + interval '1 minute', 'openai', 'gpt-4o', 1, 1000)`);
      assert.equal((await repriceWith(client)).changed, 1);
      assert.deepEqual(await shown(client), {});
    });
  });

  it('once, though two do it at once, while others are counted', async () => {
    const database = await databaseWith(
      server,
      Array.from({ length: 40 }, () => call()),
    );
    const pricer = dearer();
    const repriceAtOnce = () =>
      server.using(database, (client) => repriceWith(client, { pricer, batchRowsMax: 7 }));
    await Promise.all([repriceAtOnce(), repriceAtOnce(), addCalls(database, 50)]);
    await server.using(database, async (client) => {
      assert.deepEqual(await shown(client), { 'gpt-4o': [Number((40 * 0.2 + 50).toFixed(9)), 0, 0] });
    });
  });
});

import assert from 'node:assert/strict';
import { afterAll, beforeAll, it } from 'vitest';
import { migrate } from '../../../../../src/collector/sinks/postgres/schema/migrate.ts';
import { totalsStatement } from '../../../../../src/collector/sinks/postgres/totals/add.ts';
import { storedEarlier } from '../../../../../src/collector/sinks/postgres/totals/earlier.ts';
import { foldTotals } from '../../../../../src/collector/sinks/postgres/totals/fold.ts';
import type { Point } from '../../../../../src/core/frame.ts';
import { LLM_COST, LLM_INFERENCE_DURATION } from '../../../../../src/core/llm/call-instruments.ts';
import { startPostgres, type TestPostgres } from '../../../../support/postgres.ts';
import { histogramOf, pointOf } from '../../../live/agents.ts';

const MODELS = 300;
const MAX = 100;
const LATER =
  'INSERT INTO enterprise.totals (metric, series, attributes, count, sum, zero_count) ' +
  `SELECT 'of.a.later.version', i::text, '{}', 1, 1, 0 FROM generate_series(1, ${MODELS}) AS i`;

let server: TestPostgres;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.stop());

const MODEL = 'gen_ai.request.model';
const sender = (i: number) => ({ service: i % 2 === 0 ? 'even' : 'odd', instanceId: '' });
const attributes = (i: number) => ({ 'gen_ai.provider.name': 'p', [MODEL]: `m${i}` });
const points = Array.from({ length: MODELS }, (_, i): Point[] => [
  { ...pointOf(LLM_COST, i + 1, attributes(i)), sender: sender(i) },
  {
    ...histogramOf(LLM_INFERENCE_DURATION, new Array<number>(i + 1).fill(0.5), attributes(i)),
    sender: sender(i),
  },
]).flat();

function sums(totals: readonly Point[]): Readonly<Record<string, number>> {
  const sum: Record<string, number> = {};
  for (const point of totals) {
    const key = `${point.name} ${point.sender?.service}`;
    sum[key] = (sum[key] ?? 0) + (point.kind === 'histogram' ? point.count : point.value);
  }
  return sum;
}

it('folds the smallest series of a metric that has too many, and keeps what each service has of it', async () => {
  const database = await server.createDatabase();
  await server.using(database, async (client) => {
    await migrate(client);
    await client.query(totalsStatement(points));
    await client.query(LATER);
    const before = sums((await storedEarlier(client)).totals);
    assert.equal(await foldTotals(client), 0, 'there is room');
    assert.equal(await foldTotals(client, MAX), 2 * (MODELS - MAX));
    const { totals } = await storedEarlier(client);
    assert.deepEqual(sums(totals), before);
    const costs = totals.filter(({ name }) => name === LLM_COST.name);
    assert.equal(costs.length, MAX + 2);
    const models = new Set(costs.map((point) => point.attributes[MODEL]));
    assert.deepEqual([models.has('m299'), models.has('m0'), models.has('other')], [true, false, true]);
    const { rows } = await client.query(
      "SELECT count(*)::int AS n FROM enterprise.totals WHERE metric LIKE 'of.a%'",
    );
    assert.equal(rows[0]?.n, MODELS);
  });
});

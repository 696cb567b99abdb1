import assert from 'node:assert/strict';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { FirstRow } from '../../../../../src/collector/sinks/postgres/history/first-row.ts';
import { DAY_MS } from '../../../../../src/core/units.ts';
import { startPostgres, type TestPostgres } from '../../../../support/postgres.ts';
import { NOW, openHistory } from './fixture.ts';

let server: TestPostgres;

beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.stop());

describe('what an answer says of its time', () => {
  const SECOND = 1000;
  const at = (ms: number) => new Date(ms).toISOString();

  it('is since when there are rows of any signal, and nothing where there are none', async (test) => {
    const young = await openHistory(test, server);
    const ask = (parameters: Record<string, string> = {}) =>
      young.history({ signal: 'request', measure: 'count', from: '-24h', ...parameters });
    assert.equal((await ask()).first_row, undefined);
    await young.sql(
      `INSERT INTO enterprise.cache_metrics (timestamp, cache_type, hits, misses) VALUES ($1, 'rag', 1, 1)`,
      [new Date(NOW - 90 * SECOND)],
    );
    const again = new FirstRow();
    assert.equal(await young.lend((client) => again.read(client, NOW)), NOW - 90 * SECOND);
    await young.sql(
      `INSERT INTO enterprise.request_metrics (timestamp, endpoint, method, status_code, response_time_ms)
      VALUES ($1, '/late', 'GET', 200, 1)`,
      [new Date(NOW - 100 * SECOND)],
    );
    assert.equal(await young.lend((client) => again.read(client, NOW + 59 * SECOND)), NOW - 90 * SECOND);
    assert.equal(await young.lend((client) => again.read(client, NOW + 60 * SECOND)), NOW - 100 * SECOND);
  });

  it('is of rolled up days, where their rows are gone', async (test) => {
    const old = await openHistory(test, server);
    const add = (ms: number) =>
      old.sql(
        `INSERT INTO enterprise.request_metrics (timestamp, endpoint, method, status_code, response_time_ms)
        VALUES ($1, '/ask', 'GET', 200, 1)`,
        [new Date(ms)],
      );
    await add(NOW - 40 * DAY_MS);
    await add(NOW - 2 * DAY_MS);
    assert.equal(await old.rollup().catchUp(), 'done');
    await old.sql('DELETE FROM enterprise.request_metrics WHERE timestamp < $1', [
      new Date(NOW - 10 * DAY_MS),
    ]);
    const { first_row } = await old.history({ signal: 'llm-call', measure: 'count' });
    assert.equal(first_row, at(Math.floor((NOW - 40 * DAY_MS) / DAY_MS) * DAY_MS));
  });

  it('is where the step under way begins, and nothing where all are over', async (test) => {
    const store = await openHistory(test, server);
    const ask = (parameters: Record<string, string>) =>
      store.history({ signal: 'request', measure: 'count', from: '-1h', step: '1m', ...parameters });
    const minute = Math.floor(NOW / 60_000) * 60_000;
    assert.equal((await ask({})).partial_from, at(minute));
    assert.equal((await ask({ to: at(NOW + 300_000) })).partial_from, at(minute));
    for (const over of [
      { to: at(minute) },
      { step: 'all' },
      { from: at(NOW + 60_000), to: at(NOW + 120_000) },
    ])
      assert.equal((await ask(over)).partial_from, undefined);
    const values = { signal: 'system', measure: 'value', metric: 'cpu_percent' };
    assert.equal((await ask(values)).partial_from, undefined, 'values as they are are not of steps');
  });

  it('is a rate over the time that was watched', async (test) => {
    const young = await openHistory(test, server);
    await young.sql(
      `INSERT INTO enterprise.request_metrics (timestamp, endpoint, method, status_code, response_time_ms)
      SELECT to_timestamp($1::float8 / 1000) - i * interval '0.5 s', '/ask', 'GET', 200, 1 FROM generate_series(1, 120) AS i`,
      [NOW],
    );
    const rate = async (parameters: Record<string, string>) => {
      const { series } = await young.history({
        signal: 'request',
        measure: 'rate',
        from: '-24h',
        ...parameters,
      });
      return series[0]?.points ?? [];
    };
    assert.deepEqual(await rate({ step: 'all' }), [[NOW - DAY_MS, 2]]);
    const steps = await rate({ step: '1h' });
    assert.equal(steps.at(-1)?.[1], 2);
    assert.ok(steps.slice(0, -1).every(([, value]) => value === 0));
  });
});

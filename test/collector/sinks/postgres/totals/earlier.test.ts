import assert from 'node:assert/strict';
import { afterAll, beforeAll, it } from 'vitest';
import { migrate } from '../../../../../src/collector/sinks/postgres/schema/migrate.ts';
import { storedEarlier } from '../../../../../src/collector/sinks/postgres/totals/earlier.ts';
import { startPostgres, type TestPostgres } from '../../../../support/postgres.ts';

const SENDERS = 1000;
const MAX = 100;

let server: TestPostgres;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.stop());

it('of too many senders the latest are read, the latest last, wherever they are in the table', async () => {
  await server.using(await server.createDatabase(), async (client) => {
    await migrate(client);
    // In no order of time: 7 and 1,000 have no common divisor.
    await client.query(
      `INSERT INTO enterprise.nervecenter_senders (instance_id, batch, seen_at)
       SELECT gen_random_uuid(), place, now() - place * interval '1 second'
       FROM (SELECT n * 7 % $1 + 1 AS place FROM generate_series(1, $1::int) AS n) AS places`,
      [SENDERS],
    );
    const { sent } = await storedEarlier(client, MAX);
    assert.deepEqual(
      sent.map(([, batch]) => batch),
      Array.from({ length: MAX }, (_, index) => MAX - index),
    );
    assert.equal((await storedEarlier(client)).sent.length, SENDERS);
  });
});

import assert from 'node:assert/strict';
import { afterAll, afterEach, beforeAll, test, vi } from 'vitest';
import { until } from '../../../../support/poll.ts';
import { startPostgres, type TestPostgres } from '../../../../support/postgres.ts';
import { assertConserved, Producer, type ProducerOptions } from './producer.ts';
import { startProxy } from './proxy.ts';

const CUTS = 200;
const PATIENCE_MS = 90_000;
/** A batch of 500 rows with everything around it. */
const BATCH_BYTES = 90_000;

let server: TestPostgres;
let producers: Producer[] = [];

beforeAll(async () => {
  server = await startPostgres();
});
afterEach(async () => {
  for (const producer of producers) await producer.close();
  producers = [];
});
afterAll(() => server.stop());

async function producing(options: ProducerOptions): Promise<Producer> {
  const producer = new Producer(options);
  producers.push(producer);
  await producer.storage.start();
  return producer;
}

test(`the connection is cut ${CUTS} times at random points, most within COPY: nothing lost, nothing twice`, async () => {
  const database = await server.createDatabase();
  // The first connection migrates; it is left in peace.
  let allowance = () => Number.POSITIVE_INFINITY;
  const proxy = await startProxy(server, database, () => allowance());
  try {
    const producer = await producing({ database: proxy.database });
    allowance = () => Math.random() * BATCH_BYTES;
    await server.using(database, (client) =>
      client.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'nervecenter'`,
      ),
    );
    await until(
      async () => {
        if (producer.waiting < 1000) producer.produce(500);
        await producer.storage.flush(20);
        producer.check();
        return proxy.cuts >= CUTS;
      },
      { timeoutMs: PATIENCE_MS },
    );
    allowance = () => Number.POSITIVE_INFINITY;
    await producer.settled();
    await assertConserved(server, database, producer);
    assert.equal(producer.dropped, 0);
    assert.equal(producer.acknowledged, producer.produced.length);
  } finally {
    await proxy.stop();
  }
});

test('the server rejects 70 % of the statements: nothing lost, nothing twice', async () => {
  const database = await server.createDatabase();
  const producer = await producing({ database });
  await server.using(database, (client) =>
    client.query(`
      CREATE SEQUENCE enterprise.rejected;
      GRANT ALL ON SEQUENCE enterprise.rejected TO PUBLIC;
      CREATE FUNCTION enterprise.reject() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF random() < 0.7 THEN
          PERFORM nextval('enterprise.rejected');
          RAISE EXCEPTION 'not now' USING ERRCODE = '53200';
        END IF;
        RETURN NULL;
      END $$;
      CREATE TRIGGER reject BEFORE INSERT ON enterprise.nervecenter_batches FOR EACH STATEMENT EXECUTE FUNCTION enterprise.reject();
      CREATE TRIGGER reject AFTER INSERT ON enterprise.request_metrics FOR EACH STATEMENT EXECUTE FUNCTION enterprise.reject();`),
  );
  for (let batch = 0; batch < 10; batch++) {
    producer.produce(300);
    await producer.storage.flush(20);
  }
  await producer.settled();
  await assertConserved(server, database, producer);
  assert.equal(producer.dropped, 0);
  const rejected = await server.using(database, async (client) => {
    const { rows } = await client.query('SELECT last_value::int AS count FROM enterprise.rejected');
    return rows[0].count as number;
  });
  assert.ok(rejected >= 3, `${rejected} statements rejected`);
});

test('statements that time out are sent again', async () => {
  const database = await server.createDatabase();
  const producer = await producing({ database, statementTimeoutMs: 50 });
  await server.using(database, async (client) => {
    await client.query('BEGIN; LOCK TABLE enterprise.request_metrics');
    producer.produce(2500);
    await until(() => producer.lines.some((line) => line.includes('statement timeout')));
    producer.check();
    assert.equal(producer.storage.counts().stored, 0);
    await client.query('COMMIT');
  });
  await producer.settled();
  await assertConserved(server, database, producer);
  assert.equal(producer.dropped, 0);
});

test('two collectors on one database store what each was given', async () => {
  const database = await server.createDatabase();
  const both = [await producing({ database }), await producing({ database })];
  for (let turn = 0; turn < 10; turn++) for (const producer of both) producer.produce(500);
  for (const producer of both) await producer.settled();
  await assertConserved(server, database, ...both);
  assert.equal(both[0]?.storage.counts().stored, 5000);
});

test('two collectors in one data directory have a spool each', async () => {
  const database = await server.createDatabase();
  const first = await producing({ database });
  const second = await producing({ database, dataDir: first.dataDir });
  for (const producer of [first, second]) producer.produce(700);
  for (const producer of [first, second]) await producer.settled();
  await assertConserved(server, database, first, second);
  assert.equal(first.dropped + second.dropped, 0);
});

test('what two collectors left in one data directory is stored by the one that starts again', async () => {
  const database = await server.createDatabase();
  let allowance = 0;
  const proxy = await startProxy(server, database, () => allowance);
  try {
    const first = await producing({ database: proxy.database });
    const { dataDir } = first;
    const second = await producing({ database: proxy.database, dataDir });
    for (const producer of [first, second]) {
      producer.produce(700);
      await until(() => producer.acknowledged === 700);
      await producer.storage.shutdown(2000);
    }
    allowance = Number.POSITIVE_INFINITY;
    const third = await producing({ database: proxy.database, dataDir });
    await third.settled();
    assert.equal(third.storage.counts().accepted, 1400);
    await assertConserved(server, database, first, second, third);
    assert.equal(first.dropped + second.dropped + third.dropped, 0);
  } finally {
    await proxy.stop();
  }
});

test('the clock is set back an hour: nothing lost, nothing twice', async (context) => {
  const database = await server.createDatabase();
  const producer = await producing({ database });
  producer.produce(1500);
  await producer.storage.flush(1000);
  const now = Date.now;
  const spy = vi.spyOn(Date, 'now').mockImplementation(() => now() - 3_600_000);
  context.onTestFinished(() => spy.mockRestore());
  producer.produce(1500);
  await producer.settled();
  await assertConserved(server, database, producer);
  assert.equal(producer.dropped, 0);
});

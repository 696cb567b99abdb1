import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Client } from 'pg';
import { afterAll, afterEach, beforeAll, test } from 'vitest';
import { type Batch, encodeEvents } from '../../../../../src/collector/sinks/postgres/spool/batch.ts';
import { Spool } from '../../../../../src/collector/sinks/postgres/spool/spool.ts';
import type { Intake } from '../../../../../src/collector/sinks/postgres/write/intake.ts';
import { RowCounts } from '../../../../../src/collector/sinks/postgres/write/row-counts.ts';
import { Transfer } from '../../../../../src/collector/sinks/postgres/write/transfer.ts';
import { storeBatches } from '../../../../../src/collector/sinks/postgres/write/writer.ts';
import type { PostgresConfig } from '../../../../../src/config/config.ts';
import type { NervecenterEvent } from '../../../../../src/core/signals/index.ts';
import { MIB } from '../../../../../src/core/units.ts';
import { until } from '../../../../support/poll.ts';
import { poolOf, startPostgres, type TestPostgres } from '../../../../support/postgres.ts';
import { oneOfEach, requestEvent, requestEvents } from '../events.ts';
import { assertConserved, Producer, type ProducerOptions } from './producer.ts';
import { startProxy } from './proxy.ts';

const PATIENCE_MS = 60_000;
const ROWS = 20;
const CHILD = join(import.meta.dirname, 'collector-child.ts');
/** Statements on the rows of this many batches in one transaction are stopped in the tests. */
const GROUP = 4;
const LOCK = 42;

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

function batchesOf(events: readonly (readonly NervecenterEvent[])[], writer: string = randomUUID()): Batch[] {
  return events.map((own, index) => ({ writer, seq: index + 1, ...encodeEvents(own) }));
}

/** A storage that finds batches in its spool which a killed one left there; the schema is there, too. */
async function withBacklog(count: number, options: ProducerOptions): Promise<Producer> {
  const { database } = options;
  const migrated = new Producer({ database });
  await migrated.storage.start();
  await migrated.close();
  const producer = new Producer(options);
  producers.push(producer);
  const batches = batchesOf(
    Array.from({ length: count }, (_, at) => {
      const events = Array.from({ length: ROWS }, (_, n) => requestEvent({ route: `/${at * ROWS + n}` }));
      producer.produced.push(...events.map(({ id }) => id));
      return events;
    }),
  );
  const directory = join(producer.dataDir, 'spool');
  const spool = await Spool.open({ directory, maxBytes: 64 * MIB, onLost: () => {} });
  for (const one of batches) await spool.append(one, () => {});
  await spool.close();
  return producer;
}

/** Has transactions of several batches do something once their rows are written. */
async function inGroups(client: Client, work: string): Promise<void> {
  await client.query(`
    CREATE FUNCTION enterprise.in_group() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      IF (SELECT count(*) FROM enterprise.nervecenter_batches WHERE xmin = pg_current_xact_id()::xid) >= ${GROUP} THEN
        PERFORM ${work};
      END IF;
      RETURN NULL;
    END $$;
    CREATE TRIGGER in_group AFTER INSERT ON enterprise.request_metrics FOR EACH STATEMENT EXECUTE FUNCTION enterprise.in_group();`);
}

/** Whoever stores several batches waits, within the transaction, until `release`. */
async function held(
  database: PostgresConfig,
  work: (client: Client, waiting: () => Promise<number>) => Promise<void>,
) {
  await server.using(database, async (client) => {
    await inGroups(client, `pg_advisory_xact_lock(${LOCK})`);
    await client.query(`SELECT pg_advisory_lock(${LOCK})`);
    await work(client, async () => {
      const { rows } = await client.query<{ pid: number }>(
        `SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = ${LOCK} AND NOT granted`,
      );
      return rows[0]?.pid ?? 0;
    });
    await client.query(`SELECT pg_advisory_unlock(${LOCK})`);
  });
}

async function routes(database: PostgresConfig): Promise<string[]> {
  return server.using(database, async (client) => {
    const { rows } = await client.query<{ endpoint: string }>(
      'SELECT endpoint FROM enterprise.request_metrics ORDER BY tableoid, ctid',
    );
    return rows.map(({ endpoint }) => endpoint);
  });
}

test('a backlog is stored in few transactions, in order, with one line each in the ledger', async () => {
  const database = await server.createDatabase();
  const producer = await withBacklog(50, { database });
  await producer.storage.start();
  await producer.settled();
  await assertConserved(server, database, producer);
  assert.deepEqual(
    await routes(database),
    Array.from({ length: 50 * ROWS }, (_, n) => `/${n}`),
  );
  const transactions = await server.using(database, async (client) => {
    const { rows } = await client.query<{ batches: number }>(
      'SELECT count(*)::int AS batches FROM enterprise.nervecenter_batches GROUP BY xmin::text ORDER BY min(seq)',
    );
    return rows.map(({ batches }) => batches);
  });
  assert.ok(transactions.length <= 25 && Math.max(...transactions) <= 16, `${transactions}`);
  assert.equal(
    transactions.reduce((sum, batches) => sum + batches, 0),
    50,
  );
});

test('of a group the batches that the ledger knows, and those that are there twice, are left out; every signal is marked once', async () => {
  const database = await server.createDatabase();
  await withBacklog(0, { database });
  const pool = poolOf(database);
  try {
    const events = [oneOfEach(), requestEvents(3), oneOfEach(), oneOfEach(), requestEvents(2)];
    const batches = batchesOf(events);
    for (const at of [1, 3]) await storeBatches(pool, [batches[at] as Batch]);
    await pool.query('TRUNCATE enterprise.nervecenter_rollup_pending');
    assert.deepEqual(await storeBatches(pool, [...batches.slice(0, 1), ...batches]), []);
    const { rows: marks } = await pool.query('SELECT signal FROM enterprise.nervecenter_rollup_pending');
    assert.equal(marks.length, new Set(events.flat().map(({ signal }) => signal)).size);
    assert.deepEqual(await storeBatches(pool, batches), []);
    const stored = await pool.query<{ id: string }>(
      'SELECT id FROM enterprise.request_metrics UNION ALL SELECT id FROM enterprise.ws_session_metrics',
    );
    const expected = events.flat().filter(({ signal }) => signal === 'request' || signal === 'ws-session');
    assert.deepEqual(stored.rows.map(({ id }) => id).sort(), expected.map(({ id }) => id).sort());
  } finally {
    await pool.end();
  }
});

test('new batches are not asked for; where the ledger knows one after all, the others are stored, each once', async () => {
  const database = await server.createDatabase();
  await withBacklog(0, { database });
  const pool = poolOf(database);
  try {
    const events = [requestEvents(2), requestEvents(3), requestEvents(4)];
    const batches = batchesOf(events);
    await storeBatches(pool, [batches[1] as Batch]);
    const counts = async () => {
      const { rows } = await pool.query<{ rows: number; batches: number }>(
        'SELECT (SELECT count(*) FROM enterprise.request_metrics)::int AS rows, (SELECT count(*) FROM enterprise.nervecenter_batches)::int AS batches',
      );
      return rows[0];
    };
    assert.equal(await storeBatches(pool, batches, { areNew: true }), null);
    assert.deepEqual(await counts(), { rows: 3, batches: 1 });
    for (const batch of batches) assert.deepEqual(await storeBatches(pool, [batch], { areNew: true }), []);
    assert.deepEqual(await counts(), { rows: 9, batches: 3 });
    const others = batchesOf([requestEvents(4), requestEvents(5)]);
    // Twice on a disk that failed.
    assert.equal(await storeBatches(pool, [...others, ...others.slice(1)], { areNew: true }), null);
    assert.deepEqual(await counts(), { rows: 9, batches: 3 });
    assert.deepEqual(await storeBatches(pool, others, { areNew: true }), []);
    assert.deepEqual(await counts(), { rows: 18, batches: 5 });
  } finally {
    await pool.end();
  }
});

test('a new batch that begins with what it takes back stores what comes in its place', async () => {
  const database = await server.createDatabase();
  await withBacklog(0, { database });
  const pool = poolOf(database);
  try {
    const [first, second, third] = [
      requestEvent({ route: '/a' }),
      requestEvent({ route: '/b' }),
      requestEvent({}),
    ];
    const takenBack = (event: NervecenterEvent) => ({ ...event, retractsMs: event.timeMs });
    const replaced = { ...first, route: '/now' };
    const batches = batchesOf([[first, second], [takenBack(first), replaced, third], [takenBack(second)]]);
    for (const group of [batches.slice(0, 1), batches.slice(1)])
      assert.deepEqual(await storeBatches(pool, group, { areNew: true }), []);
    const { rows } = await pool.query<{ id: string; endpoint: string }>(
      'SELECT id, endpoint FROM enterprise.request_metrics ORDER BY endpoint = $1',
      [replaced.route],
    );
    assert.deepEqual(
      rows.map(({ id }) => id),
      [third.id, replaced.id],
    );
    assert.equal(rows[1]?.endpoint, replaced.route);
    const ledger = await pool.query('SELECT FROM enterprise.nervecenter_batches');
    assert.equal(ledger.rowCount, batches.length);
  } finally {
    await pool.end();
  }
});

test('only what this process made and has not sent yet is new', async () => {
  const database = await server.createDatabase();
  await withBacklog(0, { database });
  const pool = poolOf(database);
  const asked: string[] = [];
  pool.on('connect', (client) => {
    const query = client.query.bind(client) as (...sent: unknown[]) => unknown;
    const noting = (...sent: unknown[]) => {
      asked.push((sent[0] as { text?: string }).text ?? '');
      return query(...sent);
    };
    Object.assign(client, { query: noting });
  });
  const writer = randomUUID();
  let next: readonly Batch[] = [];
  const intake = { writer, take: async () => next, settled: async () => {}, putBack: () => {} };
  const transfer = new Transfer(intake as unknown as Intake, new RowCounts(() => {}), {
    countsAlready: () => false,
    show: () => {},
  });
  const asksFirst = async (...batches: readonly (Batch | undefined)[]) => {
    next = batches.filter((batch) => batch !== undefined);
    asked.length = 0;
    await transfer.next(pool);
    return asked.some((text) => text.includes('ON CONFLICT'));
  };
  try {
    const own = batchesOf([requestEvents(1), requestEvents(1), requestEvents(1), requestEvents(1)], writer);
    const [other] = batchesOf([requestEvents(1)]);
    assert.equal(await asksFirst(own[0], own[1]), false);
    assert.equal(await asksFirst(own[1]), true);
    assert.equal(await asksFirst(other), true);
    assert.equal(await asksFirst(own[1], own[2]), true);
    assert.equal(await asksFirst(own[3]), false);
    const { rows } = await pool.query('SELECT FROM enterprise.request_metrics');
    assert.equal(rows.length, 5);
  } finally {
    await pool.end();
  }
});

test('a row that its table refuses leaves nothing of its group, and alone it is the only one dropped', async () => {
  const database = await server.createDatabase();
  const producer = await withBacklog(20, { database });
  const pool = poolOf(database);
  try {
    await pool.query(`ALTER TABLE enterprise.request_metrics ADD CHECK (endpoint NOT IN ('/133', '/390'))`);
    const bad = batchesOf([requestEvents(2), [requestEvent({ route: '/133' })], requestEvents(2)]);
    for (const areNew of [false, true]) {
      assert.equal(await storeBatches(pool, bad, { areNew }), null);
      const { rows } = await pool.query('SELECT FROM enterprise.nervecenter_batches');
      assert.equal(rows.length, 0);
    }
  } finally {
    await pool.end();
  }
  await producer.storage.start();
  await producer.settled();
  await assertConserved(server, database, producer);
  assert.deepEqual(producer.storage.counts().dropped, { rejected: 2 });
  assert.equal(producer.storage.state, 'ok');
});

test('a group that times out is sent again in smaller ones', async () => {
  const database = await server.createDatabase();
  const producer = await withBacklog(20, { database, statementTimeoutMs: 100 });
  await server.using(database, (client) => inGroups(client, 'pg_sleep(30)'));
  await producer.storage.start();
  await producer.settled();
  await assertConserved(server, database, producer);
  assert.equal(producer.dropped, 0);
  assert.ok(producer.lines.some((line) => line.includes('statement timeout')));
});

test('the connection breaks in the middle of a group: nothing lost, nothing twice', async () => {
  const database = await server.createDatabase();
  const producer = await withBacklog(20, { database });
  await held(database, async (client, waiting) => {
    await producer.storage.start();
    const pid = await until(waiting, { timeoutMs: PATIENCE_MS });
    producer.check();
    assert.ok(producer.storage.counts().inFlight >= GROUP * ROWS);
    await client.query('SELECT pg_terminate_backend($1)', [pid]);
    await until(() => producer.storage.state === 'down' || producer.storage.counts().inFlight < GROUP * ROWS);
    producer.check();
  });
  await producer.settled();
  await assertConserved(server, database, producer);
  assert.equal(producer.dropped, 0);
});

test('connections cut at random points of a backlog: nothing lost, nothing twice', async () => {
  const database = await server.createDatabase();
  let allowance = () => Number.POSITIVE_INFINITY;
  const proxy = await startProxy(server, database, () => allowance());
  try {
    const producer = await withBacklog(300, { database: proxy.database });
    allowance = () => Math.random() * 100_000;
    await producer.storage.start();
    await until(() => proxy.cuts > 0 || producer.waiting === 0, { timeoutMs: PATIENCE_MS });
    await producer.settled();
    await assertConserved(server, database, producer);
    assert.equal(producer.dropped, 0);
    assert.ok(proxy.cuts >= 5, `${proxy.cuts} cuts`);
  } finally {
    await proxy.stop();
  }
});

test('the collector is killed in the middle of a group: nothing lost, nothing twice', async () => {
  const database = await server.createDatabase();
  const producer = await withBacklog(20, { database });
  await held(database, async (_, waiting) => {
    const child: ChildProcess = spawn(
      process.execPath,
      [CHILD, JSON.stringify(database), 'killed', producer.dataDir],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    );
    const exited = once(child, 'exit');
    try {
      await until(waiting, { timeoutMs: PATIENCE_MS });
    } finally {
      child.kill('SIGKILL');
    }
    await exited;
  });
  await producer.storage.start();
  await producer.settled();
  const own = await routes(database);
  const backlog = own.filter((route) => !route.startsWith('/killed/'));
  assert.deepEqual(
    backlog.sort(),
    Array.from({ length: 20 * ROWS }, (_, n) => `/${n}`).sort(),
    'what waited is there, once',
  );
  assert.equal(new Set(own).size, own.length, 'and nothing of what came beside it is there twice');
});

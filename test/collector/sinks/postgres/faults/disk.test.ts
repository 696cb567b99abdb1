import assert from 'node:assert/strict';
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, test } from 'vitest';
import { type Batch, encodeEvents } from '../../../../../src/collector/sinks/postgres/spool/batch.ts';
import { recordBytes } from '../../../../../src/collector/sinks/postgres/spool/record.ts';
import { Spool } from '../../../../../src/collector/sinks/postgres/spool/spool.ts';
import { storeBatches } from '../../../../../src/collector/sinks/postgres/write/writer.ts';
import { until } from '../../../../support/poll.ts';
import { poolOf, reachableTempDir, startPostgres, type TestPostgres } from '../../../../support/postgres.ts';
import { requestEvent, requestEvents } from '../events.ts';
import { Disk } from './disk.ts';
import { assertConserved, Producer } from './producer.ts';

const PATIENCE_MS = 60_000;
const WRITER = '01234567-89ab-4def-8123-456789abcdef';

let server: TestPostgres;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.stop());

for (const fails of [
  { code: 'ENOSPC', at: 'writev' },
  { code: 'EIO', at: 'datasync' },
  { code: 'EROFS', at: 'open' },
  { code: 'EACCES', at: 'open' },
] as const) {
  test(`${fails.code} on ${fails.at}: memory serves meanwhile, and the disk again when it can`, async () => {
    const database = await server.createDatabase();
    const disk = new Disk();
    const producer = new Producer({ database, spoolFiles: disk.files });
    try {
      await producer.storage.start();
      producer.produce(500);
      await producer.settled();
      if (fails.at === 'open') {
        // The segment in use is given up first.
        disk.fails = { code: fails.code, at: 'writev' };
        producer.produce(10);
        await until(() => !producer.storage.durable);
      }
      disk.fails = fails;
      for (let turn = 0; turn < 5; turn++) producer.produce(700);
      await until(() => !producer.storage.durable, { timeoutMs: PATIENCE_MS });
      await until(() => producer.acknowledged === producer.produced.length, { timeoutMs: PATIENCE_MS });
      await producer.settled();
      assert.equal(producer.storage.durable, false);
      disk.fails = null;
      await until(
        async () => {
          producer.produce(10);
          await producer.storage.flush(50);
          return producer.storage.durable;
        },
        { timeoutMs: PATIENCE_MS },
      );
      await producer.settled();
      await assertConserved(server, database, producer);
      assert.equal(producer.dropped, 0);
      assert.equal(producer.lines.filter((line) => line.includes('wait in memory')).length, 1);
      assert.equal(producer.lines.filter((line) => line.includes('can be used again')).length, 1);
    } finally {
      await producer.close();
    }
  });
}

test('disk and database both gone: memory is bounded, the oldest go, counted', async () => {
  const database = await server.createDatabase();
  const disk = new Disk();
  const producer = new Producer({ database, spoolFiles: disk.files, queueMaxBytes: 400_000 });
  try {
    await producer.storage.start();
    await server.halt();
    disk.fails = { code: 'ENOSPC', at: 'open' };
    for (let turn = 0; turn < 20; turn++) producer.produce(300);
    await until(() => !producer.storage.durable, { timeoutMs: PATIENCE_MS });
    producer.check();
    assert.ok((producer.storage.counts().dropped['queue_full'] ?? 0) > 3000);
    disk.fails = null;
    await server.resume();
    await producer.settled();
    await assertConserved(server, database, producer);
    assert.ok(producer.storage.durable);
    const lines = producer.lines.filter((line) => /is full; dropping|has room again/.test(line));
    assert.equal(lines.length, 2, 'one line when dropping begins, one when it ends');
  } finally {
    await producer.close();
  }
});

test('what has arrived is in the spool before it is synchronised, so a killed process leaves it', async () => {
  const disk = new Disk();
  const { promise, resolve: synchronise } = Promise.withResolvers<void>();
  disk.synchronising = promise;
  const producer = new Producer({
    database: { connectionString: 'postgres://u@127.0.0.1:1/d', env: {} },
    spoolFiles: disk.files,
  });
  const copy = reachableTempDir();
  try {
    await producer.storage.start();
    producer.produce(7);
    await until(() => producer.storage.counts().spoolBytes > 0, { timeoutMs: PATIENCE_MS });
    cpSync(join(producer.dataDir, 'spool'), copy, { recursive: true });
    rmSync(join(copy, 'lock'));
    const left = await Spool.open({
      directory: copy,
      maxBytes: 1e6,
      onLost: (reason) => assert.fail(reason),
    });
    assert.equal(left.rows, 7);
    await left.close();
    assert.equal(producer.acknowledged, 0, 'accepted only when a power cut leaves it, too');
    synchronise();
    await until(() => producer.acknowledged === 7, { timeoutMs: PATIENCE_MS });
  } finally {
    synchronise();
    await producer.close();
    rmSync(copy, { recursive: true, force: true });
  }
});

test('a full spool drops the oldest, counted, and stores the rest', async () => {
  const database = await server.createDatabase();
  const producer = new Producer({ database, spoolMaxBytes: 300_000 });
  try {
    await producer.storage.start();
    producer.produce(100);
    await producer.settled();
    await server.halt();
    for (let turn = 0; turn < 20; turn++) {
      producer.produce(1000);
      await until(() => producer.acknowledged === producer.produced.length, { timeoutMs: PATIENCE_MS });
      assert.ok(producer.storage.counts().spoolBytes <= 300_000);
    }
    await server.resume();
    await producer.settled();
    await assertConserved(server, database, producer);
    const { dropped, spoolBytes } = producer.storage.counts();
    assert.deepEqual(Object.keys(dropped), ['spool_full']);
    assert.ok(spoolBytes < 300_000 / 2, 'the disk is given back');
    const lines = producer.lines.filter((line) => /spool is full|spool has room/.test(line));
    assert.equal(lines.length, 2, 'one line when dropping begins, one when it ends');
  } finally {
    await producer.close();
  }
});

test('a killed collector’s spool, its last record damaged at every offset, its cursor gone: stored once or counted', async () => {
  const database = await server.createDatabase();
  const migrated = new Producer({ database });
  await migrated.storage.start();
  await migrated.close();
  const pool = poolOf(database);
  const directory = reachableTempDir();
  const batchOf = (seq: number, events: Parameters<typeof encodeEvents>[0]): Batch => ({
    writer: WRITER,
    seq,
    ...encodeEvents(events),
  });
  const [first, second] = [batchOf(1, requestEvents(20)), batchOf(2, [requestEvent({ route: '/last' })])];
  const open = async (lost: { rows: number }) =>
    Spool.open({ directory, maxBytes: 1e9, onLost: (_, rows) => (lost.rows += rows) });
  const counts = async () => {
    const { rows } = await pool.query<{ first: number; last: number }>(
      `SELECT count(*) FILTER (WHERE endpoint <> '/last')::int AS first, count(*) FILTER (WHERE endpoint = '/last')::int AS last FROM enterprise.request_metrics`,
    );
    return rows[0] ?? { first: 0, last: 0 };
  };
  try {
    const spool = await open({ rows: 0 });
    for (const batch of [first, second]) await spool.append(batch, () => {});
    await spool.close();
    const path = join(directory, readdirSync(directory).find((name) => name.endsWith('.spool')) ?? '');
    const whole = readFileSync(path);
    for (let at = whole.length - recordBytes(second.payload.length) + 1; at < whole.length; at++) {
      const flipped = Buffer.from(whole).fill((whole[at] ?? 0) ^ 0x01, at, at + 1);
      for (const content of [flipped, whole.subarray(0, at)]) {
        await pool.query(
          `DELETE FROM enterprise.request_metrics WHERE endpoint = '/last'; DELETE FROM enterprise.nervecenter_batches WHERE seq = 2`,
        );
        rmSync(join(directory, 'cursor'), { force: true });
        writeFileSync(path, content);
        const lost = { rows: 0 };
        const damaged = await open(lost);
        for (let one = await damaged.take(); one !== null; one = await damaged.take()) {
          await storeBatches(pool, [one]);
          await damaged.acknowledge();
        }
        await damaged.close();
        const { first: kept, last } = await counts();
        assert.equal(kept, 20, 'sent again every time, stored once');
        assert.equal(last + lost.rows, 1, `at ${at}`);
      }
    }
  } finally {
    await pool.end();
    rmSync(directory, { recursive: true, force: true });
  }
});

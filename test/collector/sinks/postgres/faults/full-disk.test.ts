import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { until } from '../../../../support/poll.ts';
import { reachableTempDir, startPostgres, type TestPostgres } from '../../../../support/postgres.ts';
import { Disk } from './disk.ts';
import { assertConserved, Producer } from './producer.ts';

const PATIENCE_MS = 60_000;
const TURNS = 20;
/** Room for a new cluster, its log and some rows. */
const DISK = '160m';

const LOST = /cannot be used/;
const BACK = /is back after|can be used again/;
const count = ({ lines }: Producer, pattern: RegExp): number =>
  lines.filter((line) => pattern.test(line)).length;

describe('a server whose disk is full', () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.stop());

  test('is not back because it can be connected to: one line while it keeps nothing, one when it does', async () => {
    const database = await server.createDatabase();
    const producer = new Producer({ database });
    try {
      await producer.storage.start();
      await server.using(database, (client) =>
        client.query(`
          CREATE SEQUENCE enterprise.refused;
          CREATE FUNCTION enterprise.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            PERFORM nextval('enterprise.refused');
            RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100';
          END $$;
          CREATE TRIGGER refuse BEFORE INSERT ON enterprise.request_metrics FOR EACH STATEMENT EXECUTE FUNCTION enterprise.refuse();`),
      );
      producer.produce(300);
      const refused = () =>
        server.using(database, async (client) => {
          const { rows } = await client.query('SELECT last_value::int AS count FROM enterprise.refused');
          return rows[0].count as number;
        });
      await until(
        async () => {
          await producer.storage.flush(20);
          return (await refused()) >= TURNS;
        },
        { timeoutMs: PATIENCE_MS },
      );
      assert.equal(producer.storage.state, 'down', 'whoever keeps nothing is of no use');
      assert.deepEqual([count(producer, LOST), count(producer, BACK)], [1, 0]);
      await server.using(database, (client) =>
        client.query('DROP TRIGGER refuse ON enterprise.request_metrics'),
      );
      await producer.settled();
      await until(() => producer.storage.state === 'ok');
      await assertConserved(server, database, producer);
      assert.equal(producer.dropped, 0);
      assert.deepEqual([count(producer, LOST), count(producer, BACK)], [1, 1]);
    } finally {
      await producer.close();
    }
  });

  test('a spool whose disk takes something now and then is not said each time', async () => {
    const database = await server.createDatabase();
    const disk = new Disk();
    const producer = new Producer({ database, spoolFiles: disk.files });
    try {
      await producer.storage.start();
      for (let turn = 0; turn < TURNS; turn++) {
        disk.fails = { code: 'ENOSPC', at: 'writev' };
        producer.produce(10);
        await until(() => !producer.storage.durable);
        disk.fails = null;
        await until(async () => {
          producer.produce(10);
          await producer.storage.flush(20);
          return producer.storage.durable;
        });
      }
      await producer.settled();
      await assertConserved(server, database, producer);
      assert.equal(producer.dropped, 0);
      const lines = count(producer, LOST) + count(producer, BACK);
      assert.ok(lines <= 5, `${lines} lines for ${TURNS} times: ${producer.lines.join('\n')}`);
    } finally {
      await producer.close();
    }
  });
});

test('a file system that is full, under spool and embedded server: few lines, and all is stored in the end', async (context) => {
  const directory = reachableTempDir();
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK},mode=755`, 'tmpfs', directory], {
      stdio: 'pipe',
    });
  } catch (error) {
    rmSync(directory, { recursive: true, force: true });
    return context.skip(`a small file system cannot be mounted here: ${String(error).split('\n')[0]}`);
  }
  const producer = new Producer({ database: null, dataDir: join(directory, 'data') });
  const filler = join(directory, 'filler');
  const free = () => {
    const { bavail, bsize } = statfsSync(directory);
    return bavail * bsize;
  };
  try {
    await producer.storage.start();
    producer.produce(500);
    await producer.settled();
    for (let turn = 0; turn < TURNS; turn++) {
      // A little is free again each time, as when others tidy up.
      rmSync(filler, { force: true });
      if (free() > 100_000) writeFileSync(filler, Buffer.alloc(free() - (turn % 3) * 20_000));
      producer.produce(300);
      await producer.storage.flush(300);
    }
    assert.notEqual(producer.waiting, 0, 'the disk was full');
    producer.check();
    rmSync(filler);
    await producer.settled();
    await until(() => producer.storage.durable && producer.storage.state === 'ok', {
      timeoutMs: PATIENCE_MS,
    });
    const stored = await producer.storage.lend(async (client) => {
      const { rows } = await client.query<{ id: string }>('SELECT id FROM enterprise.request_metrics');
      return rows.map(({ id }) => id);
    });
    assert.equal(producer.dropped, 0);
    assert.deepEqual(stored.toSorted(), producer.produced.toSorted());
    const lines = producer.lines.filter((line) => LOST.test(line) || BACK.test(line));
    assert.ok(lines.length > 0 && lines.length <= 12, producer.lines.join('\n'));
  } finally {
    await producer.storage.shutdown(2000);
    execFileSync('umount', [directory]);
    rmSync(directory, { recursive: true, force: true });
  }
}, 180_000);

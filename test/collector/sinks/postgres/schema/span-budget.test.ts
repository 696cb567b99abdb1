import assert from 'node:assert/strict';
import type { Client } from 'pg';
import { afterAll, beforeAll, test } from 'vitest';
import { migrate } from '../../../../../src/collector/sinks/postgres/schema/migrate.ts';
import { readPartitions } from '../../../../../src/collector/sinks/postgres/schema/partitions.ts';
import {
  applyRetention,
  describeDrops,
} from '../../../../../src/collector/sinks/postgres/schema/retention.ts';
import { sliceEnd } from '../../../../../src/collector/sinks/postgres/schema/retention-policy.ts';
import {
  boundSpans,
  keepSpansBounded,
} from '../../../../../src/collector/sinks/postgres/schema/span-budget.ts';
import { type PostgresConfig, readConfig } from '../../../../../src/config/config.ts';
import {
  DAY_MS,
  HOUR_MS,
  MIB,
  MINUTE_MS,
  type Milliseconds,
  milliseconds,
} from '../../../../../src/core/units.ts';
import { until } from '../../../../support/poll.ts';
import { startPostgres, type TestPostgres } from '../../../../support/postgres.ts';

const POLICY = readConfig({}, import.meta.dirname);
/** About a megabyte with its indexes. */
const ROWS = 2500;
let server: TestPostgres;
/** Noon of the day of the migration. */
let noon: Milliseconds;

beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.stop());

async function migrated(): Promise<PostgresConfig> {
  const database = await server.createDatabase();
  await server.using(database, async (client) => {
    await migrate(client);
    const [today] = await readPartitions(client, ['spans']);
    noon = milliseconds((today?.fromMs ?? 0) + DAY_MS / 2);
  });
  return database;
}

async function inMigrated(work: (client: Client) => Promise<void>): Promise<void> {
  await server.using(await migrated(), work);
}

async function addSpans(client: Client, timeMs: number, count = ROWS): Promise<void> {
  await client.query(
    `INSERT INTO enterprise.spans (timestamp, trace_id, span_id, name, kind, duration_ms, status, attributes, events)
     SELECT $1, md5(n::text), left(md5(n::text), 16), 'chat', 'client', 1, 'ok', jsonb_build_object('text', repeat(md5(n::text), 6)), '[]'
     FROM generate_series(1, $2::int) AS n`,
    [new Date(timeMs), count],
  );
}

/** Bytes of all spans, and when the oldest ended. */
async function spansIn(client: Client): Promise<{ bytes: number; rows: number; oldestMs: number | null }> {
  const { rows } = await client.query(
    `SELECT (SELECT sum(pg_total_relation_size(inhrelid))::float8 FROM pg_inherits WHERE inhparent = 'enterprise.spans'::regclass) AS bytes,
       count(*)::int AS rows, extract(epoch FROM min(timestamp))::float8 * 1000 AS "oldestMs" FROM enterprise.spans`,
  );
  return rows[0];
}

/** From and to in minutes from noon, of the partitions of the day. */
async function slices(client: Client): Promise<(readonly [number, number])[]> {
  const partitions = await readPartitions(client, ['spans']);
  return partitions
    .filter(({ fromMs }) => fromMs >= noon - DAY_MS / 2 && fromMs < noon + DAY_MS / 2)
    .map(({ fromMs, toMs }) => [(fromMs - noon) / MINUTE_MS, (toMs - noon) / MINUTE_MS]);
}

test('a day that takes an eighth of the room ends with this minute, and goes on in another partition', async () => {
  await inMigrated(async (client) => {
    const now = milliseconds(noon + 1234);
    await addSpans(client, now);
    await addSpans(client, noon + 10 * MINUTE_MS, 7);
    assert.deepEqual(await boundSpans(client, 100 * MIB, now), { rows: 0, bytes: 0 });
    assert.deepEqual(await slices(client), [[-720, 720]]);
    assert.deepEqual(await boundSpans(client, 4 * MIB, now), { rows: 0, bytes: 0 });
    assert.deepEqual(await slices(client), [
      [-720, 1],
      [1, 720],
    ]);
    const { rows } = await client.query(
      'SELECT tableoid::regclass::text AS partition, count(*)::int AS count FROM enterprise.spans GROUP BY 1 ORDER BY 1',
    );
    assert.deepEqual(
      rows.map(({ count }) => count),
      [ROWS, 7],
      'a span from the future is in the second',
    );
    const indexes = await client.query(
      'SELECT indexdef FROM pg_indexes WHERE tablename = ANY ($1) ORDER BY tablename, indexname',
      [rows.map(({ partition }) => String(partition).replace('enterprise.', ''))],
    );
    assert.equal(indexes.rowCount, 6, 'each has the key, the time and the trace');
    await addSpans(client, now, 1);
    await boundSpans(client, 4 * MIB, now);
    assert.equal((await slices(client)).length, 2, 'it is not divided again before it is full');
  });
});

test('past the room the oldest go, within a day too, and what is left fits', async () => {
  await inMigrated(async (client) => {
    const maxBytes = 4 * MIB;
    let dropped = 0;
    for (let minute = 0; minute < 20; minute++) {
      const now = milliseconds(noon + minute * MINUTE_MS + 1);
      await addSpans(client, now, 1000);
      dropped += (await boundSpans(client, maxBytes, now)).rows;
      const { bytes, rows } = await spansIn(client);
      assert.equal(rows + dropped, (minute + 1) * 1000, 'kept and dropped are all');
      assert.ok(bytes <= maxBytes, `${bytes} after ${minute} minutes`);
    }
    const { oldestMs, rows } = await spansIn(client);
    assert.ok(dropped > 0 && rows > 2000);
    assert.equal(oldestMs, noon + (20 - rows / 1000) * MINUTE_MS + 1, 'the newest are there');
  });
});

test('rows of days without a partition of their own and from the future go last', async () => {
  await inMigrated(async (client) => {
    await addSpans(client, noon + 40 * DAY_MS, 3000);
    await addSpans(client, noon + DAY_MS, 3000);
    await addSpans(client, noon, 500);
    const full = await spansIn(client);
    const before = await boundSpans(client, full.bytes, noon);
    assert.equal(before.rows, 0);
    const evicted = await boundSpans(client, 1.2 * MIB, noon);
    assert.equal(evicted.rows, 6000);
    assert.equal((await spansIn(client)).rows, 500);
    assert.ok((await spansIn(client)).bytes < 1.2 * MIB);
  });
});

test('retention keeps spans for seven days, drops slices as it drops days, and says what room cost', async () => {
  await inMigrated(async (client) => {
    await addSpans(client, noon);
    await boundSpans(client, 4 * MIB, milliseconds(noon + 1));
    const early = await applyRetention(client, POLICY, milliseconds(noon + 7 * DAY_MS));
    assert.deepEqual(early.expired, []);
    const week = await applyRetention(client, POLICY, milliseconds(noon + 8 * DAY_MS));
    assert.equal(week.expired.filter(({ table }) => table === 'spans').length, 2);
    assert.equal((await spansIn(client)).rows, 0);
    const later = milliseconds(noon + 8 * DAY_MS + HOUR_MS);
    await addSpans(client, later - 2 * DAY_MS);
    await applyRetention(client, POLICY, later);
    const report = await applyRetention(client, { ...POLICY, spansMaxBytes: MIB / 2 }, later);
    assert.equal(report.spans.rows, ROWS);
    assert.match(
      describeDrops(report) ?? '',
      new RegExp(`^Dropped ${ROWS} spans over NERVECENTER_SPANS_MAX_BYTES \\(\\d+\\.\\d MiB\\)\\.$`),
    );
  });
});

test('two collectors divide a day once, and writers meanwhile lose nothing', async () => {
  const database = await migrated();
  await server.using(database, async (one) => {
    await addSpans(one, noon);
    await server.using(database, (two) =>
      server.using(database, async (writer) => {
        const now = milliseconds(noon + 1);
        const write = async () => {
          for (let n = 0; n < 30; n++) await addSpans(writer, noon + n * MINUTE_MS, 20);
        };
        await Promise.all([boundSpans(one, 4 * MIB, now), boundSpans(two, 4 * MIB, now), write()]);
        assert.equal((await slices(one)).length, 2);
        assert.equal((await spansIn(one)).rows, ROWS + 600);
      }),
    );
  });
});

test('a collector looks after them by itself, and says once that the oldest go', async () => {
  const database = await migrated();
  await server.using(database, async (client) => {
    await addSpans(client, noon - 2 * DAY_MS);
    await applyRetention(client, POLICY, noon);
    const said: string[] = [];
    const stop = keepSpansBounded({
      lend: (work) => server.using(database, work),
      maxBytes: MIB / 2,
      now: () => noon,
      log: (_component, message) => void said.push(message),
      intervalMs: 5,
    });
    await until(async () => (await spansIn(client)).rows === 0, { what: 'the spans to go' });
    await addSpans(client, noon + 30 * DAY_MS);
    await until(async () => (await spansIn(client)).rows === 0, { what: 'those of another time, too' });
    await until(() => said.length > 0, { what: 'a word about it' });
    stop();
    assert.deepEqual(said, [
      'Spans take all the room of NERVECENTER_SPANS_MAX_BYTES: the oldest are dropped.',
    ]);
  });
});

test('no slice is made of a partition that is small, that ends within the minute, or where there is none', () => {
  const day = {
    table: 'spans',
    name: 'spans_p',
    fromMs: milliseconds(0),
    toMs: milliseconds(DAY_MS),
    bytes: 126,
  };
  const at = (ms: number, bytes = 1000) => sliceEnd([day], bytes, milliseconds(ms))?.endMs ?? null;
  assert.equal(at(0), MINUTE_MS);
  assert.equal(at(MINUTE_MS - 1), MINUTE_MS);
  assert.equal(at(MINUTE_MS), 2 * MINUTE_MS);
  assert.equal(at(0, 1008), null);
  assert.equal(at(DAY_MS - 1), null);
  assert.equal(at(DAY_MS), null);
});

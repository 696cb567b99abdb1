import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, test } from 'vitest';
import { EventMeter } from '../../../../../src/collector/event-ledger.ts';
import {
  type Batch,
  type BatchFacts,
  encodeEvents,
} from '../../../../../src/collector/sinks/postgres/spool/batch.ts';
import { Spools } from '../../../../../src/collector/sinks/postgres/spool/spools.ts';
import {
  createStorage,
  leaveInSpool,
  type Storage,
} from '../../../../../src/collector/sinks/postgres/storage.ts';
import type { Intake } from '../../../../../src/collector/sinks/postgres/write/intake.ts';
import type { LastLot } from '../../../../../src/collector/sinks/postgres/write/last-rows.ts';
import { RowCounts } from '../../../../../src/collector/sinks/postgres/write/row-counts.ts';
import { Transfer } from '../../../../../src/collector/sinks/postgres/write/transfer.ts';
import type { PostgresConfig } from '../../../../../src/config/config.ts';
import { destinationOf } from '../../../../../src/config/place.ts';
import type { Point } from '../../../../../src/core/frame.ts';
import { toMeasured } from '../../../../../src/core/measured.ts';
import type { NervecenterEvent } from '../../../../../src/core/signals/index.ts';
import { MIB } from '../../../../../src/core/units.ts';
import { unseen } from '../../../../support/measuring.ts';
import { until } from '../../../../support/poll.ts';
import { poolOf, reachableTempDir, startPostgres, type TestPostgres } from '../../../../support/postgres.ts';
import { oneOfEach, requestEvents } from '../events.ts';

const PATIENCE_MS = 60_000;
const REQUESTS = 'http.server.request.duration';

let server: TestPostgres;
let database: PostgresConfig;
let dataDir: string;
let storage: Storage | null = null;
/** What storage has told of before it, and what it has shown itself. */
let told: Point[];
let shown: Point[];

beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.stop());
beforeEach(async () => {
  database = await server.createDatabase();
  dataDir = reachableTempDir();
});
afterEach(async () => {
  await storage?.shutdown(PATIENCE_MS);
  rmSync(dataDir, { recursive: true, force: true });
});

const config = () => ({ postgres: database, dataDir, spoolMaxBytes: MIB });

async function restart(): Promise<Storage> {
  await storage?.shutdown(PATIENCE_MS);
  [told, shown] = [[], []];
  const meter = new EventMeter();
  storage = createStorage({
    config: config(),
    log: () => {},
    measuring: {
      measure: (events) => meter.measure(events),
      show: (points) => shown.push(...points),
    },
    onEarlier: ({ totals }) => told.push(...totals),
  });
  await storage.start();
  return storage;
}

const countIn = (points: readonly Point[]): number =>
  points.reduce((sum, one) => sum + (one.name === REQUESTS && one.kind === 'histogram' ? one.count : 0), 0);

function batchOf(
  events: readonly NervecenterEvent[],
  facts: Pick<BatchFacts, 'sent'> & Partial<BatchFacts>,
): Batch {
  const measured = toMeasured(new EventMeter().measure(events));
  const { rows, payload } = encodeEvents(events, { atMs: Date.now(), measured, ...facts });
  return { writer: randomUUID(), seq: 1, rows, payload };
}

function inDatabase(): Promise<readonly [rows: number, total: number]> {
  return server.using(database, async (client) => {
    const { rows: requests } = await client.query(
      'SELECT count(*)::int AS n FROM enterprise.request_metrics',
    );
    const { rows: totals } = await client.query(
      'SELECT coalesce(sum(count), 0)::int AS n FROM enterprise.totals WHERE metric = $1',
      [REQUESTS],
    );
    return [requests[0]?.n, totals[0]?.n] as const;
  });
}

test('a batch that comes again when nobody knows what is stored counts once, shown when it is known', async () => {
  const sender = randomUUID();
  const [stored, fresh, later] = [requestEvents(3), requestEvents(5), requestEvents(7)];
  const first = await restart();
  await first.offer(stored, [sender, 1]);
  assert.equal(await first.flush(PATIENCE_MS), true);

  const second = await restart();
  await Promise.all([
    second.offer(stored, [sender, 1, true]),
    second.offer(fresh, [sender, 2, true]),
    second.offer(later, [sender, 3]),
  ]);
  assert.equal(await second.flush(PATIENCE_MS), true);
  assert.deepEqual(await inDatabase(), [15, 15]);
  assert.deepEqual([countIn(told), countIn(shown)], [3, 12]);
  await restart();
  assert.deepEqual([countIn(told), countIn(shown)], [15, 0]);
});

test('left while another process held the one that was sent first, it counts once whichever is stored first', async () => {
  const sender = randomUUID();
  const events = requestEvents(3);
  const held = await Spools.open({
    directory: join(dataDir, 'spool'),
    target: destinationOf({ schema: 'enterprise', ...config() }),
    maxBytes: MIB,
    onFound: () => {},
    onLost: (reason) => assert.fail(reason),
  });
  await held.append(batchOf(events, { sent: [[sender, 1]], atMs: Date.now() - 1 }), () => {});
  const lot: LastLot = { events, points: [], sent: [[sender, 1]], again: true };
  assert.equal(await leaveInSpool({ ...unseen(), config: config() }, [lot]), '');
  await held.close();
  const spools = readdirSync(dataDir).filter((name) => name.startsWith('spool'));
  assert.deepEqual(spools.sort(), ['spool', 'spool-2']);

  const next = await restart();
  assert.equal(await next.flush(PATIENCE_MS), true);
  assert.deepEqual(await inDatabase(), [3, 3]);
  assert.deepEqual([countIn(told), countIn(shown)], [3, 0]);
});

/** What the driver is given: of COPY alone it is told by a callback what became of it. */
interface Sent {
  callback?: (error: Error | null) => void;
}

test('it is shown once also where nobody heard that its transaction was committed', async () => {
  await restart();
  const batch = batchOf(requestEvents(4), { sent: [[randomUUID(), 1]], doubtful: true });
  const pool = poolOf(database);
  let cut = true;
  pool.on('connect', (client) => {
    const query = client.query.bind(client) as (sent: Sent) => unknown;
    const either = (sent: Sent) => {
      const { callback } = sent;
      // The statement that stores the rows commits them as well.
      if (cut && callback !== undefined) {
        cut = false;
        sent.callback = (error) =>
          callback(error ?? Object.assign(new Error('the connection was lost'), { code: 'ECONNRESET' }));
      }
      return query(sent);
    };
    Object.assign(client, { query: either });
  });
  const intake = {
    take: async () => [batch],
    settled: async () => {},
    putBack: () => {},
  } as unknown as Intake;
  const transfer = new Transfer(intake, new RowCounts(() => {}), {
    countsAlready: () => false,
    show: (points) => shown.push(...points),
  });
  try {
    await assert.rejects(transfer.next(pool), /lost/);
    transfer.failed();
    assert.deepEqual([await inDatabase(), countIn(shown)], [[4, 4], 0]);
    await transfer.next(pool);
    await transfer.next(pool);
    assert.deepEqual([await inDatabase(), countIn(shown)], [[4, 4], 4]);
  } finally {
    await pool.end();
  }
});

test('left in a spool it counts once as well, whether or not it was stored before', async () => {
  const sender = randomUUID();
  const [stored, fresh] = [requestEvents(3), requestEvents(5)];
  await (await restart()).offer(stored, [sender, 1]);
  assert.equal(await storage?.flush(PATIENCE_MS), true);
  await storage?.shutdown(PATIENCE_MS);
  const lot = (events: readonly NervecenterEvent[], batch: number): LastLot => {
    return { events, points: [], sent: [[sender, batch]], again: true };
  };
  assert.equal(await leaveInSpool({ ...unseen(), config: config() }, [lot(stored, 1), lot(fresh, 2)]), '');

  const next = await restart();
  assert.equal(await next.flush(PATIENCE_MS), true);
  assert.deepEqual(await inDatabase(), [8, 8]);
  assert.deepEqual([countIn(told), countIn(shown)], [3, 5]);
});

test('what its sender sent to the same collector behind it, or to the next one, says nothing of it', async () => {
  const sender = randomUUID();
  const [again, behind, next] = [requestEvents(3), requestEvents(5), requestEvents(7)];
  const own = randomUUID();
  const left = [
    { ...batchOf(again, { sent: [[sender, 1]], doubtful: true }), writer: own, seq: 1 },
    { ...batchOf(behind, { sent: [[sender, 2]] }), writer: own, seq: 2 },
    batchOf(next, { sent: [[sender, 3]], atMs: Date.now() + 1 }),
  ];
  const spool = { directory: join(dataDir, 'spool'), maxBytes: MIB, onFound: () => {}, onLost: () => {} };
  const target = destinationOf({ schema: 'enterprise', ...config() });
  const spools = await Spools.open({ ...spool, target });
  for (const batch of left) await spools.append(batch, () => {});
  await spools.close();

  const after = await restart();
  assert.equal(await after.flush(PATIENCE_MS), true);
  assert.deepEqual(await inDatabase(), [15, 15]);
  assert.deepEqual([countIn(told), countIn(shown)], [12, 3]);
});

test('it counts also where a later batch of its sender was stored before it was found', async () => {
  const sender = randomUUID();
  const [again, later] = [requestEvents(3), requestEvents(5)];
  const first = await restart();
  await first.offer(later, [sender, 2]);
  assert.equal(await first.flush(PATIENCE_MS), true);
  const lot: LastLot = { events: again, points: [], sent: [[sender, 1]], again: true };
  assert.equal(await leaveInSpool({ ...unseen(), config: config() }, [lot]), '');
  const stored = async () => ((await inDatabase())[0] === 8 ? true : null);
  await until(stored, { timeoutMs: PATIENCE_MS });
  assert.deepEqual(await inDatabase(), [8, 8]);
  await until(() => countIn(shown) === 8, { timeoutMs: PATIENCE_MS });
});

test('whatever its rows are: a batch of every signal that came again twice is stored, and counts once', async () => {
  const sender = randomUUID();
  const events = [...oneOfEach(), ...requestEvents(2)];
  for (let batch = 1; batch <= 2; batch++) {
    await restart();
    await storage?.offer(events, [sender, batch, true]);
    assert.equal(await storage?.flush(PATIENCE_MS), true);
    assert.deepEqual(storage?.counts().dropped, {});
    assert.deepEqual(await inDatabase(), [3, 3]);
  }
});

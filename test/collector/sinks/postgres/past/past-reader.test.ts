import assert from 'node:assert/strict';
import { afterAll, beforeAll, test } from 'vitest';
import type { Lend } from '../../../../../src/collector/sinks/postgres/connect/lend.ts';
import { PastReader } from '../../../../../src/collector/sinks/postgres/past/past-reader.ts';
import type { Point } from '../../../../../src/core/frame.ts';
import { MINUTE_MS, milliseconds } from '../../../../../src/core/units.ts';
import { until } from '../../../../support/poll.ts';
import { startPostgres, type TestPostgres } from '../../../../support/postgres.ts';
import { NOW, openHistory, type TestHistory } from '../history/fixture.ts';

const OFTEN_MS = 20;
const NEVER_MS = 60_000;
let server: TestPostgres;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.stop());

/** A reader that began at `NOW` and what it has shown. */
class Watched {
  readonly lines: string[] = [];
  totals: readonly Point[] | null = null;
  windows = 0;
  readonly reader: PastReader;

  constructor(lend: Lend, patienceMs = NEVER_MS) {
    this.reader = new PastReader({
      lend,
      windowMs: milliseconds(5 * MINUTE_MS),
      now: () => NOW,
      onWindow: () => this.windows++,
      onTotals: (points) => {
        this.totals = points;
      },
      log: (_, line) => this.lines.push(line),
      retryMs: OFTEN_MS,
      patienceMs,
    });
  }

  async requests(): Promise<number> {
    const totals = await until(() => this.totals);
    return totals.reduce((sum, point) => sum + (point.kind === 'histogram' ? point.count : 0), 0);
  }
}

async function stored({ sql }: TestHistory, count: number, atMs: number): Promise<void> {
  await sql(
    `INSERT INTO enterprise.request_metrics (timestamp, endpoint, method, status_code, response_time_ms)
     SELECT $1, '/', 'GET', 200, 1 FROM generate_series(1, $2::int)`,
    [new Date(atMs), count],
  );
}

test('what is stored once the writer may go on is not of the past, whatever its timestamp', async (t) => {
  const store = await openHistory(t, server);
  await stored(store, 3, NOW - 1000);
  let proceed: () => void = () => {};
  const held = new Promise<void>((resolve) => {
    proceed = resolve;
  });
  // Answers to the reader wait from the moment on at which it has let the writer go.
  let released = false;
  const lend: Lend = (work) =>
    store.lend(async (client) => {
      const query = client.query.bind(client) as (...args: unknown[]) => Promise<unknown>;
      const slow = Object.create(client) as typeof client;
      Object.assign(slow, {
        query: async (...args: unknown[]) => {
          if (released) await held;
          return query(...args);
        },
      });
      return work(slow);
    });
  const watched = new Watched(lend);
  await watched.reader.beforeOwnRows();
  released = true;
  await stored(store, 5, NOW - 1000);
  proceed();
  assert.equal(await watched.requests(), 3);
  assert.equal(watched.windows, 1);
  assert.deepEqual(watched.lines, []);
});

test('a failure is said once and does not hold up the writer; then rows from before the start count', async (t) => {
  const store = await openHistory(t, server);
  await stored(store, 3, NOW - 1000);
  await store.sql('ALTER TABLE enterprise.rollup_hour RENAME TO rollup_hour_away');
  const watched = new Watched(store.lend);
  let attempts = 0;
  const counted = new Watched((work) => {
    attempts++;
    return store.lend(work);
  });
  await Promise.all([watched.reader.beforeOwnRows(), counted.reader.beforeOwnRows()]);
  await stored(store, 5, NOW + 1000);
  await until(() => attempts > 2);
  assert.equal(watched.totals, null);
  assert.equal(counted.lines.length, 1);
  assert.match(
    counted.lines[0] ?? '',
    /before this start cannot be read and is not shown; trying again: .*rollup_hour/,
  );
  await store.sql('ALTER TABLE enterprise.rollup_hour_away RENAME TO rollup_hour');
  assert.equal(await counted.requests(), 3);
  await until(() => counted.lines.length > 1);
  assert.deepEqual(counted.lines.slice(1), ['What was counted before this start is shown now.']);
  watched.reader.stop();
});

test('the writer is kept waiting for a while only, and not at all by one that was stopped', async (t) => {
  const store = await openHistory(t, server);
  await stored(store, 3, NOW - 1000);
  let lend: () => void = () => {};
  const lent = new Promise<void>((resolve) => {
    lend = resolve;
  });
  const busy: Lend = (work) => lent.then(() => store.lend(work));
  const impatient = new Watched(busy, OFTEN_MS);
  const stopped = new Watched(busy);
  const waiting = stopped.reader.beforeOwnRows();
  await impatient.reader.beforeOwnRows();
  stopped.reader.stop();
  await waiting;
  await stored(store, 5, NOW + 1000);
  lend();
  assert.equal(await impatient.requests(), 3);
  await stopped.requests(); // What was under way ends.
});

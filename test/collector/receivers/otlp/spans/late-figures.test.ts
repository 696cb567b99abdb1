import assert from 'node:assert/strict';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { EventMeter } from '../../../../../src/collector/event-ledger.ts';
import { LiveStore } from '../../../../../src/collector/live/store.ts';
import { createStorage, type Storage } from '../../../../../src/collector/sinks/postgres/storage.ts';
import { mergePoints, seriesOf, storedAttributes } from '../../../../../src/core/measured.ts';
import { type NervecenterEvent, SIGNALS } from '../../../../../src/core/signals/index.ts';
import { MIB, milliseconds } from '../../../../../src/core/units.ts';
import { unseen } from '../../../../support/measuring.ts';
import { reachableTempDir, startPostgres, type TestPostgres } from '../../../../support/postgres.ts';
import { arrival, at, batchesOf, inOrder, PAUSES, shuffled } from './arrivals.ts';
import { Assembly } from './assembly.ts';
import { type Traces, traces } from './random-traces.ts';

const MINUTE = 60_000;
const WINDOW_MS = milliseconds(5 * MINUTE);

/** What comes of them late, with what was told before it; each list is of one moment. */
function toldLate(made: Traces, how: Parameters<typeof shuffled>[1]) {
  const assembly = new Assembly();
  const lists: { nowMs: number; events: readonly NervecenterEvent[] }[] = [];
  const batches = batchesOf(shuffled(made.spans, how), how);
  const note = () => {
    const events = assembly.stream.splice(0);
    if (events.length > 0) lists.push({ nowMs: assembly.nowMs, events });
  };
  for (const [i, batch] of batches.entries()) {
    assembly.accept(batch);
    note();
    assembly.wait(Math.min(at(PAUSES, at(how.gaps, i)), (14 * MINUTE) / batches.length));
    note();
  }
  assembly.assembler.flush();
  note();
  return lists;
}

type Totals = Record<string, readonly number[]>;
type Series = readonly [name: string, ...figures: number[]];

/** What series stand at; nothing counts as no series. Sums of fractions of a second are off by as good as nothing. */
function totals(series: Iterable<Series>): Totals {
  const rounded = [...series].map(
    ([name, ...figures]) => [name, figures.map((one) => Math.round(one * 1e6))] as const,
  );
  return Object.fromEntries(rounded.filter(([, figures]) => figures.some((one) => one !== 0)));
}

function shownBy(store: LiveStore): Totals {
  const counted = [...store.families()].flatMap(({ name, kind }): Series[] =>
    kind === 'counter'
      ? store
          .counters(name)
          .map(({ attributes, total }): Series => [seriesOf({ name, attributes }), total] as const)
      : store
          .histograms(name)
          .map(
            (one) =>
              [
                seriesOf({ name, ...one }),
                one.count,
                one.sum,
                one.zeroCount,
                ...one.buckets.counts.filter((n) => n !== 0),
              ] as const,
          ),
  );
  return totals(counted);
}

/** What a scraper is shown: every number that may not fall. */
function scraped(store: LiveStore): Map<string, number> {
  const numbers = new Map<string, number>();
  for (const { name, series } of store.families()) {
    for (const one of series) {
      const key = seriesOf({ name, attributes: one.attributes });
      if ('value' in one) numbers.set(key, one.value);
      else {
        numbers.set(`${key} sum`, one.sum).set(`${key} count`, one.count).set(`${key} zero`, one.zeroCount);
        for (const [i, count] of one.buckets.counts.entries())
          numbers.set(`${key} ${one.buckets.offset + i}`, count);
        const inBuckets = one.buckets.counts.reduce((sum, count) => sum + count, one.zeroCount);
        assert.equal(one.count, inBuckets, 'what the buckets hold');
      }
    }
  }
  return numbers;
}

describe('figures of spans that come late', () => {
  it('are those of spans in order, while no number at /metrics ever falls', () => {
    fc.assert(
      fc.property(traces, arrival, (made, how) => {
        const [late, wanted] = [new LiveStore(WINDOW_MS), new LiveStore(WINDOW_MS)];
        const meter = new EventMeter();
        let before = scraped(late);
        let nowMs = 0;
        for (const { events, nowMs: atMs } of toldLate(made, how)) {
          nowMs = atMs;
          assert.deepEqual(late.merge('', { points: meter.measure(events) }, nowMs), []);
          const now = scraped(late);
          for (const [key, value] of before) assert.ok((now.get(key) ?? 0) >= value, `${key} fell`);
          before = now;
        }
        wanted.merge('', { points: meter.measure(inOrder(made).events) }, nowMs);
        assert.deepEqual(shownBy(late), shownBy(wanted));
        // What is taken back leaves the window no later than what it takes back.
        for (let pastMs = nowMs; pastMs < nowMs + WINDOW_MS; pastMs += WINDOW_MS / 60) {
          for (const { name, kind } of late.families()) {
            if (kind !== 'histogram') continue;
            for (const { window } of late.histograms(name)) {
              const { count, counts } = window.distribution(Math.floor(pastMs / (WINDOW_MS / 60)));
              assert.ok(count >= 0 && counts.every((one) => one >= 0));
            }
          }
        }
      }),
      { numRuns: 150 },
    );
  });
});

describe('rows of spans that come late', () => {
  let server: TestPostgres;
  let storage: Storage;
  beforeAll(async () => {
    server = await startPostgres();
    const postgres = await server.createDatabase();
    storage = createStorage({
      ...unseen(),
      config: { postgres, dataDir: reachableTempDir(), spoolMaxBytes: MIB },
      log: () => {},
    });
    await storage.start();
  });
  afterAll(async () => {
    await storage?.shutdown(5000);
    await server?.stop();
  });

  const query = <T extends object>(sql: string) =>
    storage.lend(async (client) => (await client.query<T>(sql)).rows);

  interface Total {
    readonly metric: string;
    readonly attributes: Record<string, string>;
    readonly count: number;
    readonly sum: number;
  }
  const storedTotals = async () => {
    const rows = await query<Total>(
      'SELECT metric, attributes, count, sum FROM enterprise.totals ORDER BY metric, series',
    );
    return totals(
      rows.map(({ metric, attributes, count, sum }) => [sorted(metric, attributes), count, sum] as const),
    );
  };
  const sorted = (name: string, attributes: object) =>
    seriesOf({ name, attributes: Object.fromEntries(Object.entries(attributes).sort()) });

  async function storedRows() {
    const tables = [SIGNALS.request, SIGNALS['llm-call'], SIGNALS['rag-query']];
    const rows = await Promise.all(
      tables.map(({ table }) =>
        query<{ id: string; user_email: string | null; ms: number }>(
          `SELECT id::text, user_email, extract(epoch FROM timestamp)::float8 * 1000 AS ms FROM enterprise.${table} ORDER BY id`,
        ),
      ),
    );
    return rows.flat().map(({ id, user_email, ms }) => [id, user_email, ms]);
  }

  it('and the totals are those of spans in order, however they are cut into batches', async () => {
    await fc.assert(
      fc.asyncProperty(
        traces,
        arrival,
        fc.array(fc.boolean(), { minLength: 1 }),
        async (made, how, flushes) => {
          await query(
            'TRUNCATE enterprise.request_metrics, enterprise.llm_call_metrics, enterprise.rag_metrics, enterprise.totals',
          );
          for (const [i, { events }] of toldLate(made, how).entries()) {
            const offered = storage.offer(events);
            if (at(flushes, i)) await offered;
          }
          assert.equal(await storage.flush(20_000), true);
          const wanted = inOrder(made).events;
          const order = ['request', 'llm-call', 'rag-query'];
          const ids = wanted
            .toSorted((a, b) => order.indexOf(a.signal) - order.indexOf(b.signal) || (a.id < b.id ? -1 : 1))
            .map((event) => [event.id, 'userEmail' in event ? event.userEmail : null, event.timeMs]);
          assert.deepEqual(await storedRows(), ids);
          const points = mergePoints(new EventMeter().measure(wanted));
          const expected = points.map((point) => {
            const name = sorted(point.name, storedAttributes(point));
            return point.kind === 'histogram'
              ? ([name, point.count, point.sum] as const)
              : ([name, 0, point.value] as const);
          });
          assert.deepEqual(await storedTotals(), totals(expected));
          const { accepted, stored, dropped } = storage.counts();
          assert.deepEqual([stored, dropped], [accepted, {}]);
        },
      ),
      { numRuns: 25 },
    );
  });
});

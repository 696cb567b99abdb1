import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'vitest';
import {
  beyondBudget,
  DAYS_AHEAD,
  dayOf,
  expired,
  keptFrom,
  missingDays,
  type Partition,
} from '../../../../../src/collector/sinks/postgres/schema/retention-policy.ts';
import { DAY_MS, HOUR_MS, milliseconds } from '../../../../../src/core/units.ts';

const NOW = milliseconds(Date.UTC(2026, 10, 22, 13, 30));
const TODAY = dayOf(NOW);

/** The partition of the day this many days after today. */
function day(offset: number, { table = 'request_metrics', bytes = 100 } = {}): Partition {
  const fromMs = milliseconds(TODAY + offset * DAY_MS);
  return { table, name: `${table}${offset}`, fromMs, toMs: milliseconds(fromMs + DAY_MS), bytes };
}

const offsets = (days: readonly number[]) => days.map((at) => (at - TODAY) / DAY_MS);

test('a day begins at midnight in UTC, also before 1970', () => {
  assert.equal(new Date(TODAY).toISOString(), '2026-11-22T00:00:00.000Z');
  assert.equal(dayOf(milliseconds(-1)), -DAY_MS);
});

test('today and three days ahead are made, newest first, and nothing that is there', () => {
  assert.deepEqual(offsets(missingDays([], [], NOW)), [3, 2, 1, 0]);
  assert.deepEqual(offsets(missingDays([day(0), day(2)], [], NOW)), [3, 1]);
  assert.deepEqual(missingDays([day(0), day(1), day(2), day(3)], [], NOW), []);
});

test('days of stray rows are made too, but not all of a thousand at once', () => {
  const stray = milliseconds(TODAY - 9 * DAY_MS);
  assert.deepEqual(offsets(missingDays([], [stray, stray], NOW)), [3, 2, 1, 0, -9]);
  const thousand = Array.from({ length: 1000 }, (_, n) => milliseconds(TODAY - n * DAY_MS));
  const made = missingDays([], thousand, NOW);
  assert.equal(made.length, 100);
  assert.equal(made[0], TODAY + DAYS_AHEAD * DAY_MS);
});

test('a partition of any width covers its days', () => {
  const month = { ...day(-10), toMs: milliseconds(TODAY + 2 * DAY_MS) };
  assert.deepEqual(offsets(missingDays([month], [], NOW)), [3, 2]);
});

test('a day expires when its last moment is past the retention', () => {
  const from = keptFrom(NOW, milliseconds(7 * DAY_MS));
  const gone = expired([day(-9), day(-8), day(-7), day(-6), day(0)], from);
  assert.deepEqual(
    gone.map(({ name }) => name),
    ['request_metrics-9', 'request_metrics-8'],
  );
  assert.equal(keptFrom(NOW, milliseconds(HOUR_MS)), TODAY, 'never today');
});

test('beyond the budget the oldest of all tables go first, today’s never', () => {
  const partitions = [day(-1), day(-3), day(-2, { table: 'rag_metrics' }), day(0), day(1)];
  const names = (maxBytes: number) => beyondBudget(partitions, 500, maxBytes, NOW).map(({ name }) => name);
  assert.deepEqual(names(500), []);
  assert.deepEqual(names(499), ['request_metrics-3']);
  assert.deepEqual(names(300), ['request_metrics-3', 'rag_metrics-2']);
  assert.deepEqual(names(0), ['request_metrics-3', 'rag_metrics-2', 'request_metrics-1']);
});

test('whatever the partitions: what goes is no more than needed, oldest first, and never today', () => {
  const partition = fc
    .record({
      offset: fc.integer({ min: -50, max: 5 }),
      bytes: fc.nat(1000),
      table: fc.constantFrom('a', 'b'),
    })
    .map(({ offset, ...rest }) => day(offset, rest));
  fc.assert(
    fc.property(fc.array(partition), fc.nat(20_000), (partitions, maxBytes) => {
      const total = partitions.reduce((sum, { bytes }) => sum + bytes, 0);
      const gone = beyondBudget(partitions, total, maxBytes, NOW);
      const freed = gone.reduce((sum, { bytes }) => sum + bytes, 0);
      const kept = partitions.filter((one) => !gone.includes(one) && one.toMs <= TODAY);
      assert.ok(gone.every(({ toMs }) => toMs <= TODAY));
      assert.ok(total - freed <= maxBytes || kept.length === 0);
      const last = gone.at(-1);
      if (last === undefined) return;
      assert.ok(total - freed + last.bytes > maxBytes, 'the last one was needed');
      assert.ok(kept.every(({ toMs }) => toMs >= last.toMs));
    }),
  );
});

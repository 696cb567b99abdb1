import assert from 'node:assert/strict';
import { it } from 'vitest';
import {
  Arrivals,
  BATCH_BYTES_MAX,
  BATCH_EVENTS_MAX,
} from '../../../../../src/collector/sinks/postgres/write/arrivals.ts';
import type { Point } from '../../../../../src/core/frame.ts';
import { MIB } from '../../../../../src/core/units.ts';
import { until } from '../../../../support/poll.ts';
import { requestEvent, requestEvents } from '../events.ts';

const SENDER = '00000000-0000-4000-8000-000000000001';
const OTHER = '00000000-0000-4000-8000-000000000002';

it('never cuts what a process sent together, by number or by size', () => {
  const arrivals = new Arrivals(64 * MIB);
  const large = Array.from({ length: 200 }, () => requestEvent({ route: 'x'.repeat(2000) }));
  for (let batch = 1; batch <= 6; batch++) arrivals.push(large, { sent: [SENDER, batch], shown: false });
  for (let batch = 7; batch <= 20; batch++)
    arrivals.push(requestEvents(150), { sent: [SENDER, batch], shown: false });
  const taken: [rows: number, batch: number | undefined][] = [];
  while (arrivals.length > 0) {
    const { events, sent } = arrivals.take();
    taken.push([events.flat().length, sent[0]?.[1]]);
  }
  let rows = 0;
  for (const [count, batch = 0] of taken) {
    rows += count;
    assert.ok(count <= BATCH_EVENTS_MAX);
    assert.equal(rows, batch <= 6 ? 200 * batch : 1200 + 150 * (batch - 6), 'all of it, and nothing more');
  }
  assert.equal(taken.at(-1)?.[1], 20);
  assert.ok(taken.length > (1200 * 2000) / (2 * BATCH_BYTES_MAX), 'in several batches');
});

it('gives what is doubtful alone and whole, without what was measured elsewhere', () => {
  const arrivals = new Arrivals(64 * MIB);
  const point: Point = { kind: 'counter', name: 'x', unit: '', description: '', attributes: {}, value: 1 };
  arrivals.push(requestEvents(2), { sent: [SENDER, 1], shown: false });
  const large = Array.from({ length: BATCH_EVENTS_MAX + 1 }, () => requestEvent({ route: 'x'.repeat(4000) }));
  arrivals.push(large, { sent: [SENDER, 2, true], shown: false });
  arrivals.push(requestEvents(3), { sent: [SENDER, 3, true], shown: false });
  arrivals.push(requestEvents(4), { sent: [SENDER, 4], shown: false });
  const take = () => {
    arrivals.addPoints([point], false);
    const { events, points, sent, doubtful } = arrivals.take();
    return [events.flat().length, points.flat().length, sent, doubtful];
  };
  assert.deepEqual(take(), [2, 1, [[SENDER, 1]], false]);
  assert.deepEqual(take(), [BATCH_EVENTS_MAX + 1, 0, [[SENDER, 2]], true]);
  assert.deepEqual(take(), [3, 0, [[SENDER, 3]], true]);
  assert.deepEqual(take(), [4, 1, [[SENDER, 4]], false]);
});

it('gives back what had to go by whether it was shown, whatever made it go', () => {
  const arrivals = new Arrivals(1024 * MIB);
  const offer = (events: number, shown: boolean) =>
    arrivals.push(requestEvents(events), { sent: null, shown }).counting;
  offer(150_000, true);
  offer(50_000, false);
  assert.deepEqual(lengths(offer(100_000, false)), [100_000, 0]);
  assert.deepEqual(lengths(offer(90_000, true)), [50_000, 40_000]);
});

it('counts nothing of what is doubtful and had to go, whose number the next batch tells that is not doubtful', () => {
  const arrivals = new Arrivals(MIB);
  const large = (count: number) =>
    Array.from({ length: count }, () => requestEvent({ route: 'x'.repeat(2000) }));
  arrivals.push(large(1), { sent: [SENDER, 7, true], shown: false });
  arrivals.push(large(2), { sent: [OTHER, 8], shown: false });
  const displaced = arrivals.push(large(230), { sent: [SENDER, 9, true], shown: false });
  assert.deepEqual([displaced.count, lengths(displaced.counting)], [3, [0, 2]]);
  arrivals.push(requestEvents(1), { sent: [SENDER, 10], shown: false });
  const [doubtful, next] = [arrivals.take(), arrivals.take()];
  assert.deepEqual([doubtful.events.flat().length, doubtful.sent], [230, [[SENDER, 9]]]);
  assert.deepEqual(
    new Map(next.sent),
    new Map([
      [OTHER, 8],
      [SENDER, 10],
    ]),
  );
});

it('are crowded when they fill a quarter of their room, or the oldest has waited for a second', async () => {
  const offered = { sent: null, shown: false };
  const many = new Arrivals(1024 * MIB);
  many.push(requestEvents(50_000), offered);
  assert.equal(many.crowded, false);
  many.push(requestEvents(1), offered);
  assert.equal(many.crowded, true);
  many.take();
  assert.equal(many.crowded, false);

  const few = new Arrivals(MIB);
  few.push(requestEvents(1), offered);
  assert.equal(few.crowded, false);
  await until(() => few.crowded);
  few.take();
  few.push([], offered);
  assert.equal(few.crowded, false);
});

const lengths = (parts: readonly (readonly unknown[])[]) => parts.map(({ length }) => length);

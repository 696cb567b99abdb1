import assert from 'node:assert/strict';
import { test } from 'vitest';
import { BATCH_EVENTS_MAX } from '../../../../../src/collector/sinks/postgres/write/arrivals.ts';
import { Schedule } from '../../../../../src/collector/sinks/postgres/write/schedule.ts';

test('the disk is synchronised once for what is flushed, and for no more than ten batches together', () => {
  const schedule = new Schedule(() => {});
  schedule.syncBegins();
  const isDue = (handedOn: number) => schedule.syncAtMs(handedOn, true) === 0;
  schedule.flush(3 * BATCH_EVENTS_MAX);
  assert.deepEqual(
    [1, 2, 3].map((batches) => isDue(batches * BATCH_EVENTS_MAX)),
    [false, false, true],
  );
  schedule.syncEnds(3 * BATCH_EVENTS_MAX);
  assert.equal(isDue(3 * BATCH_EVENTS_MAX), false);
  schedule.flush(30 * BATCH_EVENTS_MAX);
  assert.deepEqual(
    [12, 13].map((batches) => isDue(batches * BATCH_EVENTS_MAX)),
    [false, true],
  );
  // What is not all of it yet waits no longer than anything does.
  const inMs = schedule.syncAtMs(4 * BATCH_EVENTS_MAX, true) - performance.now();
  assert.ok(inMs > 0 && inMs <= 500, String(inMs));
  schedule.stop();
});

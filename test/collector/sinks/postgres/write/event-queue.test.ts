import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'vitest';
import {
  approximateBytes,
  EventQueue,
} from '../../../../../src/collector/sinks/postgres/write/event-queue.ts';
import { oneOfEach, requestEvent, requestEvents } from '../events.ts';

const MAX_BYTES = 20_000;
const MAX_EVENTS = 30;

test('keeps order through taking and dropping the oldest', () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('push' as const), count: fc.nat(20) }),
    fc.record({ do: fc.constant('take' as const), count: fc.nat(20) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const queue = new EventQueue({ maxBytes: Number.MAX_SAFE_INTEGER, maxEvents: MAX_EVENTS });
      let model: string[] = [];
      for (const { do: action, count } of steps) {
        let dropped = 0;
        if (action === 'push') {
          const events = requestEvents(count);
          dropped = queue.push(events).length;
          model.push(...events.map(({ id }) => id));
        } else {
          assert.deepEqual(
            queue.take(count).map(({ id }) => id),
            model.splice(0, count),
          );
        }
        assert.equal(dropped, Math.max(0, model.length - MAX_EVENTS));
        model = model.slice(dropped);
        assert.equal(queue.length, model.length);
      }
      assert.deepEqual(
        queue.take(MAX_EVENTS).map(({ id }) => id),
        model,
      );
    }),
  );
});

test('is bounded by bytes, and empty again when all is taken', () => {
  const queue = new EventQueue({ maxBytes: MAX_BYTES, maxEvents: 1_000_000 });
  const events = requestEvents(500);
  const dropped = queue.push(events).length;
  assert.equal(queue.length + dropped, events.length);
  assert.ok(queue.length > 0 && queue.fullness <= 1 && queue.fullness > 0.9);
  assert.equal(queue.take(1000).at(-1)?.id, events.at(-1)?.id);
  assert.equal(queue.fullness, 0);
});

test('takes fewer when they are large, but never none', () => {
  const queue = new EventQueue({ maxBytes: MAX_BYTES, maxEvents: MAX_EVENTS });
  queue.push(requestEvents(10));
  assert.equal(queue.take(10, queue.bytes / 5).length, 2);
  assert.equal(queue.take(10, 1).length, 1);
  assert.equal(queue.take(10).length, 7);
});

test('an event larger than the whole bound is dropped', () => {
  const queue = new EventQueue({ maxBytes: MAX_BYTES, maxEvents: 10 });
  assert.equal(queue.push([requestEvent({ route: 'x'.repeat(MAX_BYTES) })]).length, 1);
  assert.equal(queue.length, 0);
});

test('the estimate counts text, nested fields, and survives what is no event', () => {
  const [, , rag] = oneOfEach();
  assert.ok(rag);
  assert.ok(approximateBytes(rag) > 256);
  const long = requestEvent({ route: 'x'.repeat(1000) });
  assert.ok(approximateBytes(long) - approximateBytes(requestEvent({ route: '' })) === 2000);
  assert.ok(approximateBytes(null as never) > 0);
});

import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { BoundedQueue } from '../../src/agent/bounded-queue.ts';
import { BATCH_EVENTS_MAX, Pipeline, QUEUE_EVENTS_MAX } from '../../src/agent/pipeline.ts';
import type { NervecenterEvent } from '../../src/core/event.ts';
import { milliseconds } from '../../src/core/units.ts';

function event(id: number): NervecenterEvent {
  return {
    signal: 'cache',
    id: String(id),
    timeMs: milliseconds(0),
    cacheName: 'c',
    hits: 1,
    misses: 0,
    keysCount: null,
    memoryUsedBytes: null,
  };
}

describe('BoundedQueue', () => {
  it('behaves as an array that loses its oldest items past the bound', () => {
    const operation = fc.oneof(fc.record({ push: fc.nat() }), fc.record({ take: fc.nat(7) }));
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 10 }),
        fc.array(operation, { maxLength: 200 }),
        (capacity, operations) => {
          const queue = new BoundedQueue<number>(capacity);
          const model: number[] = [];
          for (const step of operations) {
            if ('push' in step) {
              model.push(step.push);
              const dropped = model.length > capacity ? model.splice(0, 1).length : 0;
              assert.equal(queue.push(step.push), dropped);
            } else {
              assert.deepEqual(queue.take(step.take), model.splice(0, step.take));
            }
            assert.equal(queue.size, model.length);
          }
        },
      ),
    );
  });
});

describe('Pipeline', () => {
  it('hands over in order, in bounded batches, and stops while the collector is behind', () => {
    const pipeline = new Pipeline(() => {});
    for (let i = 0; i < QUEUE_EVENTS_MAX; i++) pipeline.emit(event(i));
    const handedOver: string[] = [];
    let batches = 0;
    for (let next = pipeline.nextBatch(); next !== null; next = pipeline.nextBatch()) {
      assert.ok(next.events.length <= BATCH_EVENTS_MAX);
      handedOver.push(...next.events.map(({ id }) => id));
      batches++;
    }
    assert.equal(batches, 16);
    assert.deepEqual(handedOver.slice(0, 3), ['0', '1', '2']);
    assert.equal(pipeline.pending, QUEUE_EVENTS_MAX);
    pipeline.accepted(1);
    assert.notEqual(pipeline.nextBatch(), null);
  });

  it('drops the oldest past its bound and counts them', () => {
    const pipeline = new Pipeline(() => {});
    for (let i = 0; i < QUEUE_EVENTS_MAX + 5; i++) pipeline.emit(event(i));
    assert.deepEqual(pipeline.dropped, { agent_queue_full: 5 });
    assert.equal(pipeline.nextBatch()?.events[0]?.id, '5');
  });

  it('gives what was not accepted to the next collector, in order', () => {
    const pipeline = new Pipeline(() => {});
    for (let i = 0; i < 2 * BATCH_EVENTS_MAX + 1; i++) pipeline.emit(event(i));
    const first = pipeline.nextBatch();
    const second = pipeline.nextBatch();
    assert.ok(first !== null && second !== null);
    pipeline.accepted(first.batch);
    pipeline.requeueUnaccepted();
    const again = pipeline.nextBatch();
    assert.equal(again?.events[0]?.id, second.events[0]?.id);
    assert.equal(pipeline.pending, BATCH_EVENTS_MAX + 1);
  });
});

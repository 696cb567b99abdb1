import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, it } from 'vitest';
import { Pipeline } from '../../src/agent/pipeline.ts';
import type { NervecenterEvent } from '../../src/core/signals/index.ts';
import { milliseconds } from '../../src/core/units.ts';
import { PieceReader } from '../../src/link/ring/piece-reader.ts';
import { RingReader } from '../../src/link/ring/ring-reader.ts';
import { RING_BYTES_MAX } from '../../src/link/ring/ring-writer.ts';

/** More than there is room for. */
const ENOUGH = Math.ceil(RING_BYTES_MAX / 40);

function event(number: number): NervecenterEvent {
  return {
    signal: 'cache',
    id: randomUUID(),
    timeMs: milliseconds(number),
    cacheName: 'c',
    hits: 1,
    misses: 0,
    keysCount: null,
    memoryUsedBytes: null,
  };
}

/** What a collector gets that comes now. */
function handedOver({ ring }: Pipeline): number[] {
  const reader = new RingReader(ring.share({ onWake: () => {}, onSegment: () => {} }));
  const pieces = new PieceReader();
  const times: number[] = [];
  for (let piece = reader.next(true); piece !== null; piece = reader.next(true))
    times.push(...pieces.events(piece).map(({ event }) => Number(event?.['timeMs'])));
  return times;
}

describe('Pipeline', () => {
  it('keeps every event for the collector, in order', () => {
    const pipeline = new Pipeline(() => assert.fail('measured here'));
    for (let number = 0; number < 1000; number++) pipeline.emit(event(number));
    assert.deepEqual(
      handedOver(pipeline),
      Array.from({ length: 1000 }, (_, number) => number),
    );
    assert.ok(pipeline.tells('cache'));
    assert.ok(!pipeline.tells('request'));
  });

  it('drops the oldest past its bound, counts them and measures them', () => {
    const measured: number[] = [];
    const pipeline = new Pipeline(({ timeMs }) => measured.push(timeMs));
    for (let number = 0; number < ENOUGH; number++) pipeline.emit(event(number));
    assert.deepEqual(pipeline.dropped, { agent_queue_full: measured.length });
    assert.ok(measured.length > 0);
    assert.deepEqual(
      [...measured, ...handedOver(pipeline)],
      Array.from({ length: ENOUGH }, (_, number) => number),
      'measured here, because the collector never will',
    );
  });

  it('measures what is too large to be handed over', () => {
    let measured = 0;
    const pipeline = new Pipeline(() => measured++);
    const huge = { ...event(1), signal: 'rag-query', queryHash: 'x'.repeat(3_000_000) };
    pipeline.emit(huge as unknown as NervecenterEvent);
    assert.deepEqual([measured, pipeline.dropped], [1, { agent_queue_full: 1 }]);
  });
});

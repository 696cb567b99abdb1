import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'vitest';
import { eventIdOf, isUsableTime } from '../../../../src/collector/receivers/otlp/event-id.ts';
import { spanId, traceId } from './span.ts';

describe('the id of a span’s event', () => {
  const [trace, span] = [traceId(7), spanId(9)];

  it('is a UUIDv7 of its end and of SHA-256 of both ids, and always the same', () => {
    const timeMs = 1_790_000_000_123;
    const id = eventIdOf(trace, span, timeMs + 0.75);
    assert.match(id, /^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
    assert.equal(Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16), timeMs);
    const digits = createHash('sha256')
      .update(trace + span)
      .digest('hex');
    assert.deepEqual(
      [id.slice(15, 18), id.slice(20, 23), id.slice(24)],
      [digits.slice(0, 3), digits.slice(4, 7), digits.slice(7, 19)],
    );
    assert.equal(eventIdOf(trace, span, timeMs), id);
  });

  it('differs by trace, by span and by time, and sorts by time', () => {
    const ids = [
      eventIdOf(trace, span, 1000),
      eventIdOf(traceId(8), span, 1000),
      eventIdOf(trace, spanId(10), 1000),
      eventIdOf(trace, span, 1001),
    ];
    assert.equal(new Set(ids).size, 4);
    assert.ok((ids[0] as string) < (ids[3] as string));
  });

  it('is one also of the strangest time; rows are made of a usable one only', () => {
    const times = [-1, 0, 1, 2 ** 48 - 1, 2 ** 48, Number.POSITIVE_INFINITY, Number.NaN];
    assert.deepEqual(times.map(isUsableTime), [false, false, true, true, false, false, false]);
    for (const timeMs of [-1, 0, 2 ** 48, 2 ** 60])
      assert.match(eventIdOf(trace, span, timeMs), /^[\da-f-]{36}$/);
  });
});

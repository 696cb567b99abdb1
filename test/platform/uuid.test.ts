import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { newEventId, newTraceId } from '../../src/platform/ids.ts';
import { uuidTimePart, uuidv7 } from '../../src/platform/uuid.ts';

const FORM = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
/** Year 1970 to 9999. */
const TIME_MS = fc.integer({ min: 0, max: 253_402_300_799_999 });
const RANDOM = fc.uint8Array({ minLength: 10, maxLength: 10 });

describe('uuidv7', () => {
  it('has the form of RFC 9562 and carries its time', () => {
    fc.assert(
      fc.property(TIME_MS, RANDOM, (timeMs, random) => {
        const id = uuidv7(uuidTimePart(timeMs), random);
        assert.match(id, FORM);
        assert.equal(Number.parseInt(id.replace('-', '').slice(0, 12), 16), timeMs);
      }),
    );
  });

  it('sorts by time', () => {
    fc.assert(
      fc.property(TIME_MS, TIME_MS, RANDOM, RANDOM, (a, b, randomA, randomB) => {
        fc.pre(a < b);
        assert.ok(uuidv7(uuidTimePart(a), randomA) < uuidv7(uuidTimePart(b), randomB));
      }),
    );
  });

  it('gives every event an id of its own, also within one millisecond and over the refill of its randomness', () => {
    const ids = new Set(
      Array.from({ length: 5000 }, (_, i) => newEventId(1_700_000_000_000 + Math.floor(i / 1000))),
    );
    assert.equal(ids.size, 5000);
    for (const id of ids) assert.match(id, FORM);
  });
});

describe('newTraceId', () => {
  it('is 32 lower-case hex digits, never the same', () => {
    const ids = new Set(Array.from({ length: 2000 }, newTraceId));
    assert.equal(ids.size, 2000);
    for (const id of ids) assert.match(id, /^[0-9a-f]{32}$/);
  });
});

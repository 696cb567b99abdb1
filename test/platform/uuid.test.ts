import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it, vi } from 'vitest';
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
  const NOW_MS = 1_764_000_000_123;

  it('is 32 lower-case hex digits, never the same', () => {
    const ids = new Set(Array.from({ length: 2000 }, () => newTraceId(NOW_MS)));
    assert.equal(ids.size, 2000);
    for (const id of ids) assert.match(id, /^[0-9a-f]{32}$/);
  });

  it('begins with the time, and is random from there on', () => {
    const ids = Array.from({ length: 2000 }, () => newTraceId(NOW_MS));
    for (const id of ids) assert.equal(Number.parseInt(id.slice(0, 12), 16), NOW_MS);
    for (let digit = 12; digit < 32; digit++) assert.equal(new Set(ids.map((id) => id[digit])).size, 16);
  });

  it('is random from its first digit on where that is asked for', async () => {
    vi.resetModules(); // For good, so not of the module that others have.
    const { makeRandomTraceIds, newTraceId: randomTraceId } = await import('../../src/platform/ids.ts');
    makeRandomTraceIds();
    const ids = Array.from({ length: 2000 }, () => randomTraceId(NOW_MS));
    for (let digit = 0; digit < 32; digit++) assert.equal(new Set(ids.map((id) => id[digit])).size, 16);
  });
});

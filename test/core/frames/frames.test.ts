import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import type { DropCounts, Point } from '../../../src/core/frame.ts';
import { FrameDecoder } from '../../../src/core/frames/frame-decoder.ts';
import { FrameEncoder } from '../../../src/core/frames/frame-encoder.ts';
import { HistogramDelta } from '../../../src/core/histogram.ts';
import { milliseconds } from '../../../src/core/units.ts';
import { counterPoint, frameBytes } from '../../link/messages.ts';

const text = fc.oneof(fc.string({ maxLength: 12 }), fc.string({ unit: 'grapheme', maxLength: 6 }));
/** Zero is one number, as keys of maps have it. */
const finite = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0);
const attributes = fc.dictionary(
  fc.oneof(text, fc.constant('__proto__')),
  fc.oneof(text, finite, fc.boolean()),
  { maxKeys: 4, noNullPrototype: true },
);
const described = { name: text, unit: text, description: text, attributes };
const scalar: fc.Arbitrary<Point> = fc.record(
  { kind: fc.constantFrom('counter' as const, 'gauge' as const), ...described, value: fc.double() },
  { noNullPrototype: true },
);
const histogram: fc.Arbitrary<Point> = fc
  .record({
    ...described,
    values: fc.array(fc.oneof(fc.double({ min: 0, max: 1e9, noNaN: true }), fc.constant(0)), {
      minLength: 1,
      maxLength: 20,
    }),
    exemplar: fc.option(
      fc.record(
        { value: fc.double(), traceId: text, timeMs: fc.double({ noNaN: true }) },
        { noNullPrototype: true },
      ),
      { nil: undefined },
    ),
  })
  .map(({ values, exemplar, ...rest }) => {
    const delta = new HistogramDelta();
    for (const value of values) delta.record(value);
    return {
      kind: 'histogram',
      ...rest,
      ...trimmed(delta.take()),
      ...(exemplar === undefined ? {} : { exemplar }),
    };
  });
const points = fc.array(fc.oneof(scalar, histogram), { maxLength: 8 });
const drops: fc.Arbitrary<DropCounts> = fc.dictionary(text, fc.maxSafeNat(), {
  maxKeys: 3,
  noNullPrototype: true,
});
/** Frames of one link, and after which of them the link is another one. */
const links = fc.array(fc.record({ points, dropped: drops, reopened: fc.boolean() }), { maxLength: 6 });

/** Without empty buckets at either end, as the bytes have them. */
function trimmed<T extends { readonly offset: number; readonly counts: readonly number[] }>(buckets: T): T {
  const first = buckets.counts.findIndex((count) => count > 0);
  if (first < 0) return { ...buckets, offset: 0, counts: [] };
  const last = buckets.counts.findLastIndex((count) => count > 0);
  return { ...buckets, offset: buckets.offset + first, counts: buckets.counts.slice(first, last + 1) };
}

describe('frames as bytes', () => {
  it('are read as what was written, whatever was sent before and however often the link is another one', () => {
    fc.assert(
      fc.property(links, (frames) => {
        const encoder = new FrameEncoder();
        let decoder = new FrameDecoder();
        for (const [seq, frame] of frames.entries()) {
          if (frame.reopened) {
            encoder.restart();
            decoder = new FrameDecoder();
          }
          const { dropped } = frame;
          encoder.start({ seq, endMs: milliseconds(seq), dropped });
          for (const point of frame.points) encoder.point(point);
          const read = decoder.read(encoder.finish());
          assert.deepEqual(read, { seq, endMs: seq, dropped, points: frame.points });
        }
      }),
      { numRuns: 300 },
    );
  });

  it('say what a series is once, and a point is a few bytes from then on', () => {
    const encoder = new FrameEncoder();
    const decoder = new FrameDecoder();
    const point = { ...counterPoint('a.name.of.some.length', 1), attributes: { 'http.route': '/users/:id' } };
    const sizes = [1, 2, 3].map((value) => {
      const bytes = frameBytes(encoder, [{ ...point, value } as Point]);
      assert.deepEqual(decoder.read(bytes).points, [{ ...point, value }]);
      return bytes.length;
    });
    const [first = 0, second = 0, third = 0] = sizes;
    assert.ok(first > second + 40, String(sizes));
    assert.deepEqual([second, third], [21, 21]);
  });

  it('describe everything anew from time to time, and once much of it is described', () => {
    const point = counterPoint('c', 1);
    const encoder = new FrameEncoder();
    const news = Array.from({ length: 1001 }, () => frameBytes(encoder, [point])).flatMap((bytes, at) => {
      return read(bytes).length > 0 ? [at] : [];
    });
    assert.deepEqual(news, [0, 500, 1000]);
    const many = Array.from({ length: 3000 }, (_, at) => ({
      ...point,
      attributes: { user: String(at).repeat(200) },
    }));
    const busy = new FrameEncoder();
    const decoder = new FrameDecoder();
    for (const lot of [many, [point], [point]])
      assert.deepEqual(decoder.read(frameBytes(busy, lot)).points, lot);
    assert.deepEqual(read(frameBytes(busy, [point])), [], 'the table was begun by the second frame');
  });

  it('cut what is too long to where nobody takes it', () => {
    const encoder = new FrameEncoder();
    const wide = Object.fromEntries(Array.from({ length: 1000 }, (_, at) => [`a${at}`, at]));
    const long = {
      ...counterPoint('é'.repeat(100_000), 1),
      description: 'x'.repeat(100_000),
      attributes: wide,
    };
    const [point] = new FrameDecoder().read(frameBytes(encoder, [long])).points;
    assert.deepEqual(
      [point?.name.length, point?.description.length, Object.keys(point?.attributes ?? {}).length],
      [4097, 4097, 255],
    );
  });

  /** What somebody reads who knows nothing. */
  function read(bytes: Uint8Array): readonly Point[] {
    try {
      return new FrameDecoder().read(bytes).points;
    } catch {
      return [];
    }
  }
});

describe('bytes that are no frame', () => {
  const good = frameBytes(new FrameEncoder(), [
    counterPoint('c', 1),
    { ...counterPoint('d', 2), attributes: { a: 'x', b: 2, c: true } },
  ]);

  it('are refused wherever they end', () => {
    // Where a point ends a frame may end as well.
    const ends = Array.from({ length: good.length }, (_, length) => length).filter((length) => {
      try {
        return new FrameDecoder().read(good.slice(0, length)).points.length >= 0;
      } catch {
        return false;
      }
    });
    assert.ok(ends.length <= 2, `only before the first and the second point: ${ends}`);
  });

  it('are read as something or refused, whatever they are, and never more than they could describe', () => {
    const runs = { numRuns: 3000, seed: 12 };
    const decoder = new FrameDecoder();
    const flips = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 80 }), flips), (made) => {
        const bytes = made instanceof Uint8Array ? made : good.slice();
        if (!(made instanceof Uint8Array)) for (const [at, value] of made) bytes[at] = value;
        try {
          const { points: found } = decoder.read(bytes);
          assert.ok(found.length <= bytes.length);
        } catch (error) {
          assert.ok(error instanceof Error);
        }
      }),
      runs,
    );
  });

  it('leave nothing that later ones could be read by, until one begins anew', () => {
    const encoder = new FrameEncoder();
    const decoder = new FrameDecoder();
    const frames = [1, 2, 3].map((value) => frameBytes(encoder, [counterPoint('c', value)]));
    const [first = good, second = good, third = good] = frames;
    decoder.read(first);
    assert.throws(() => decoder.read(second.slice(0, -1)));
    assert.throws(() => decoder.read(third), /not known/);
    encoder.restart();
    const [point] = decoder.read(frameBytes(encoder, [counterPoint('c', 4)])).points;
    assert.deepEqual(point, counterPoint('c', 4));
  });

  it('get no more memory than what they describe takes', () => {
    const [FORMAT, NEW, HISTOGRAM] = [1, 1, 2];
    const nothing = [0, 0, 0, 0, 0, 0, 0, 0];
    const head = [FORMAT, NEW, 0, ...nothing, 0];
    const series = [0, 0, HISTOGRAM, 1, 97, 0, 0, 0];
    const values = [2, ...nothing, ...nothing, ...nothing, 0];
    /** Two buckets as far apart as can be: 17,000 numbers of six bytes. */
    const apart = [2, 0, 1, 0xef, 0x85, 0x01, 1];
    const one = new FrameDecoder().read(Uint8Array.from([...head, ...series, ...values, ...apart]));
    const [point] = one.points;
    assert.ok(point?.kind === 'histogram' && point.counts.length > 17_000);
    const again = Array.from({ length: 1000 }, () => [0, ...values, ...apart]).flat();
    const many = Uint8Array.from([...head, ...series, ...values, ...apart, ...again]);
    assert.throws(() => new FrameDecoder().read(many), /buckets/);
    const farther = Uint8Array.from([...head, ...series, ...values, 2, 0, 1, 0xff, 0xff, 0x7f, 1]);
    assert.throws(() => new FrameDecoder().read(farther), /past/);
    const unknownSeries = Uint8Array.from([...head, 14]);
    assert.throws(() => new FrameDecoder().read(unknownSeries), /nobody described/);
  });
});

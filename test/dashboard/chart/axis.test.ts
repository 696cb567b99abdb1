import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, test } from 'vitest';
import { axisTicks } from '../../../dashboards/web/src/chart/axis.ts';

const UNITS = ['USD', 'bytes', 'bytes/s', 'ms', 'percent', 'tokens', 'events', 'events/s', 'chunks', ''];
const axis = (high: number, unit: string, isWhole = false) => axisTicks(high, { unit, ticksMax: 6, isWhole });
/** From a millionth of a cent to what a data centre has. */
const heights = fc.double({ min: -8, max: 14, noNaN: true }).map((exponent) => 10 ** exponent);
const asked = fc.record({
  high: heights,
  unit: fc.constantFrom(...UNITS),
  ticksMax: fc.integer({ min: 2, max: 12 }),
  isWhole: fc.boolean(),
});

/** The number that a label shows, in the unit that it shows. */
function shown(text: string): number {
  return Number(text.replace(/[^\d.]/g, ''));
}

describe('what stands at an axis', () => {
  test('is different at every step, as round as it is written, and as much as there is room for', () => {
    fc.assert(
      fc.property(asked, ({ high, ...options }) => {
        const { values, texts } = axisTicks(high, options);
        assert.equal(values.length, texts.length);
        assert.equal(new Set(texts).size, texts.length, texts.join(' '));
        assert.deepEqual([values[0], texts[0]], [0, '0']);
        assert.ok(values.length <= Math.max(options.ticksMax, 5) + 1);
        assert.ok(values.every((value) => value <= high * (1 + 1e-9)));
        if (values.length < 2) return;
        const step = shown(texts[1] ?? '');
        assert.match(step.toPrecision(1), /^[125](e|$)|^0\.0*[125]$|^[125]0*$/, texts.join(' '));
        texts.forEach((text, index) => {
          assert.ok(Math.abs(shown(text) - index * step) < step / 1e6, texts.join(' '));
        });
        const suffixes = new Set(texts.slice(1).map((text) => text.replace(/[\d.,]/g, '')));
        assert.equal(suffixes.size, 1, texts.join(' '));
      }),
      { numRuns: 2000 },
    );
  });

  test('fills the axis: more than a third of it is never left without a label', () => {
    fc.assert(
      fc.property(heights, fc.constantFrom('USD', 'ms', 'percent', 'events/s'), (high, unit) => {
        const { values } = axis(high, unit);
        assert.ok(axisTicks(high, { unit, ticksMax: 2, isWhole: false }).values.length >= 3);
        assert.ok(values.length >= 3 && (values.at(-1) ?? 0) > high * 0.6, `${values} of ${high}`);
      }),
    );
  });

  test('has no parts of what comes whole', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100_000 }), fc.constantFrom('events', 'bytes'), (high, unit) => {
        assert.ok(axis(high, unit, true).values.every(Number.isInteger) || high >= 1024);
      }),
    );
    assert.deepEqual(axis(1.15, 'events', true).texts, ['0', '1']);
    assert.deepEqual(axis(0.575, 'events', true).texts, ['0']);
  });

  const cases: readonly (readonly [number, string, string])[] = [
    [0.0046, 'USD', '0 0.1¢ 0.2¢ 0.3¢ 0.4¢'],
    [0.024, 'USD', '0 0.5¢ 1.0¢ 1.5¢ 2.0¢'],
    [0.12, 'USD', '0 $0.02 $0.04 $0.06 $0.08 $0.10 $0.12'],
    [1.15, 'USD', '0 $0.20 $0.40 $0.60 $0.80 $1.00'],
    [11, 'USD', '0 $2 $4 $6 $8 $10'],
    [70_000, 'bytes', '0 20 KB 40 KB 60 KB'],
    [700, 'bytes', '0 200 B 400 B 600 B'],
    [1.5 * 1024 ** 2, 'bytes/s', '0 0.5 MB/s 1.0 MB/s 1.5 MB/s'],
    [920, 'ms', '0 200 ms 400 ms 600 ms 800 ms'],
    [23_000, 'ms', '0 5 s 10 s 15 s 20 s'],
    [100, 'percent', '0 20% 40% 60% 80% 100%'],
    [1900, 'tokens', '0 0.5K 1.0K 1.5K'],
    [0, 'USD', '0'],
    [Number.NaN, 'ms', '0'],
  ];
  for (const [high, unit, texts] of cases)
    test(`${texts} up to ${high} ${unit}`, () => assert.equal(axis(high, unit).texts.join(' '), texts));
});

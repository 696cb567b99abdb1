import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import type { Curve } from '../../bench/growth/curve.ts';
import { blockOf, withBlock } from '../../bench/growth/page.ts';
import { axisOf, svgOf } from '../../bench/growth/svg.ts';
import { CURVES } from '../../bench/growth.ts';

const DOCS = join(import.meta.dirname, '..', '..', 'docs');

const CURVE: Curve = {
  title: 'Things: "a < b" & more',
  x: 'things',
  bounds: [{ name: '200 things', at: 200 }],
  panels: [
    {
      y: 'time, ms',
      series: [
        {
          name: 'one',
          points: [
            { x: 10, y: 0 },
            { x: 100, y: 5 },
            { x: 1000, y: 50 },
          ],
        },
        {
          name: 'two',
          points: [
            { x: 10, y: 1 },
            { x: 100, y: 1 },
            { x: 1000, y: Number.NaN },
          ],
        },
      ],
      budgets: [{ name: 'budget', at: 40 }],
    },
    {
      y: 'size, kB',
      series: [
        {
          name: 'size',
          points: [
            { x: 10, y: 1 },
            { x: 1000, y: 2 },
          ],
        },
      ],
    },
  ],
  limit: 'the 200th thing.',
};

describe('an axis', () => {
  it('goes from the decade below the least to the one above the most', () => {
    const axis = axisOf([3, 40, 1000]);
    assert.deepEqual(axis.decades, [1, 10, 100, 1000]);
    assert.deepEqual([1, 1000].map(axis.place), [0, 1]);
    assert.ok(Math.abs(axis.place(10) - 1 / 3) < 1e-9);
  });

  it('has room where all values are one, or none can be drawn', () => {
    assert.deepEqual(axisOf([100, 100]).decades, [100, 1000]);
    assert.ok(axisOf([0, Number.NaN]).decades.length >= 2);
  });
});

describe('a drawing', () => {
  const svg = svgOf(CURVE);

  it('has a point for whatever has a place on logarithmic axes, and none outside', () => {
    const points = [...svg.matchAll(/<circle cx="([\d.]+)" cy="([\d.]+)" r="3"/g)];
    assert.equal(points.length, 2 + 2 + 2);
    for (const [, x, y] of points) assert.ok(Number(x) >= 0 && Number(x) <= 760 && Number(y) <= 246);
    assert.doesNotMatch(svg, /NaN|Infinity/);
  });

  it('names its axes, its lines and its limits', () => {
    for (const name of ['things', 'time, ms', 'size, kB', 'one', 'two', '200 things', 'budget'])
      assert.ok(svg.includes(`>${name}</text>`), name);
  });

  it('is XML whatever it is named', () => {
    assert.ok(svg.includes('<title>Things: &quot;a &lt; b&quot; &amp; more</title>'));
    const opened = [...svg.matchAll(/<(svg|title|text)\b/g)].length;
    assert.equal([...svg.matchAll(/<\/(svg|title|text)>/g)].length, opened);
  });
});

describe('the page', () => {
  it('takes a block in the place of the one before, and nothing without a place', () => {
    const page = 'a\n<!-- x -->\nold\n<!-- /x -->\nb\n';
    assert.equal(withBlock(page, 'x', 'new\n'), 'a\n<!-- x -->\nnew\n<!-- /x -->\nb\n');
    assert.throws(() => withBlock(page, 'y', ''), /no place for y/);
  });

  it('says of a curve what was measured and the first limit', () => {
    const block = blockOf('things', CURVE, 'today');
    assert.match(block, /!\[.*\]\(growth\/things\.svg\)/);
    assert.match(block, /\*\*First limit\*\*: the 200th thing\./);
    assert.match(block, /^\| 100 \| 5 \| 1 \| {2}\|\n\| 1,000 \| 50 \| {2}\| 2 \|$/m);
  });

  it('shows every curve as it was drawn, and no other', () => {
    const page = readFileSync(join(DOCS, 'growth.md'), 'utf8');
    const names = Object.keys(CURVES).toSorted();
    assert.deepEqual(
      globSync('*.svg', { cwd: join(DOCS, 'growth') })
        .map((file) => file.replace('.svg', ''))
        .toSorted(),
      names,
    );
    assert.deepEqual([...page.matchAll(/\(growth\/(\w+)\.svg\)/g)].map(([, name]) => name).toSorted(), names);
    assert.equal([...page.matchAll(/\*\*First limit\*\*/g)].length, names.length);
  });
});

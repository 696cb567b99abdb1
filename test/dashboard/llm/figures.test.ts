import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import type { ChartFigures, ChartValue } from '../../../dashboards/web/src/chart/series.ts';
import {
  costDoubt,
  costText,
  failureKinds,
  knownCosts,
  tokenBuckets,
} from '../../../dashboards/web/src/llm/figures.ts';

const TIMES = [10, 20, 30];

function figures(...lines: readonly (readonly [string, readonly ChartValue[]])[]): ChartFigures {
  return {
    times: TIMES,
    series: lines.map(([label, values]) => ({ label, values, color: 'green', format: String })),
  };
}

const valuesOf = ({ series }: ChartFigures) =>
  Object.fromEntries(series.map(({ label, values }) => [label, values]));

describe('tokens', () => {
  test('are in one kind each, a gap stays a gap, and nothing is below zero', () => {
    const parts = [
      figures(['in', [100, null, 10]]),
      figures(['out', [50, null, 5]]),
      figures(['cached', [30, null, 20]]),
      figures(['written', [20, null, 0]]),
      figures(['reasoning', [10, null, 5]]),
    ];
    assert.deepEqual(valuesOf(tokenBuckets(parts)), {
      'Input, not cached': [50, null, 0],
      'Input from cache': [30, null, 20],
      'Written to cache': [20, null, 0],
      Output: [40, null, 0],
      Reasoning: [10, null, 5],
    });
    assert.deepEqual(tokenBuckets([]).series, []);
  });
});

test('a refused call is no second error', () => {
  const parts = [figures(['e', [5, 0, 1]]), figures(['r', [2, 0, 1]]), figures(['a', [1, 0, 0]])];
  assert.deepEqual(valuesOf(failureKinds(parts)), {
    Errors: [3, 0, 0],
    'Rate limited (429)': [2, 0, 1],
    'Given up by the app': [1, 0, 0],
  });
});

test('a cost over time is unknown where no call had a price, and the least where some had none', () => {
  const costs = figures(['priced', [1, 0, 2]], ['mystery', [0, 0, 0]], ['partly', [0, 3, 0]]);
  const unpriced = figures(['priced', [0, 0, 0]], ['mystery', [4, 0, 1]], ['partly', [2, 1, 0]]);
  const known = knownCosts([costs, unpriced]);
  assert.deepEqual(valuesOf(known), {
    priced: [1, 0, 2],
    mystery: [null, null, null],
    partly: [null, 3, 0],
  });
  assert.deepEqual(
    known.series.map(({ missing, format }) => [missing, format(3), format(0)]),
    [
      [undefined, '3', '0'],
      ['unknown', '≥ 3', '0'],
      ['unknown', '≥ 3', '0'],
    ],
  );
  assert.deepEqual(knownCosts([]).series, []);
});

describe('a cost', () => {
  for (const [figure, text, doubt] of [
    [{ usd: 1.2, unpriced: 0, estimated: 0 }, '$1.20', ''],
    [{ usd: 1.2, unpriced: 0, estimated: 3 }, '≈ $1.20', 'Of these calls 3 with estimated tokens'],
    [
      { usd: 1.2, unpriced: 2, estimated: 0 },
      '≥ $1.20',
      'Of these calls 2 without a known price, in no cost figure',
    ],
    [
      { usd: 1.2, unpriced: 2, estimated: 3 },
      '≳ $1.20',
      'Of these calls 2 without a known price, in no cost figure, 3 with estimated tokens',
    ],
    [
      { usd: 0, unpriced: 2, estimated: 0 },
      'unknown',
      'Of these calls 2 without a known price, in no cost figure',
    ],
  ] as const)
    test(`is written ${text}`, () => {
      assert.equal(costText(figure), text);
      assert.equal(costDoubt(figure), doubt);
    });
});

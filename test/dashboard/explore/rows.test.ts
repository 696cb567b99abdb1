import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { earlierFigures } from '../../../dashboards/web/src/chart/compare.ts';
import type { ChartSeries } from '../../../dashboards/web/src/chart/series.ts';
import { changeText, columnsOf, figureRows, sortedRows } from '../../../dashboards/web/src/explore/rows.ts';
import { readChoice } from '../../../dashboards/web/src/history/choice.ts';
import type { HistoryAnswer } from '../../../src/core/history/query.ts';

const DAY_MS = 86_400_000;
const NOTHING = { own: {}, group: '', filters: {}, compare: false };
const line = (label: string, values: ChartSeries['values'], color: ChartSeries['color']): ChartSeries => ({
  label,
  values,
  color,
  format: String,
});
const answer = (figures: Readonly<Record<string, number>>): HistoryAnswer => ({
  signal: 'llm-call',
  measure: 'cost',
  unit: 'USD',
  from: '',
  to: '',
  step_seconds: 86_400,
  tz: 'UTC',
  source: 'rows',
  series: Object.entries(figures).map(([model, value]) => ({ group: { model }, points: [[0, value]] })),
});

describe('the figures below the chart', () => {
  test('are the whole, the steps as they are drawn, and the change', () => {
    const series = [line('b', [1, null, 3, null], 'cyan'), line('a', [5, 5, 5, 5], 'green')];
    const rows = figureRows(answer({ b: 4, a: 20 }), answer({ b: 8, c: 1 }), { series });
    const byLabel = Object.fromEntries(rows.map(({ label, figures }) => [label, Object.values(figures)]));
    assert.deepEqual(byLabel, {
      a: [20, 5, 5, 5, 5, null, null],
      b: [4, 3, 2, 1, 3, 8, -50],
      c: [null, null, null, null, null, 1, null],
    });
    assert.deepEqual(
      sortedRows(rows, 'before').map(({ label }) => label),
      ['b', 'c', 'a'],
    );
    const choice = readChoice({ ...NOTHING, own: { signal: 'llm-call' }, group: 'model' }, DAY_MS);
    assert.deepEqual(
      columnsOf(choice, true).map(({ id }) => id),
      Object.keys(rows[0]?.figures ?? {}),
    );
    assert.equal(columnsOf(choice, false)[0]?.label, 'Total');
    const gauge = readChoice({ ...NOTHING, own: { signal: 'system' } }, DAY_MS);
    assert.ok(!columnsOf(gauge, false).some(({ id }) => id === 'average'));
    assert.deepEqual([changeText(12.34), changeText(-50), changeText(0)], ['+12.3%', '−50.0%', '±0.0%']);
  });

  test('before has the colour of now, whatever its place was then', () => {
    const now = { times: [1], series: [line('a', [1], 'green'), line('b', [1], 'cyan')] };
    const before = { times: [1], series: [line('b', [2], 'green'), line('a', [3], 'cyan')] };
    assert.deepEqual(
      earlierFigures(before, now, 'line').series.map(({ label, color }) => [label, color]),
      [
        ['b, before', 'cyan'],
        ['a, before', 'green'],
      ],
    );
    assert.deepEqual(earlierFigures(before, now, 'stacked').series[0]?.values, [5]);
  });
});

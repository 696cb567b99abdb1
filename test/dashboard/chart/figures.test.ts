import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { chartCsv, fileName } from '../../../dashboards/web/src/chart/export.ts';
import { plotData } from '../../../dashboards/web/src/chart/plot-data.ts';
import {
  type ChartSeries,
  figuresOf,
  joined,
  seriesOver,
  summaryOf,
} from '../../../dashboards/web/src/chart/series.ts';
import { rowsOf } from '../../../dashboards/web/src/chart/table.ts';
import type { HistoryAnswer } from '../../../src/core/history/query.ts';

describe('figures', () => {
  const answer = (points: HistoryAnswer['series'][number]['points'], measure = 'avg'): HistoryAnswer => ({
    signal: 'request',
    measure,
    unit: 'ms',
    from: '',
    to: '',
    step_seconds: 10,
    tz: 'UTC',
    source: 'rows',
    series: [{ group: {}, points }],
  });
  const valuesOf = ({ series }: { readonly series: readonly ChartSeries[] }) =>
    series.map(({ values }) => values);

  test('keep their gaps', () => {
    assert.deepEqual(
      valuesOf(
        figuresOf(
          answer([
            [0, 1],
            [10_000, null],
          ]),
        ),
      ),
      [[1, null]],
    );
  });

  describe('of a step under way', () => {
    const underWay = (...values: (number | null)[]) =>
      figuresOf({
        ...answer(
          values.map((value, step) => [step * 10_000, value]),
          'count',
        ),
        partial_from: new Date((values.length - 1) * 10_000).toISOString(),
      });

    test('are there and marked, in a join too', () => {
      const figures = underWay(5, 2);
      assert.deepEqual([valuesOf(figures), figures.partialFrom], [[[5, 2]], 10]);
      assert.equal(joined([figuresOf(answer([[0, 1]])), figures]).partialFrom, 10);
      assert.equal(figuresOf(answer([[0, 1]])).partialFrom, undefined);
    });

    test('are not told as the newest, but where there are no others', () => {
      const told = (...values: (number | null)[]) => summaryOf(underWay(...values));
      assert.equal(told(5, 7, 2), 'count: now 7.0 ms, lowest 5.0 ms, highest 7.0 ms.');
      assert.equal(told(null, 2), 'count: now 2.0 ms, lowest 2.0 ms, highest 2.0 ms.');
      assert.equal(told(null, null), 'count: no data yet.');
      assert.deepEqual(valuesOf({ series: seriesOver(underWay(5, 7, 2)) }), [[5, 7]]);
    });
  });

  test('of other times are joined without making gaps, and names are told apart', () => {
    const a = figuresOf(
      answer([
        [0, 1],
        [20_000, 3],
      ]),
    );
    const b = figuresOf(
      answer([
        [0, 7],
        [10_000, 8],
        [20_000, 9],
      ]),
    );
    const both = joined([a, b]);
    assert.deepEqual(both.times, [0, 10, 20]);
    assert.deepEqual(valuesOf(both), [
      [1, undefined, 3],
      [7, 8, 9],
    ]);
    assert.deepEqual(
      both.series.map(({ label }) => label),
      ['avg', 'avg (2)'],
    );
  });

  test('are stacked over those that are shown', () => {
    const figures = joined([
      figuresOf(answer([[0, 1]]), { label: 'a' }),
      figuresOf(answer([[0, 2]]), { label: 'b' }),
    ]);
    assert.deepEqual(plotData(figures, 'stacked', new Set()), [[0], [1], [3]]);
    assert.deepEqual(plotData(figures, 'stacked', new Set(['a'])), [[0], [1], [2]]);
  });

  test('are saved without formulas', () => {
    const figures = figuresOf(
      answer([
        [0, 1.5],
        [1000, null],
      ]),
      { label: '=1+1' },
    );
    assert.equal(
      chartCsv(rowsOf(figures, null)),
      "time,'=1+1\r\n1970-01-01T00:00:00.000Z,1.5\r\n1970-01-01T00:00:01.000Z,\r\n",
    );
    assert.equal(fileName('p95 of <script>!', 'csv'), 'p95-of-script.csv');
  });
});

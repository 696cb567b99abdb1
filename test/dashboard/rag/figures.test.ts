import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import type { ChartFigures, ChartValue } from '../../../dashboards/web/src/chart/series.ts';
import { longestStage, stageShares } from '../../../dashboards/web/src/rag/figures.ts';

const TIMES = [10, 20, 30];

function figures(...lines: readonly (readonly [string, readonly ChartValue[]])[]): ChartFigures {
  return {
    times: TIMES,
    series: lines.map(([label, values]) => ({ label, values, color: 'green', format: String })),
  };
}

const valuesOf = ({ series }: ChartFigures) =>
  Object.fromEntries(series.map(({ label, values }) => [label, values]));

describe('stages', () => {
  test('add up to the mean query; without a query there is a gap', () => {
    const shares = stageShares([
      figures(['embedding', [100, 0, 30]], ['vector_search', [300, 0, 90]]),
      figures(['sum', [600, 0, 100]]),
      figures(['count', [4, 0, 2]]),
    ]);
    assert.deepEqual(valuesOf(shares), {
      embedding: [25, null, 15],
      'vector search': [75, null, 45],
      other: [50, null, 0],
    });
  });

  test('the longest is named, and what is no stage is not', () => {
    assert.equal(longestStage({ stages: { vector_search: 310.2, rerank: 20 } }), 'vector search 310 ms');
    for (const stages of [null, 'text', {}, { a: 'b' }, 7]) assert.equal(longestStage({ stages }), '–');
  });
});

import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { groupRows } from '../../../dashboards/web/src/history/groups.ts';
import type { HistoryAnswer } from '../../../src/core/history/query.ts';

describe('groups', () => {
  const answer = (points: readonly (readonly [string | null, number | null])[]): HistoryAnswer => ({
    signal: 'llm-call',
    measure: 'cost',
    unit: 'USD',
    from: '',
    to: '',
    step_seconds: 1,
    tz: 'UTC',
    source: 'rows',
    series: points.map(([model, value]) => ({ group: { model }, points: [[0, value]] })),
  });

  test('are rows over all answers, the largest first, what has no figure last', () => {
    const rows = groupRows(
      [
        answer([
          ['a', 1],
          ['b', 3],
          ['<other>', 2],
        ]),
        null,
        answer([
          [null, 5],
          ['b', 4],
        ]),
      ],
      0,
    );
    assert.deepEqual(rows, [
      { value: 'b', label: 'b', figures: [3, null, 4] },
      { value: null, label: '<other>', figures: [2, null, null] },
      { value: 'a', label: 'a', figures: [1, null, null] },
      { value: null, label: '(none)', figures: [null, null, 5] },
    ]);
  });
});

import assert from 'node:assert/strict';
import { test } from 'vitest';
import { levelOf } from '../../../dashboards/web/src/elements/thresholds.ts';

test('levels begin above 70 and above 90', () => {
  assert.deepEqual([70, 70.1, 90, 90.1].map(levelOf), ['good', 'warning', 'warning', 'critical']);
});

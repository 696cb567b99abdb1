import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import {
  afterReload,
  assetsOf,
  isAnother,
  waitBeforeReload,
} from '../../../dashboards/web/src/live/served-build.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

describe('which dashboard is served', () => {
  const HTML = `<script src="/admin/theme.js"></script><script type="module" src="/admin/assets/index-Bx_3.js"></script>
    <link rel="stylesheet" href="/admin/assets/index-C-1.css">`;

  test('is told by the names of its files', () => {
    const own = assetsOf(HTML);
    assert.deepEqual(own, ['/assets/index-Bx_3.js', '/assets/index-C-1.css']);
    assert.equal(isAnother(own, assetsOf(HTML)), false);
    assert.equal(isAnother(own, assetsOf(HTML.replace('Bx_3', 'Bx_4'))), true);
  });

  test('is unknown where the answer is no dashboard, or the page is not built', () => {
    assert.equal(isAnother(assetsOf(HTML), assetsOf('<title>Log in</title>')), false);
    assert.equal(isAnother([], assetsOf(HTML)), false);
  });

  test('a screen reloads at once, then ever more seldom, and at once again after a quiet time', () => {
    const start = Date.UTC(2026, 10, 22);
    let reloads = { count: 0, atMs: 0 };
    const waits: number[] = [];
    for (let round = 0; round < 9; round++) {
      waits.push(waitBeforeReload(reloads, start) / MINUTE_MS);
      reloads = { ...afterReload({ ...reloads, atMs: start }, start), atMs: start };
    }
    assert.deepEqual(waits, [0, 1, 2, 4, 8, 16, 32, 60, 60]);
    assert.equal(waitBeforeReload(reloads, start + 5 * HOUR_MS), 0);
    assert.deepEqual(afterReload(reloads, start + 5 * HOUR_MS), { count: 1, atMs: start + 5 * HOUR_MS });
    assert.equal(waitBeforeReload(reloads, start - HOUR_MS), 0);
  });
});

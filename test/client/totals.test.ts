import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { busy } from '../../dashboards/web/src/fixtures/busy.ts';
import { appendHistory, EMPTY_HISTORY } from '../../src/client/history.ts';
import { readSnapshot } from '../../src/client/parse.ts';
import { totalsOf } from '../../src/client/totals.ts';
import { verdictOf } from '../../src/client/verdict.ts';
import type { Snapshot } from '../../src/core/snapshot.ts';

/** As it comes over the wire, with whatever `totals` says. */
function received(totals: unknown): Snapshot {
  const snapshot = readSnapshot(
    JSON.parse(JSON.stringify({ ...busy, pipeline: { ...busy.pipeline, totals } })),
  );
  return snapshot ?? assert.fail('not usable');
}

const shown = (totals: unknown) => totalsOf(received(totals)).text(27_732, String);

describe('totals', () => {
  test('are shown as figures once they are known', () => {
    assert.equal(shown('known'), '27732');
    assert.equal(totalsOf(received('known')).hint, '');
  });

  test('of an older collector, which does not say, are known', () => {
    assert.equal(received(undefined).pipeline.totals, 'known');
    for (const said of [undefined, null, 7, 'whatever a later one says']) assert.equal(shown(said), '27732');
  });

  test('are no figures while what was counted before the start is being read', () => {
    const totals = totalsOf(received('loading'));
    assert.equal(shown('loading'), '…');
    assert.match(totals.hint, /is being read$/);
    assert.deepEqual([totals.isNone(0), totalsOf(received('known')).isNone(0)], [false, true]);
  });

  test('are in no rate that is drawn or judged before they are known', () => {
    const cold = (totals: unknown): Snapshot => {
      const snapshot = received(totals);
      return { ...snapshot, cache: { ...snapshot.cache, rag_hits: 0, rag_misses: 7, rag_hit_rate: 0 } };
    };
    const history = [cold('loading'), received('known')].reduce(appendHistory, EMPTY_HISTORY);
    assert.deepEqual(history.cacheLookups, [0, busy.cache.rag_hits + busy.cache.rag_misses]);
    assert.deepEqual([verdictOf(cold('loading')), verdictOf(cold('known'))], ['healthy', 'degraded']);
  });
});

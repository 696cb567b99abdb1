import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import {
  filtersOf,
  groupsOf,
  kindsOf,
  measuresOf,
  ownOf,
  readChoice,
  SIGNALS,
  stepsOf,
} from '../../../dashboards/web/src/history/choice.ts';
import { measureWords, stepWords, wordsOf } from '../../../dashboards/web/src/history/words.ts';
import { HISTORY } from '../../../src/core/history/catalogue.ts';
import { parseHistoryQuery } from '../../../src/core/history/parameters.ts';

const DAY_MS = 86_400_000;
const NOTHING = { own: {}, group: '', filters: {}, compare: false };

/** What the collector makes of it: throws for what cannot be asked. */
function asked(choice: ReturnType<typeof readChoice>): void {
  const { signal, measure, groupBy, filters, step } = choice;
  const search = new URLSearchParams({ signal, measure, step, from: '-24h', ...filters });
  if (groupBy !== '') search.set('group_by', groupBy);
  parseHistoryQuery(search, Date.UTC(2026, 10, 23));
}

describe('the question of an address', () => {
  test('can be asked, whatever is chosen of what is offered', () => {
    for (const signal of SIGNALS)
      for (const measure of Object.keys(HISTORY[signal].measures)) {
        asked(readChoice({ ...NOTHING, own: { signal, measure } }, DAY_MS));
        for (const group of groupsOf({ signal, measure, filters: {} }))
          for (const filter of filtersOf(signal, measure)) {
            const choice = readChoice(
              { ...NOTHING, own: { signal, measure, step: '1h' }, group, filters: { [filter]: 'x' } },
              DAY_MS,
            );
            assert.equal(choice.measure, measure);
            asked(choice);
          }
      }
  });

  test('is as if nothing were there where it makes no sense', () => {
    const choice = readChoice(
      {
        own: { signal: 'cache', measure: 'cost', step: '1s', chart: 'pie' },
        group: 'model',
        filters: { model: 'x', cache: 'rag' },
        compare: false,
      },
      DAY_MS,
    );
    assert.deepEqual(choice, {
      signal: 'cache',
      measure: 'hit_rate',
      groupBy: '',
      filters: { cache: 'rag' },
      step: 'auto',
      kind: 'line',
    });
    assert.equal(readChoice({ ...NOTHING, own: { signal: 'toString' } }, DAY_MS).signal, 'request');
  });

  test('of gauges is about one of them', () => {
    const choice = readChoice({ ...NOTHING, own: { signal: 'system' } }, DAY_MS);
    assert.deepEqual(choice.filters, { metric: 'cpu_percent' });
    assert.equal(wordsOf(choice), 'values of cpu percent');
    assert.ok(!groupsOf(choice).includes('metric'));
  });

  test('about stages has the measures that stages have', () => {
    const measures = measuresOf({ signal: 'rag-query', groupBy: 'stage', filters: {} });
    assert.deepEqual(measures, ['count', 'rate', 'avg', 'min', 'max', 'sum', 'p50', 'p95', 'p99']);
    assert.ok(!groupsOf({ signal: 'rag-query', measure: 'errors', filters: {} }).includes('stage'));
  });

  test('goes into the address and comes out of it', () => {
    const own = { signal: 'llm-call', measure: 'tokens_in', step: '15m', chart: 'line' };
    const choice = readChoice({ ...NOTHING, own, group: 'user' }, DAY_MS);
    assert.deepEqual(ownOf(choice, false), own);
    assert.deepEqual(ownOf(readChoice(NOTHING, DAY_MS), false), {
      signal: null,
      measure: null,
      step: null,
      chart: null,
    });
  });

  test('offers steps and ways to draw that fit', () => {
    assert.deepEqual(stepsOf(3_600_000, false), ['auto', '10s', '1m', '5m', '15m']);
    assert.deepEqual(stepsOf(90 * DAY_MS, true), ['auto', '1d', '7d']);
    assert.deepEqual(kindsOf({ signal: 'llm-call', measure: 'cost', groupBy: 'model' }, false), [
      'stacked',
      'line',
    ]);
    const p95 = { signal: 'request', measure: 'p95', groupBy: '' } as const;
    assert.ok(kindsOf(p95, false).includes('heat'));
    assert.ok(!kindsOf(p95, true).includes('heat'));
    assert.deepEqual(
      [stepWords(10), stepWords(900), stepWords(7200), stepWords(604_800)],
      ['10 s', '15 min', '2 h', '7 d'],
    );
  });

  test('reads as a sentence, for every measure there is', () => {
    for (const signal of SIGNALS)
      for (const measure of Object.keys(HISTORY[signal].measures))
        assert.doesNotMatch(measureWords(signal, measure), /_|undefined/);
    const choice = readChoice({ ...NOTHING, group: 'endpoint' }, DAY_MS);
    assert.equal(wordsOf(choice), 'p95 duration of requests by endpoint');
  });
});

import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import type { ShownRule } from '../../dashboards/web/src/alerts/alerts.ts';
import { bandsOn, isDrawn } from '../../dashboards/web/src/alerts/watched.ts';
import { earlierFigures } from '../../dashboards/web/src/chart/compare.ts';
import type { ChartSeries } from '../../dashboards/web/src/chart/series.ts';
import {
  filtersOf,
  groupsOf,
  kindsOf,
  measuresOf,
  ownOf,
  readChoice,
  SIGNALS,
  stepsOf,
} from '../../dashboards/web/src/explore/choice.ts';
import { wordsOf } from '../../dashboards/web/src/explore/explore.ts';
import { changeText, columnsOf, figureRows, sortedRows } from '../../dashboards/web/src/explore/rows.ts';
import { measureWords, stepWords } from '../../dashboards/web/src/explore/words.ts';
import { HISTORY } from '../../src/core/history/catalogue.ts';
import { parseHistoryQuery } from '../../src/core/history/parameters.ts';
import type { HistoryAnswer } from '../../src/core/history/query.ts';

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
    const rows = figureRows(answer({ b: 4, a: 20 }), answer({ b: 8, c: 1 }), series);
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

const rule = (condition: ShownRule['condition']): ShownRule => ({
  id: 'r',
  name: 'Slow',
  enabled: true,
  severity: 'critical',
  condition,
  for: '0',
  webhooks: [],
  origin: 'stored',
  unit: 'ms',
  limits: [],
  state: 'firing',
  silenced_until: null,
  problem: null,
  folded_groups: false,
  instances: [
    { group: 'legal', state: 'firing', since_ms: 100, value: 1, level: 1, peak: 1 },
    { group: 'sales', state: 'ok', since_ms: 0, value: 1, level: 0, peak: 0 },
  ],
});
const threshold = rule({
  kind: 'threshold',
  signal: 'rag-query',
  measure: 'p95',
  filters: {},
  group_by: 'department',
  window: '5m',
  comparison: 'above',
  threshold: 1,
  min_count: 0,
});

describe('alerts on charts', () => {
  test('are on those whose rows hold what the rule watches', () => {
    const p95 = { signal: 'rag-query', measure: 'p95' } as const;
    assert.ok(isDrawn(threshold, 'legal', [p95]));
    assert.ok(isDrawn(threshold, 'legal', [{ ...p95, filters: { department: 'legal' } }]));
    assert.ok(!isDrawn(threshold, 'legal', [{ ...p95, filters: { department: 'sales' } }]));
    assert.ok(!isDrawn(threshold, 'legal', [{ ...p95, filters: { user: 'ada' } }]));
    assert.ok(!isDrawn(threshold, 'legal', [{ signal: 'rag-query', measure: 'p50' }]));
    const budget = rule({
      kind: 'budget',
      filters: {},
      group_by: null,
      period: 'day',
      tz: 'UTC',
      limit_usd: 1,
      levels: [100],
    });
    assert.ok(isDrawn(budget, '', [{ signal: 'llm-call', measure: 'cost' }]));
    const cpu = rule({ kind: 'health', issue: 'High CPU usage' });
    assert.ok(isDrawn(cpu, '', [{ signal: 'system', measure: 'max', filters: { metric: 'cpu_percent' } }]));
    assert.ok(!isDrawn(cpu, '', [{ signal: 'system', measure: 'max', filters: { metric: 'load_1m' } }]));
    assert.ok(!isDrawn(rule({ kind: 'health', issue: 'Storage unreachable' }), '', [p95]));
  });

  test('are what has ended and what goes on', () => {
    const event = { id: 'e', rule: 'r', name: 'Slow', severity: 'critical', level: 1, value: 1 } as const;
    const events = [
      { ...event, group: 'sales', change: 'resolved', since_ms: 10, at_ms: 20 },
      { ...event, group: 'sales', change: 'firing', since_ms: 10, at_ms: 10 },
      { ...event, rule: 'gone', group: '', change: 'resolved', since_ms: 1, at_ms: 2 },
    ] as const;
    const bands = bandsOn([{ signal: 'rag-query', measure: 'p95' }], { rules: [threshold], events }, 200);
    assert.deepEqual(bands, [
      { fromMs: 10, toMs: 20, label: 'Slow: sales', tone: 'critical' },
      { fromMs: 100, toMs: 200, label: 'Slow: legal', tone: 'critical' },
    ]);
  });
});

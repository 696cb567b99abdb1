import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import type { ShownRule } from '../../../dashboards/web/src/alerts/alerts.ts';
import { bandsOn, healthFigure, isDrawn } from '../../../dashboards/web/src/alerts/watched.ts';

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

  test('have of a rule of health its own figure, or none', () => {
    const of = (metric: string) => ({ signal: 'system', measure: 'avg', filters: { metric } });
    assert.deepEqual(healthFigure('High CPU usage'), of('cpu_percent'));
    assert.deepEqual(healthFigure('Event loop blocked'), of('event_loop_p99_ms'));
    assert.equal(healthFigure('Low cache hit rate')?.measure, 'hit_rate');
    assert.equal(healthFigure('Storage unreachable'), null);
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

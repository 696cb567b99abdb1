import {
  type AlertRule,
  type AlertSeverity,
  BUDGET_LEVELS,
  type ThresholdCondition,
} from '../../core/alerts/rule.ts';
import { HEALTH_ISSUES } from '../../core/health.ts';

const CRITICAL_ISSUES: ReadonlySet<string> = new Set(['High memory usage', 'Low disk space']);

/** Rules to begin with. None is in force before somebody saves it. */
export const ALERT_PRESETS: readonly AlertRule[] = [
  ...HEALTH_ISSUES.map((issue) =>
    preset(
      slug(issue),
      issue,
      { kind: 'health', issue },
      CRITICAL_ISSUES.has(issue) ? 'critical' : 'warning',
    ),
  ),
  preset('slow-rag', 'RAG p95 above 5 s', above('rag-query', 'p95', 5000)),
  preset('rag-hit-rate', 'RAG cache hit rate below 20 %', {
    ...above('rag-query', 'hit_rate', 20),
    comparison: 'below',
    min_count: 100,
  }),
  preset('llm-errors', 'More than 5 % of LLM calls fail', above('llm-call', 'error_rate', 5, 20)),
  preset('api-errors', 'More than 5 % of requests fail', above('request', 'error_rate', 5, 20)),
  ...(['hour', 'day', 'month'] as const).map((period, index) =>
    preset(`llm-budget-${period}`, `LLM budget per ${period} and department`, {
      kind: 'budget',
      filters: {},
      group_by: 'department',
      period,
      tz: 'UTC',
      limit_usd: [5, 50, 1000][index] ?? 1000,
      levels: BUDGET_LEVELS,
    }),
  ),
];

function preset(
  id: string,
  name: string,
  condition: AlertRule['condition'],
  severity: AlertSeverity = 'warning',
): AlertRule {
  const holds = condition.kind === 'budget' ? '0' : '2m';
  return { id, name, enabled: true, severity, condition, for: holds, webhooks: [] };
}

function above(
  signal: ThresholdCondition['signal'],
  measure: string,
  threshold: number,
  minCount = 0,
): ThresholdCondition {
  return {
    kind: 'threshold',
    signal,
    measure,
    filters: {},
    group_by: null,
    window: '5m',
    comparison: 'above',
    threshold,
    min_count: minCount,
  };
}

function slug(text: string): string {
  return text.toLowerCase().replace(/[^a-z0-9]+/g, '-');
}

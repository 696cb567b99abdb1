import type { AlertRule, AlertSeverity, BudgetCondition } from '../../../../src/core/alerts/rule.ts';
import type { SignalName } from '../../../../src/core/signals/index.ts';

/** A rule as the fields of a form have it: of every kind at once. The collector says what is wrong with it. */
export interface Draft {
  id: string;
  name: string;
  enabled: boolean;
  severity: AlertSeverity;
  kind: AlertRule['condition']['kind'];
  signal: SignalName;
  measure: string;
  window: string;
  comparison: 'above' | 'below';
  threshold: number;
  minCount: number;
  period: BudgetCondition['period'];
  limit: number;
  levels: string;
  tz: string;
  groupBy: string;
  filters: string;
  issue: string;
  holds: string;
  webhooks: string;
}

export function draftOf(rule: AlertRule): Draft {
  const { condition } = rule;
  const draft: Draft = {
    id: rule.id,
    name: rule.name,
    enabled: rule.enabled,
    severity: rule.severity,
    kind: condition.kind,
    signal: 'rag-query',
    measure: 'p95',
    window: '5m',
    comparison: 'above',
    threshold: 5000,
    minCount: 0,
    period: 'month',
    limit: 100,
    levels: '80, 90, 100',
    tz: 'UTC',
    groupBy: '',
    filters: '',
    issue: condition.kind === 'health' ? condition.issue : 'High CPU usage',
    holds: rule.for,
    webhooks: rule.webhooks.map(({ url, format }) => `${format} ${url}`).join('\n'),
  };
  if (condition.kind === 'health') return draft;
  draft.groupBy = condition.group_by ?? '';
  draft.filters = Object.entries(condition.filters)
    .map(([dimension, value]) => `${dimension}=${value}`)
    .join(', ');
  if (condition.kind === 'budget') {
    const { period, limit_usd: limit, tz } = condition;
    return Object.assign(draft, { period, limit, tz, levels: condition.levels.join(', ') });
  }
  const { signal, measure, window, comparison, threshold, min_count: minCount } = condition;
  return Object.assign(draft, { signal, measure, window, comparison, threshold, minCount });
}

/** What to send. */
export function ruleOf(draft: Draft): object {
  const { id, name, enabled, severity } = draft;
  return {
    id,
    name,
    enabled,
    severity,
    condition: conditionOf(draft),
    for: draft.holds || '0',
    webhooks: webhooksOf(draft),
  };
}

function conditionOf(draft: Draft): object {
  if (draft.kind === 'health') return { kind: 'health', issue: draft.issue };
  const rows = { filters: filtersOf(draft.filters), group_by: draft.groupBy || null };
  if (draft.kind === 'budget') {
    const { period, tz, limit: limit_usd } = draft;
    const levels = draft.levels.split(',').map((level) => Number(level.trim()));
    return { kind: 'budget', ...rows, period, tz, limit_usd, levels };
  }
  const { signal, measure, window, comparison, threshold, minCount } = draft;
  return {
    kind: 'threshold',
    ...rows,
    signal,
    measure,
    window,
    comparison,
    threshold,
    min_count: minCount ?? 0,
  };
}

/** `department=sales, model=m`; a pair without a value is sent so that the collector refuses it. */
function filtersOf(text: string): Record<string, string> {
  const pairs = text.split(',').flatMap((pair) => pair.trim() || []);
  return Object.fromEntries(
    pairs.map((pair) => {
      const [dimension = '', ...value] = pair.split('=');
      return [dimension.trim(), value.join('=').trim()];
    }),
  );
}

function webhooksOf({ webhooks }: Draft): object[] {
  return webhooks
    .split('\n')
    .flatMap((line) => line.trim() || [])
    .map((line) => {
      const [, format = 'json', url] = /^(?:(json|slack)\s+)?(.*)$/.exec(line) ?? [];
      return { url, format };
    });
}

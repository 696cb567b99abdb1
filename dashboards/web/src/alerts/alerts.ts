import type { AlertState } from '../../../../src/core/alerts/alert-state.ts';
import type { AlertRule } from '../../../../src/core/alerts/rule.ts';
import type { AlertEvent } from '../../../../src/core/alerts/stored-alerts.ts';
import type { ChartBand } from '../chart/spec.ts';
import { formatOf, name } from '../format.ts';

/** A rule as `/api/metrics/alerts` shows it. */
export interface ShownRule extends AlertRule {
  readonly origin: 'file' | 'stored';
  readonly unit: string;
  readonly limits: readonly number[];
  readonly state: AlertState;
  readonly silenced_until: string | null;
  readonly problem: string | null;
  readonly folded_groups: boolean;
  readonly instances: readonly ShownInstance[];
}

export interface ShownInstance {
  readonly group: string;
  readonly state: AlertState;
  readonly since_ms: number;
  readonly value: number | null;
  readonly level: number;
  readonly peak: number;
}

export interface AlertsAnswer {
  readonly editable: boolean;
  /** Whether whoever looks may change anything; a viewer may not. Collectors of before do not say so. */
  readonly may_change?: boolean;
  readonly rules: readonly ShownRule[];
  readonly presets: readonly AlertRule[];
  readonly issues: readonly string[];
  readonly notifications: Readonly<Record<string, number>>;
}

export function isAlertsAnswer(value: unknown): value is AlertsAnswer {
  return (
    typeof value === 'object' &&
    value !== null &&
    'rules' in value &&
    Array.isArray(value.rules) &&
    'presets' in value
  );
}

export function isEvents(value: unknown): value is { readonly events: readonly AlertEvent[] } {
  return typeof value === 'object' && value !== null && 'events' in value && Array.isArray(value.events);
}

/** What a rule says, in a line: `rag-query p95 over 5m above 5.0 s`. */
export function wordsOf({
  condition,
  limits,
  unit,
}: Pick<ShownRule, 'condition' | 'limits' | 'unit'>): string {
  if (condition.kind === 'health') return `Health: ${condition.issue}`;
  const write = formatOf(unit);
  const filters = Object.entries(condition.filters).map(
    ([dimension, value]) => `, ${dimension} ${name(value)}`,
  );
  const by = condition.group_by === null ? '' : ` by ${condition.group_by}`;
  if (condition.kind === 'budget') {
    return `LLM cost per ${condition.period}${by} up to ${write(condition.limit_usd)}, told at ${condition.levels.join(', ')} %${filters.join('')}`;
  }
  const { signal, measure, window, comparison } = condition;
  return `${signal} ${measure}${by} over ${window} ${comparison} ${write(limits[0] ?? 0)}${filters.join('')}`;
}

export function groupWords(group: string): string {
  return group === '' ? 'all, or none' : name(group);
}

/** When something fired: what the history says has ended, and what fires now. */
export function bandsOf(
  rules: readonly ShownRule[],
  events: readonly AlertEvent[],
  nowMs: number,
): ChartBand[] {
  const ended = events.filter(({ change }) => change === 'resolved');
  const bands = ended.map((event): ChartBand => {
    const label = event.group === '' ? event.name : `${event.name}: ${event.group}`;
    return { fromMs: event.since_ms, toMs: event.at_ms, label: name(label), tone: event.severity };
  });
  for (const rule of rules) {
    for (const { group, state, since_ms } of rule.instances) {
      if (state !== 'firing') continue;
      const label = group === '' ? rule.name : `${rule.name}: ${group}`;
      bands.push({
        fromMs: since_ms,
        toMs: Math.max(nowMs, since_ms + 1),
        label: name(label),
        tone: rule.severity,
      });
    }
  }
  return bands;
}

import type { Dimension } from '../history/measures.ts';
import type { SignalName } from '../signals/index.ts';

export type AlertSeverity = 'warning' | 'critical';

/** A measure of history over the time before now, compared with a threshold. */
export interface ThresholdCondition {
  readonly kind: 'threshold';
  readonly signal: SignalName;
  readonly measure: string;
  /** Rows to look at: equal in every named dimension. */
  readonly filters: Readonly<Record<Dimension, string>>;
  /** Set: every value of it is watched by itself; the 50 with the most events. */
  readonly group_by: Dimension | null;
  /** How far back, such as `5m`: from a minute to 31 days. */
  readonly window: string;
  readonly comparison: 'above' | 'below';
  /** In the measure's unit. */
  readonly threshold: number;
  /** Fewer events in the window say nothing. @default 0 */
  readonly min_count: number;
}

/** What model calls cost since the beginning of an hour, a day or a month. */
export interface BudgetCondition {
  readonly kind: 'budget';
  readonly filters: Readonly<Record<Dimension, string>>;
  readonly group_by: Dimension | null;
  readonly period: 'hour' | 'day' | 'month';
  /** IANA zone in which days and months begin. @default UTC */
  readonly tz: string;
  readonly limit_usd: number;
  /** Percent of the limit at which somebody is told, growing. @default 80, 90, 100 */
  readonly levels: readonly number[];
}

/** One of the rules of health, judged on the live view: works without storage. */
export interface HealthCondition {
  readonly kind: 'health';
  /** As `/api/metrics/health` names it, such as `High CPU usage`. */
  readonly issue: string;
}

export type AlertCondition = ThresholdCondition | BudgetCondition | HealthCondition;

export type WebhookFormat = 'json' | 'slack';

export interface Webhook {
  /** http or https. It may hold a secret and is written to no log. */
  readonly url: string;
  readonly format: WebhookFormat;
}

export interface AlertRule {
  /** Lower case letters, digits and dashes, at most 60. */
  readonly id: string;
  readonly name: string;
  readonly enabled: boolean;
  readonly severity: AlertSeverity;
  readonly condition: AlertCondition;
  /** How long the condition must hold before the alert fires: `0`, or such as `2m`, at most a day. */
  readonly for: string;
  /** Told when it fires, reaches a higher level, and is resolved. At most 5. */
  readonly webhooks: readonly Webhook[];
}

export const RULES_MAX = 200;
export const WEBHOOKS_MAX = 5;
export const NAME_LENGTH_MAX = 120;
export const BUDGET_LEVELS: readonly number[] = [80, 90, 100];

const PERCENT = 100;

/** The values at which the levels 1, 2, … are reached; in the order of severity. */
export function limitsOf(condition: AlertCondition): readonly number[] {
  switch (condition.kind) {
    case 'threshold':
      return [condition.threshold];
    case 'budget':
      return condition.levels.map((level) => (condition.limit_usd * level) / PERCENT);
    case 'health':
      return [1];
  }
}

/** How many of the limits a value has reached; 0 where there is nothing to compare. */
export function levelOf(condition: AlertCondition, value: number | null): number {
  if (value === null) return 0;
  const reached = (limit: number): boolean => {
    if (condition.kind !== 'threshold') return value >= limit;
    return condition.comparison === 'above' ? value > limit : value < limit;
  };
  return limitsOf(condition).filter(reached).length;
}

import type { AlertCondition, BudgetCondition, ThresholdCondition } from '../../core/alerts/rule.ts';
import { type Buckets, ZonedTime } from '../../core/history/buckets.ts';
import { HISTORY } from '../../core/history/catalogue.ts';
import { ParameterError, parseHistoryQuery } from '../../core/history/parameters.ts';
import type { HistoryQuery } from '../../core/history/query.ts';
import { parseDuration } from '../../core/history/time.ts';
import { HOUR_MS } from '../../core/units.ts';

/** What a rule that is judged by stored rows asks. */
export interface AlertQuestion {
  readonly query: HistoryQuery;
  /** The same for the number of events, where the rule wants a minimum. */
  readonly counts: HistoryQuery | null;
}

/** @throws ParameterError for a condition that history cannot answer. */
export function questionOf(
  condition: Exclude<AlertCondition, { kind: 'health' }>,
  nowMs: number,
): AlertQuestion {
  if (condition.kind === 'budget') return { query: budgetQuery(condition, nowMs), counts: null };
  const { measure, min_count } = condition;
  const wantsCounts = min_count > 0 && HISTORY[condition.signal].measures['count'] !== undefined;
  return {
    query: thresholdQuery(condition, measure, nowMs),
    counts: wantsCounts ? thresholdQuery(condition, 'count', nowMs) : null,
  };
}

function thresholdQuery(
  { signal, filters, group_by, window }: ThresholdCondition,
  measure: string,
  nowMs: number,
): HistoryQuery {
  const fromMs = nowMs - (parseDuration(window) ?? HOUR_MS);
  return overOne({ signal, measure, ...named(group_by), ...filters }, fromMs, nowMs);
}

function budgetQuery({ filters, group_by, period, tz }: BudgetCondition, nowMs: number): HistoryQuery {
  const asked = { signal: 'llm-call', measure: 'cost', ...named(group_by), ...filters };
  return overOne(asked, periodStart(period, tz, nowMs), nowMs);
}

function named(groupBy: string | null): { readonly group_by?: string } {
  return groupBy === null ? {} : { group_by: groupBy };
}

/** History's own parser says which names there are; the range is one bucket that ends now. */
function overOne(asked: Readonly<Record<string, string>>, fromMs: number, nowMs: number): HistoryQuery {
  const query = parseHistoryQuery(new URLSearchParams(asked), nowMs);
  if (query.measure.formula.kind === 'm4')
    throw new ParameterError('measure', 'one that is one figure (avg, max, p95, …)', query.measureName);
  const buckets: Buckets = { stepMs: nowMs - fromMs, boundariesMs: [fromMs, nowMs] };
  return { ...query, buckets };
}

/** The beginning of the hour, day or month that `nowMs` is in, at least a millisecond before it. */
export function periodStart(period: BudgetCondition['period'], tz: string, nowMs: number): number {
  const zone = new ZonedTime(tz);
  const local = new Date(zone.localMs(nowMs));
  if (period === 'hour') local.setUTCMinutes(0, 0, 0);
  else local.setUTCHours(0, 0, 0, 0);
  if (period === 'month') local.setUTCDate(1);
  return Math.min(zone.instantOf(local.getTime()), nowMs - 1);
}

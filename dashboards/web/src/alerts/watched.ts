import type { AlertRule } from '../../../../src/core/alerts/rule.ts';
import type { AlertEvent } from '../../../../src/core/alerts/stored-alerts.ts';
import type { ChartBand, DrawnFigure } from '../chart/spec.ts';
import { bandsOf, type ShownRule } from './alerts.ts';

interface WatchedFigure extends Omit<DrawnFigure, 'measure'> {
  /** `null`: whichever is drawn. */
  readonly measure: string | null;
}

const gauge = (metric: string): WatchedFigure => ({ signal: 'system', measure: null, filters: { metric } });
/** The rules of health whose figure is stored. */
const HEALTH_FIGURES: Readonly<Record<string, WatchedFigure>> = {
  'High CPU usage': gauge('cpu_percent'),
  'High memory usage': gauge('memory_percent'),
  'Low disk space': gauge('disk_percent'),
  'Event loop blocked': gauge('event_loop_p99_ms'),
  'Low cache hit rate': { signal: 'cache', measure: 'hit_rate', filters: { cache: 'rag' } },
};

/** What is drawn of a rule of health; `null` where nothing is stored of what it watches. */
export function healthFigure(issue: string): DrawnFigure | null {
  const watched = HEALTH_FIGURES[issue];
  return watched === undefined ? null : { ...watched, measure: watched.measure ?? 'avg' };
}

/** What a rule watches for one of its groups; `null` for what no chart draws. */
function watchedBy({ condition }: AlertRule, group: string): WatchedFigure | null {
  if (condition.kind === 'health') return HEALTH_FIGURES[condition.issue] ?? null;
  const filters: Readonly<Record<string, string>> = {
    ...condition.filters,
    ...(condition.group_by === null ? {} : { [condition.group_by]: group }),
  };
  if (condition.kind === 'budget') return { signal: 'llm-call', measure: 'cost', filters };
  return { signal: condition.signal, measure: condition.measure, filters };
}

/** Whether what a rule watches is drawn: the same measure, of rows that are all or some of the line's. */
export function isDrawn(rule: AlertRule, group: string, figures: readonly DrawnFigure[]): boolean {
  const watched = watchedBy(rule, group);
  if (watched === null) return false;
  return figures.some(
    ({ signal, measure, filters = {} }) =>
      signal === watched.signal &&
      (watched.measure === null || measure === watched.measure) &&
      Object.entries(filters).every(([dimension, value]) => watched.filters?.[dimension] === value),
  );
}

/** When rules that watch what a chart draws fired. */
export function bandsOn(
  figures: readonly DrawnFigure[],
  { rules, events }: { readonly rules: readonly ShownRule[]; readonly events: readonly AlertEvent[] },
  nowMs: number,
): ChartBand[] {
  const byId = new Map(rules.map((rule) => [rule.id, rule]));
  return bandsOf(
    rules.map((rule) => ({
      ...rule,
      instances: rule.instances.filter(({ group }) => isDrawn(rule, group, figures)),
    })),
    events.filter((event) => {
      const rule = byId.get(event.rule);
      return rule !== undefined && isDrawn(rule, event.group, figures);
    }),
    nowMs,
  );
}

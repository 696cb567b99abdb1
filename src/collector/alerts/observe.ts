import { type AlertRule, levelOf } from '../../core/alerts/rule.ts';
import { NervecenterError } from '../../core/errors.ts';
import type { HistoryAnswer, HistoryQuery } from '../../core/history/query.ts';
import { questionOf } from './question.ts';

/** One of the groups that a rule watches. */
export interface Observed {
  readonly group: string;
  readonly value: number | null;
  readonly level: number;
}

/** Where what rules are about is looked up. */
export interface ObservationSources {
  readonly history: ((query: HistoryQuery) => Promise<HistoryAnswer>) | null;
  /** What health says now. */
  readonly issues: () => readonly string[];
  readonly now: () => number;
}

const FOLDED = '<other>';

/** What a rule is about, as it is now. @throws NervecenterError `NC_UNAVAILABLE` where it cannot be known */
export async function observe(
  { condition }: AlertRule,
  { history, issues, now }: ObservationSources,
): Promise<{ readonly groups: readonly Observed[]; readonly folded: boolean }> {
  if (condition.kind === 'health') {
    const applies = issues().includes(condition.issue);
    return { groups: [{ group: '', value: applies ? 1 : 0, level: applies ? 1 : 0 }], folded: false };
  }
  if (history === null)
    throw new NervecenterError(
      'NC_UNAVAILABLE',
      'Storage is off (NERVECENTER_STORAGE): there is no history.',
    );
  const { query, counts } = questionOf(condition, now());
  const values = valuesOf(await history(query));
  const events = counts === null ? null : valuesOf(await history(counts));
  const folded = values.delete(FOLDED);
  const enough = (group: string) =>
    events === null || condition.kind !== 'threshold' || (events.get(group) ?? 0) >= condition.min_count;
  const groups = [...values].map(([group, value]) => {
    return { group, value, level: enough(group) ? levelOf(condition, value) : 0 };
  });
  return { groups, folded };
}

function valuesOf({ series }: HistoryAnswer): Map<string, number | null> {
  return new Map(series.map(({ group, points }) => [Object.values(group)[0] ?? '', points[0]?.[1] ?? null]));
}

import type { HistoryAnswer } from '../../../../src/core/history/query.ts';
import { type GroupName, groupLabel } from '../chart/series.ts';

/** One value of a dimension and, per question, its figure over the whole range. */
export interface GroupRow {
  /** As filters have it; `null` where it is no value that can be filtered by. */
  readonly value: string | null;
  readonly label: string;
  /** In the order of the answers; `null`: nothing to measure. */
  readonly figures: readonly (number | null)[];
}

/** What the collector calls all groups past its bound. */
const OTHER = '<other>';

/** Grouped answers of one figure each as rows, the largest by the figure with that number first, what has none last. */
export function groupRows(
  answers: readonly (HistoryAnswer | null)[],
  sortedBy: number,
  nameOf?: GroupName,
): GroupRow[] {
  const rows = new Map<string, { value: string | null; label: string; figures: (number | null)[] }>();
  answers.forEach((answer, which) => {
    for (const series of answer?.series ?? []) {
      const [value = null] = Object.values(series.group);
      const key = JSON.stringify(value);
      const row = rows.get(key) ?? {
        value: value === OTHER ? null : value,
        label: groupLabel(series, nameOf) ?? '',
        figures: answers.map(() => null),
      };
      row.figures[which] = series.points.at(-1)?.[1] ?? null;
      rows.set(key, row);
    }
  });
  const rank = ({ figures }: GroupRow) => figures[sortedBy] ?? Number.NEGATIVE_INFINITY;
  return [...rows.values()].sort((a, b) => rank(b) - rank(a) || (a.label < b.label ? -1 : 1));
}

/** The one figure of an ungrouped answer about the whole range. */
export function figureOfAll(answer: HistoryAnswer | null): number | null {
  return answer?.series[0]?.points.at(-1)?.[1] ?? null;
}

import type { Attributes, Point } from '../../../../core/frame.ts';
import { mergePoints } from '../../../../core/measured.ts';

/** Series of one metric that are shown by themselves; half of what the live view has room for. */
const SERIES_MAX = 1000;
const OTHER = '<other>';

/**
 * Totals keep every series there ever was, and routes and models change over the years. Past the bound the smallest series of
 * a metric become one, by calling `<other>` what most of them differ in; what they add up to stays.
 */
export function boundSeries(points: readonly Point[]): Point[] {
  const byName = Map.groupBy(points, ({ name }) => name);
  return [...byName.values()].flatMap((series) => (series.length > SERIES_MAX ? folded(series) : series));
}

function folded(series: readonly Point[]): Point[] {
  const largest = series.toSorted((a, b) => weight(b) - weight(a));
  const name = mostVaried(series);
  const others = largest.slice(SERIES_MAX).map((point) => ({
    ...point,
    attributes: name in point.attributes ? { ...point.attributes, [name]: OTHER } : point.attributes,
  }));
  return mergePoints([...largest.slice(0, SERIES_MAX), ...others]);
}

const weight = (point: Point): number => (point.kind === 'histogram' ? point.count + point.sum : point.value);

function mostVaried(series: readonly Point[]): string {
  const values = new Map<string, Set<Attributes[string]>>();
  for (const { attributes } of series) {
    for (const [name, value] of Object.entries(attributes))
      values.set(name, (values.get(name) ?? new Set()).add(value));
  }
  const [most] = [...values].sort(([, a], [, b]) => b.size - a.size);
  return most?.[0] ?? '';
}

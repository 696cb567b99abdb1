import type { Attributes, Point } from '../../../../core/frame.ts';
import { mergePoints, seriesOf } from '../../../../core/measured.ts';

/** Series of one metric that are shown by themselves; half of what the live view has room for. */
const SERIES_MAX = 1000;
const OTHER = '<other>';

/**
 * Totals keep every series there ever was, and routes and models change over the years. Past the bound the smallest series of
 * a metric become one, by calling `<other>` what most of them differ in; what they add up to stays. One series is what all
 * services have of it.
 */
export function boundSeries(points: readonly Point[]): Point[] {
  const byName = Map.groupBy(points, ({ name }) => name);
  return [...byName.values()].flatMap((parts) => {
    const series = [...Map.groupBy(parts, seriesOf).values()];
    return series.length > SERIES_MAX ? folded(series) : parts;
  });
}

/** @param series the parts of each. */
function folded(series: readonly (readonly Point[])[]): Point[] {
  const largest = series.toSorted((a, b) => weightOf(b) - weightOf(a));
  const name = mostVaried(series.flat());
  const others = largest
    .slice(SERIES_MAX)
    .flat()
    .map((point) => ({
      ...point,
      attributes: name in point.attributes ? { ...point.attributes, [name]: OTHER } : point.attributes,
    }));
  return mergePoints([...largest.slice(0, SERIES_MAX).flat(), ...others]);
}

const weightOf = (parts: readonly Point[]): number => parts.reduce((sum, point) => sum + weight(point), 0);

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

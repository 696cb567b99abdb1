import type { ChartFigures, ChartValue } from './series.ts';
import type { ChartHeat, ChartKind } from './spec.ts';

/** What uPlot draws: seconds since 1970 and one column per series. */
export type PlotData = [number[], ...ChartValue[][]];

/** Columns for uPlot. Stacked ones hold sums: each series lies on those before it, the hidden ones left out. */
export function plotData(
  { times, series }: ChartFigures,
  kind: ChartKind,
  hidden: ReadonlySet<string>,
): PlotData {
  const columns = series.map(({ values }) => [...values]);
  if (kind !== 'stacked') return [[...times], ...columns];
  const floor = times.map(() => 0);
  series.forEach(({ label, values, isOverlay }, which) => {
    if (isOverlay === true || hidden.has(label)) return;
    columns[which] = values.map((value, index) => {
      if (typeof value !== 'number') return value;
      const top = (floor[index] ?? 0) + value;
      floor[index] = top;
      return top;
    });
  });
  return [[...times], ...columns];
}

/** A heatmap's times and, so that the axis has a scale, its highest row at each. */
export function heatData({ timesMs, bounds }: ChartHeat): PlotData {
  return [timesMs.map((ms) => ms / 1000), timesMs.map(() => bounds.length - 1)];
}

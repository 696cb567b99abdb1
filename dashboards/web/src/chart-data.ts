import { MAX_HISTORY } from '../../../src/client/index.ts';

/** A silence longer than so many intervals is a gap in the line, not a straight line across it. */
const GAP_INTERVALS = 2.5;

export interface ChartSeries {
  readonly label: string;
  /** A colour as CSS and canvas read it, `#rrggbb`. */
  readonly color: string;
  /** `null` where there is nothing to say. */
  readonly values: readonly (number | null)[];
  readonly format: (value: number) => string;
}

/** What uPlot draws: seconds since 1970 and one column per series. */
export type PlotData = [number[], ...(number | null)[][]];

/** Columns for uPlot; a gap in the snapshots becomes a point without a value. */
export function plotData(
  timestamps: readonly string[],
  series: readonly ChartSeries[],
  intervalMs: number,
): PlotData {
  const times: number[] = [];
  const columns: (number | null)[][] = series.map(() => []);
  timestamps.forEach((timestamp, index) => {
    const seconds = Date.parse(timestamp) / 1000;
    const last = times.at(-1);
    // uPlot wants time to grow; a clock set back would draw a line to the left.
    if (last !== undefined && seconds <= last) return;
    if (last !== undefined && (seconds - last) * 1000 > GAP_INTERVALS * intervalMs) {
      times.push(last + intervalMs / 1000);
      for (const column of columns) column.push(null);
    }
    times.push(seconds);
    columns.forEach((column, which) => {
      column.push(series[which]?.values[index] ?? null);
    });
  });
  return [times, ...columns];
}

/** How many seconds the time axis spans: what a full history covers. */
export function spanSeconds(intervalMs: number): number {
  return ((MAX_HISTORY - 1) * intervalMs) / 1000;
}

/** `last 5 min` */
export function spanText(intervalMs: number): string {
  const seconds = (MAX_HISTORY * intervalMs) / 1000;
  return seconds < 120 ? `last ${Math.round(seconds)} s` : `last ${Math.round(seconds / 60)} min`;
}

function isNumber(value: number | null): value is number {
  return value !== null;
}

/** The chart in a sentence, for those who do not see it. */
export function summaryOf(series: readonly ChartSeries[]): string {
  return series
    .map(({ label, values, format }) => {
      const known = values.filter(isNumber);
      const latest = known.at(-1);
      if (latest === undefined) return `${label}: no data yet.`;
      const low = format(Math.min(...known));
      const high = format(Math.max(...known));
      return `${label}: now ${format(latest)}, lowest ${low}, highest ${high}.`;
    })
    .join(' ');
}

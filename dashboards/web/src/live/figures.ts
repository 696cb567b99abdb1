import { MAX_HISTORY } from '../../../../src/client/index.ts';
import type { ChartFigures, ChartSeries, ChartValue } from '../chart/series.ts';

/** A silence longer than so many intervals is a gap in the line, not a straight line across it. */
const GAP_INTERVALS = 2.5;

/**
 * Snapshots as figures of a chart; a gap in the snapshots becomes a point without a value.
 *
 * @param stepMs how long a point stands for: of each, or of all.
 */
export function liveFigures(
  timestamps: readonly string[],
  series: readonly ChartSeries[],
  stepMs: number | readonly number[],
): ChartFigures {
  const stepAt = (index: number) => (typeof stepMs === 'number' ? stepMs : (stepMs[index] ?? 0));
  const times: number[] = [];
  const columns: ChartValue[][] = series.map(() => []);
  timestamps.forEach((timestamp, index) => {
    const seconds = Date.parse(timestamp) / 1000;
    const last = times.at(-1);
    // uPlot wants time to grow; a clock set back would draw a line to the left.
    if (last !== undefined && seconds <= last) return;
    if (last !== undefined && (seconds - last) * 1000 > GAP_INTERVALS * stepAt(index - 1)) {
      times.push(last + stepAt(index - 1) / 1000);
      for (const column of columns) column.push(null);
    }
    times.push(seconds);
    columns.forEach((column, which) => {
      column.push(series[which]?.values[index] ?? null);
    });
  });
  return { times, series: series.map((line, which) => ({ ...line, values: columns[which] ?? [] })) };
}

/** How many milliseconds the time axis spans: what a full history covers. */
export function liveSpanMs(intervalMs: number): number {
  return (MAX_HISTORY - 1) * intervalMs;
}

/** So much is shown at least: on a shorter axis nothing has a shape yet. */
const SPAN_MIN_MS = 60_000;

/** Where the axis of a live chart begins: while there is less than its span it shows what there is. */
export function liveFromMs({ times, series }: ChartFigures, toMs: number, spanMs: number): number {
  const first = times.findIndex((_, index) => series.some(({ values }) => typeof values[index] === 'number'));
  const firstMs = (times[first] ?? Number.POSITIVE_INFINITY) * 1000;
  return Math.max(toMs - spanMs, Math.min(firstMs, toMs - SPAN_MIN_MS));
}

/**
 * `last 5 min`
 *
 * @param knownMs how long ago the first figure was, where that is less. @default as long as there can be any
 */
export function spanText(intervalMs: number, knownMs = Number.POSITIVE_INFINITY): string {
  const seconds = Math.min(MAX_HISTORY * intervalMs, Math.max(knownMs, SPAN_MIN_MS)) / 1000;
  return seconds < 120 ? `last ${Math.round(seconds)} s` : `last ${Math.round(seconds / 60)} min`;
}

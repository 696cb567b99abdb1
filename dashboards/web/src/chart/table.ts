import type { ChartFigures } from './series.ts';
import type { ChartHeat } from './spec.ts';

/** More nobody reads on a page; the CSV has them all. */
const ROWS_MAX = 300;

/** A chart as text: the same figures, newest first. */
export interface ChartTableRows {
  readonly columns: readonly string[];
  readonly rows: readonly { readonly ms: number; readonly texts: readonly string[] }[];
  /** Rows that are older than those shown. */
  readonly omitted: number;
}

/** Columns by name and, per time in milliseconds, one value of each; a gap is `null`. */
export interface ChartRows {
  readonly columns: readonly string[];
  readonly rows: readonly { readonly ms: number; readonly values: readonly (number | null)[] }[];
}

export function tableOf(figures: ChartFigures, heat: ChartHeat | null): ChartTableRows {
  const { columns, rows } = rowsOf(figures, heat);
  const formats = figures.series.map(({ format }) => format);
  const text = (value: number | null, which: number) =>
    value === null ? '–' : heat === null ? (formats[which]?.(value) ?? String(value)) : String(value);
  return {
    columns,
    rows: rows
      .slice(-ROWS_MAX)
      .reverse()
      .map(({ ms, values }) => ({ ms, texts: values.map(text) })),
    omitted: Math.max(0, rows.length - ROWS_MAX),
  };
}

export function rowsOf({ times, series }: ChartFigures, heat: ChartHeat | null): ChartRows {
  if (heat !== null) return heatRows(heat);
  const rows = times.map((seconds, index) => ({
    ms: Math.round(seconds * 1000),
    values: series.map(({ values }) => values[index] ?? null),
  }));
  return { columns: series.map(({ label }) => label), rows };
}

function heatRows({ timesMs, bounds, counts, format }: ChartHeat): ChartRows {
  const columns = bounds
    .slice(0, -1)
    .map((low, row) => `${format(low)} to ${format(bounds[row + 1] ?? low)}`);
  return {
    columns,
    rows: timesMs.map((ms, column) => ({ ms, values: columns.map((_, row) => counts[column]?.[row] ?? 0) })),
  };
}

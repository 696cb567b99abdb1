import type { HistoryAnswer, HistorySeries } from '../../../../src/core/history/query.ts';
import { formatOf, name } from '../format.ts';
import type { ChartHeat } from './spec.ts';

/** Colours by name: the theme says what they are. Told apart by eyes that see few colours by dashes as well. */
export const SERIES_COLORS = [
  'green',
  'cyan',
  'amber',
  'magenta',
  'orange',
  'violet',
  'red',
  'blue',
] as const;
export type SeriesColor = (typeof SERIES_COLORS)[number];

/** Lengths of line and gap in CSS pixels; the first is solid. */
export const DASHES: readonly (readonly number[])[] = [[], [8, 4], [2, 3], [10, 3, 2, 3]];

/** `null`: a gap in the line. `undefined`: this series has no point at that time, the line goes on. */
export type ChartValue = number | null | undefined;

export interface ChartSeries {
  /** What the legend says; distinct within a chart. */
  readonly label: string;
  readonly color: SeriesColor;
  /** Index into `DASHES`. @default 0 */
  readonly dash?: number;
  readonly values: readonly ChartValue[];
  readonly format: (value: number) => string;
  /** Said where it has no value. @default '–' */
  readonly missing?: string;
  /** In which the axis is written, such as `ms` or `bytes/s`. @default numbers */
  readonly unit?: string;
  /** A line over stacked areas or bars, not one of them; behind all others in the list. @default false */
  readonly isOverlay?: boolean;
  /** Of the period before: drawn thinner and fainter. @default false */
  readonly isBefore?: boolean;
}

/** One column of times and, per series, as many values. */
export interface ChartFigures {
  /** Seconds since 1970, growing. */
  readonly times: readonly number[];
  readonly series: readonly ChartSeries[];
  /** Where the step under way begins, in seconds since 1970: its values are those so far. Absent when all steps are over. */
  readonly partialFrom?: number;
}

export const NO_FIGURES: ChartFigures = { times: [], series: [] };

export interface SeriesOptions {
  /** Of a single series; grouped ones are named after their group. @default the measure */
  readonly label?: string;
  /** Of the first series; the others follow. @default 'green' */
  readonly color?: SeriesColor;
  /** @default 0 */
  readonly dash?: number;
  /** @default by the answer's unit */
  readonly format?: (value: number) => string;
  /** @default the answer's */
  readonly unit?: string;
  /** How a group is called in the legend. @default its value */
  readonly nameOf?: GroupName;
  /** Added to every time: to draw the period before over this one. @default 0 */
  readonly shiftMs?: number;
}

/** What a value of a dimension is called; `null`: as it is. */
export type GroupName = (dimension: string, value: string) => string | null;

/** An answer of history as figures of a chart. */
export function figuresOf(answer: HistoryAnswer, options: SeriesOptions = {}): ChartFigures {
  const points = answer.series[0]?.points ?? [];
  const shiftMs = options.shiftMs ?? 0;
  const { color = 'green', dash = 0, unit = answer.unit, format = formatOf(unit) } = options;
  const first = SERIES_COLORS.indexOf(color);
  return {
    times: points.map(([at]) => (at + shiftMs) / 1000),
    series: answer.series.map((series, index) => ({
      label: groupLabel(series, options.nameOf) ?? options.label ?? answer.measure,
      ...lookOf(first + index, dash),
      values: series.points.map(([, value]) => value),
      format,
      unit,
    })),
    ...(answer.partial_from === undefined
      ? {}
      : { partialFrom: (Date.parse(answer.partial_from) + shiftMs) / 1000 }),
  };
}

/** The colour and dashes of the series with that number: eight colours, then the same ones dashed. */
export function lookOf(index: number, dash = 0): { color: SeriesColor; dash: number } {
  const color = SERIES_COLORS[index % SERIES_COLORS.length] ?? 'green';
  return { color, dash: (dash + Math.floor(index / SERIES_COLORS.length)) % DASHES.length };
}

/** The value a series stands for: `(none)` where the rows had none; `null` when it is not grouped. */
export function groupLabel({ group }: HistorySeries, nameOf: GroupName = () => null): string | null {
  const [[dimension, value] = []] = Object.entries(group);
  if (dimension === undefined || value === undefined) return null;
  return value === null ? '(none)' : name(nameOf(dimension, value) ?? value);
}

/** The distribution an answer holds that was asked for with `bands`; `null` while there is none. */
export function heatOf(answer: HistoryAnswer, format = formatOf(answer.unit)): ChartHeat | null {
  const { distribution } = answer;
  if (distribution === undefined || distribution.bounds.length < 2) return null;
  return {
    timesMs: (answer.series[0]?.points ?? []).map(([at]) => at),
    stepMs: answer.step_seconds * 1000,
    bounds: distribution.bounds,
    counts: distribution.counts,
    format,
  };
}

/** All series as one line over the others: what a whole was, where its parts are stacked. */
export function totalOf(
  { times, series }: ChartFigures,
  look: Pick<ChartSeries, 'label' | 'color' | 'dash'>,
): ChartFigures {
  const [first] = series;
  if (first === undefined) return NO_FIGURES;
  const values = times.map((_, index) =>
    series.reduce<number | null>((sum, line) => {
      const value = line.values[index];
      return typeof value === 'number' ? (sum ?? 0) + value : sum;
    }, null),
  );
  const unit = first.unit === undefined ? {} : { unit: first.unit };
  return { times, series: [{ ...look, values, format: first.format, ...unit, isOverlay: true }] };
}

/** Several figures in one chart, over all their times. */
export function joined(parts: readonly ChartFigures[]): ChartFigures {
  const [only, ...others] = parts.filter(({ series }) => series.length > 0);
  if (only === undefined) return NO_FIGURES;
  const all = [only, ...others];
  const under = all.flatMap(({ partialFrom }) => partialFrom ?? []);
  const partial = under.length === 0 ? {} : { partialFrom: Math.min(...under) };
  if (others.every(({ times }) => isSame(times, only.times)))
    return { times: only.times, series: distinct(all.flatMap(({ series }) => series)), ...partial };
  const times = [...new Set(all.flatMap((part) => part.times))].sort((a, b) => a - b);
  return { times, series: distinct(all.flatMap((part) => spread(part, times))), ...partial };
}

/** Names that were cut short can be the same. */
function distinct(series: readonly ChartSeries[]): ChartSeries[] {
  const seen = new Map<string, number>();
  return series.map((line) => {
    const nth = (seen.get(line.label) ?? 0) + 1;
    seen.set(line.label, nth);
    return nth === 1 ? line : { ...line, label: `${line.label} (${nth})` };
  });
}

function spread({ times, series }: ChartFigures, over: readonly number[]): ChartSeries[] {
  const places = new Map(times.map((time, index) => [time, index]));
  return series.map((line) => ({
    ...line,
    values: over.map((time) => {
      const place = places.get(time);
      return place === undefined ? undefined : line.values[place];
    }),
  }));
}

function isSame(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((value, index) => value === b[index]);
}

/** How many points lie before the step under way; all of them when there is none. */
export function pointsOver({ times, partialFrom }: Pick<ChartFigures, 'times' | 'partialFrom'>): number {
  if (partialFrom === undefined) return times.length;
  const under = times.findIndex((time) => time >= partialFrom);
  return under === -1 ? times.length : under;
}

/** The series as far as their steps are over. */
export function seriesOver(figures: ChartFigures): readonly ChartSeries[] {
  const over = pointsOver(figures);
  if (over === figures.times.length) return figures.series;
  return figures.series.map((line) => ({ ...line, values: line.values.slice(0, over) }));
}

/** The newest value of a line, of a step that is over where there is one; `null`: it has none. */
export function newestOf({ values }: ChartSeries, over: number): number | null {
  const isKnown = (value: ChartValue) => typeof value === 'number';
  return values.slice(0, over).findLast(isKnown) ?? values.findLast(isKnown) ?? null;
}

/** Whether nothing can be drawn. */
export function isBlank(series: readonly ChartSeries[]): boolean {
  return series.every(({ values }) => values.every((value) => typeof value !== 'number'));
}

/** The chart in a sentence, for those who do not see it; so many series are named. */
const SUMMARISED_MAX = 8;

export function summaryOf(figures: ChartFigures): string {
  const { series } = figures;
  const over = pointsOver(figures);
  const told = series.slice(0, SUMMARISED_MAX).map((line) => {
    const { label, values, format } = line;
    const latest = newestOf(line, over);
    if (latest === null) return `${label}: ${line.missing ?? 'no data yet'}.`;
    const whole = values.slice(0, over).filter((value) => typeof value === 'number');
    const known = whole.length === 0 ? [latest] : whole;
    const low = format(known.reduce((a, b) => Math.min(a, b)));
    const high = format(known.reduce((a, b) => Math.max(a, b)));
    return `${label}: now ${format(latest)}, lowest ${low}, highest ${high}.`;
  });
  const rest = series.length - SUMMARISED_MAX;
  return rest > 0 ? `${told.join(' ')} And ${rest} more.` : told.join(' ');
}

import { PERCENTILE_ERROR_BOUND } from '../../../../core/histogram.ts';
import { bandsOf } from '../../../../core/history/bands.ts';
import type { Formula } from '../../../../core/history/measures.ts';
import { packedPercentile } from '../../../../core/history/packed.ts';
import type {
  HistoryAnswer,
  HistoryQuery,
  HistorySeries,
  HistorySource,
} from '../../../../core/history/query.ts';
import { SECOND_MS } from '../../../../core/units.ts';

/** One bucket of one group, as it comes from the database. */
export interface Cell {
  /** From 1. */
  readonly at: number;
  readonly value: string;
  /** All groups past the bound, as one. */
  readonly other: boolean;
  readonly count: string;
  /** These, as far as the measure is made of them. */
  readonly sum?: number | null;
  readonly min?: number | null;
  readonly max?: number | null;
  readonly part?: string | null;
  readonly whole?: string | null;
  readonly histogram?: Buffer | null;
}

/** What is known beside the cells. */
export interface Told {
  readonly source: HistorySource;
  /** When the oldest row is of, in milliseconds since the epoch; `null`: nothing is stored. */
  readonly firstRowMs: number | null;
}

/** A rate over less would be of one event or none. */
const OBSERVED_MIN_MS = SECOND_MS;

export function answerOf(query: HistoryQuery, told: Told, cells: readonly Cell[]): HistoryAnswer {
  const { measure } = query;
  return {
    ...headOf(query, told),
    ...(measure.formula.kind === 'percentile' ? { relative_error_max: PERCENTILE_ERROR_BOUND } : {}),
    ...(query.bands === undefined ? {} : { distribution: bandsOf(histogramsOf(query, cells), query.bands) }),
    series: groupsOf(query, cells).map((own) => seriesOf(query, told, own)),
  };
}

/** Cells by their group, in the order they came; one without any where there is nothing to tell apart. */
export function groupsOf<C extends Pick<Cell, 'value' | 'other'>>(
  { groupBy }: HistoryQuery,
  cells: readonly C[],
): readonly (readonly C[])[] {
  const groups = new Map<string, C[]>();
  for (const cell of cells) {
    const key = `${cell.other}:${cell.value}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [cell]);
    else group.push(cell);
  }
  return groups.size === 0 && groupBy === null ? [[]] : [...groups.values()];
}

/** What an answer says about its question. */
export function headOf(query: HistoryQuery, { source, firstRowMs }: Told): Omit<HistoryAnswer, 'series'> {
  const { signal, measure, measureName, buckets, timeZone } = query;
  const { boundariesMs, stepMs } = buckets;
  const partialMs = partialFromMs(query);
  return {
    signal,
    measure: measureName,
    unit: measure.unit,
    from: new Date(boundariesMs[0] ?? 0).toISOString(),
    to: new Date(boundariesMs.at(-1) ?? 0).toISOString(),
    step_seconds: stepMs / SECOND_MS,
    tz: timeZone,
    source,
    ...(firstRowMs === null ? {} : { first_row: new Date(firstRowMs).toISOString() }),
    ...(partialMs === null ? {} : { partial_from: new Date(partialMs).toISOString() }),
  };
}

/** Where the step under way begins; `null` when all are over, none has begun, or points are values and not of steps. */
function partialFromMs({ buckets: { boundariesMs }, measure, nowMs }: HistoryQuery): number | null {
  if (measure.formula.kind === 'm4') return null;
  const under = boundariesMs.findIndex((at, index) => at <= nowMs && nowMs < (boundariesMs[index + 1] ?? at));
  return boundariesMs[under] ?? null;
}

/** Per bucket of time; `null` where there is nothing. */
function histogramsOf({ buckets }: HistoryQuery, cells: readonly Cell[]): (Buffer | null)[] {
  const byBucket = new Map(cells.map(({ at, histogram }) => [at, histogram]));
  return buckets.boundariesMs.slice(0, -1).map((_, index) => byBucket.get(index + 1) ?? null);
}

function seriesOf(
  { groupBy, buckets, measure, nowMs }: HistoryQuery,
  { firstRowMs }: Told,
  cells: readonly Cell[],
): HistorySeries {
  const byBucket = new Map(cells.map((cell) => [cell.at, cell]));
  const points = buckets.boundariesMs.slice(0, -1).map((at, index): [number, number | null] => {
    const end = buckets.boundariesMs[index + 1] ?? at;
    const observedMs = observedOf({ fromMs: at, toMs: Math.min(end, nowMs) }, firstRowMs);
    return [at, pointOf(measure.formula, byBucket.get(index + 1), observedMs / SECOND_MS)];
  });
  return { group: groupNamed(groupBy, cells), points };
}

/** How much of a stretch was watched: what is not over yet, and what was before the first row, is no time of a rate. */
function observedOf(
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
  firstRowMs: number | null,
): number {
  const elapsedMs = Math.max(0, toMs - fromMs);
  if (firstRowMs === null || firstRowMs <= fromMs) return elapsedMs;
  return Math.min(elapsedMs, Math.max(OBSERVED_MIN_MS, toMs - firstRowMs));
}

/** The group that cells are of, as an answer names it. */
export function groupNamed(
  groupBy: HistoryQuery['groupBy'],
  [first]: readonly Pick<Cell, 'value'>[],
): HistorySeries['group'] {
  return groupBy === null ? {} : { [groupBy]: first?.value === '' ? null : (first?.value ?? null) };
}

/** Without rows, what adds up is 0 and everything else is unknown. */
function pointOf(formula: Formula, cell: Cell | undefined, observedSeconds: number): number | null {
  const count = Number(cell?.count ?? 0);
  const part = Number(cell?.part ?? 0);
  const perSecond = (amount: number) => (observedSeconds > 0 ? amount / observedSeconds : null);
  switch (formula.kind) {
    case 'count':
      return count;
    case 'rate':
      return perSecond(count);
    case 'sum':
      return cell?.sum ?? 0;
    case 'total':
      return part;
    case 'total_rate':
      return perSecond(part);
    // Four figures, which m4.ts answers.
    case 'm4':
      return null;
    case 'avg':
      return count === 0 || cell?.sum == null ? null : cell.sum / count;
    case 'min':
    case 'max':
      return cell?.[formula.kind] ?? null;
    case 'ratio':
      return quotient(formula.factor * part, formula.whole === null ? count : Number(cell?.whole ?? 0));
    case 'percentile':
      return percentileOf(cell, formula.quantile);
  }
}

function quotient(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole;
}

function percentileOf(cell: Cell | undefined, quantile: number): number | null {
  if (cell?.histogram == null || cell.min == null || cell.max == null) return null;
  return packedPercentile(cell.histogram, { min: cell.min, max: cell.max }, quantile);
}

import { HISTORY } from '../../../../src/core/history/catalogue.ts';
import type { HistoryAnswer } from '../../../../src/core/history/query.ts';
import { type ChartSeries, type GroupName, groupLabel, type SeriesColor } from '../chart/series.ts';
import { addsUp, type Choice } from '../history/choice.ts';
import { groupRows } from '../history/groups.ts';

/** `null`: nothing to measure. */
export type FigureId = 'whole' | 'last' | 'average' | 'lowest' | 'highest' | 'before' | 'change';

/** A group, or all: what a line of the chart says as figures. */
export interface FigureRow {
  readonly label: string;
  /** As filters have it; `null` where it is no value that can be filtered by. */
  readonly value: string | null;
  /** Of its line; `null`: it has none. */
  readonly color: SeriesColor | null;
  readonly dash: number;
  readonly figures: Readonly<Record<FigureId, number | null>>;
}

export interface FigureColumn {
  readonly id: FigureId;
  readonly label: string;
  /** What it means. */
  readonly hint: string;
  /** Relative to the period before, in percent. */
  readonly isChange?: boolean;
}

/** The columns of the table below a chart; the first is what is sorted by when nobody chose. */
export function columnsOf({ signal, measure }: Choice, isCompared: boolean): readonly FigureColumn[] {
  const formula = HISTORY[signal].measures[measure]?.formula.kind ?? 'count';
  const isTotal = addsUp(formula) && formula !== 'rate' && formula !== 'total_rate';
  const steps: readonly FigureColumn[] = [
    { id: 'last', label: 'Last', hint: 'The newest step that is over' },
    { id: 'average', label: 'Average', hint: 'Mean of the steps' },
    { id: 'lowest', label: 'Lowest', hint: 'Lowest of the steps' },
    { id: 'highest', label: 'Highest', hint: 'Highest of the steps' },
  ];
  // The four points of a step have no mean that means anything.
  const isM4 = formula === 'm4';
  const now: readonly FigureColumn[] = [
    isM4
      ? { id: 'whole', label: 'Average', hint: 'Of everything in the whole range' }
      : isTotal
        ? { id: 'whole', label: 'Total', hint: 'Over the whole range' }
        : { id: 'whole', label: 'Whole range', hint: 'Measured over the whole range at once' },
    ...steps.filter(({ id }) => !isM4 || id !== 'average'),
  ];
  if (!isCompared) return now;
  return [
    ...now,
    { id: 'before', label: 'Before', hint: 'Over the whole period before' },
    { id: 'change', label: 'Change', hint: 'Against the period before', isChange: true },
  ];
}

/** What is drawn of the steps that are over, and what its groups are called. */
interface Drawn {
  readonly series: readonly ChartSeries[];
  readonly nameOf?: GroupName;
}

/** What is drawn and what it came to, per group; the largest over the whole range first. */
export function figureRows(
  whole: HistoryAnswer | null,
  before: HistoryAnswer | null,
  { series, nameOf }: Drawn,
): FigureRow[] {
  if (whole === null) return [];
  const lines = new Map(series.map((line) => [line.label, line]));
  const isGrouped = whole.series.some((one) => groupLabel(one) !== null);
  return groupRows([whole, before], 0, nameOf).map(
    ({ value, label, figures: [now = null, then = null] }): FigureRow => {
      const line = isGrouped ? lines.get(label) : series[0];
      return {
        label: isGrouped ? label : 'All',
        value: isGrouped ? value : null,
        color: line?.color ?? null,
        dash: line?.dash ?? 0,
        figures: { whole: now, ...overSteps(line), before: then, change: changeOf(now, then) },
      };
    },
  );
}

/** Last, average, lowest and highest of the steps that were drawn. */
function overSteps(
  line: ChartSeries | undefined,
): Pick<FigureRow['figures'], 'last' | 'average' | 'lowest' | 'highest'> {
  const known = (line?.values ?? []).filter((value) => typeof value === 'number');
  if (known.length === 0) return { last: null, average: null, lowest: null, highest: null };
  const sum = known.reduce((a, b) => a + b, 0);
  return {
    last: known.at(-1) ?? null,
    average: sum / known.length,
    lowest: known.reduce((a, b) => Math.min(a, b)),
    highest: known.reduce((a, b) => Math.max(a, b)),
  };
}

function changeOf(now: number | null, before: number | null): number | null {
  return now === null || before === null || before === 0 ? null : ((now - before) / before) * 100;
}

/** `+12.3%`, with a sign that is a minus. */
export function changeText(percent: number): string {
  const sign = percent > 0 ? '+' : percent < 0 ? '−' : '±';
  return `${sign}${Math.abs(percent).toFixed(Math.abs(percent) < 100 ? 1 : 0)}%`;
}

/** Rows in the order of a column, what has none last. */
export function sortedRows(rows: readonly FigureRow[], by: FigureId): readonly FigureRow[] {
  const rank = ({ figures }: FigureRow) => figures[by] ?? Number.NEGATIVE_INFINITY;
  return [...rows].sort((a, b) => rank(b) - rank(a));
}

import type { EventRow } from '../../../../src/core/history/query.ts';
import { type ChartFigures, lookOf, NO_FIGURES } from '../chart/series.ts';
import { name, timeSpan } from '../format.ts';

/** Stages in words: `vector search`. */
export function stageWords(stage: string): string {
  return stage.replaceAll('_', ' ');
}

/**
 * What each stage adds to the mean query, so that the stack is as high as the mean latency; from the stages' total time, the
 * queries' total time and their number, in this order. The rest is `other`; stages that overlap leave none.
 */
export function stageShares([stages, total, count]: readonly ChartFigures[]): ChartFigures {
  const queries = count?.series[0]?.values;
  if (stages === undefined || queries === undefined || stages.series.length === 0) return NO_FIGURES;
  const perQuery = (amount: number | null | undefined, index: number) => {
    const among = queries[index] ?? 0;
    return typeof amount !== 'number' || among === 0 ? null : amount / among;
  };
  const rest = (total?.series[0]?.values ?? []).map((value, index) =>
    typeof value === 'number'
      ? Math.max(
          0,
          stages.series.reduce((left, { values }) => left - (values[index] ?? 0), value),
        )
      : value,
  );
  const all = [...stages.series, { label: 'other', values: rest }];
  return {
    times: stages.times,
    series: all.map(({ label, values }, which) => ({
      label: stageWords(label),
      ...lookOf(which),
      values: values.map(perQuery),
      format: timeSpan,
      unit: 'ms',
    })),
  };
}

/** A figure of a row, or a dash where it has none. */
export function figureText(value: EventRow[string] | undefined, format: (value: number) => string): string {
  return typeof value === 'number' ? format(value) : '–';
}

/** `vector search 310 ms`: where most of a query's time went; a dash when its stages are not known. */
export function longestStage(row: EventRow): string {
  const { stages } = row;
  if (typeof stages !== 'object' || stages === null) return '–';
  const known = Object.entries(stages).filter(
    (stage): stage is [string, number] => typeof stage[1] === 'number',
  );
  const [longest] = known.sort(([, a], [, b]) => b - a);
  return longest === undefined ? '–' : `${name(stageWords(longest[0]))} ${timeSpan(longest[1])}`;
}

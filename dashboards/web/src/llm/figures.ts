import { type ChartFigures, type ChartSeries, NO_FIGURES } from '../chart/series.ts';
import { cost } from '../format.ts';

type Value = ChartSeries['values'][number];

/** `minuend` without the others, never below zero; a gap where the minuend has one. */
function without(minuend: ChartSeries, others: readonly (ChartSeries | undefined)[]): Value[] {
  return minuend.values.map((value, index) =>
    typeof value === 'number'
      ? Math.max(
          0,
          others.reduce((rest, other) => rest - (other?.values[index] ?? 0), value),
        )
      : value,
  );
}

/**
 * Every token once, from input, output, cached, written to the cache and reasoning, in this order: the first two are sums
 * that include the others.
 */
export function tokenBuckets(parts: readonly ChartFigures[]): ChartFigures {
  const [input, output, cached, written, reasoning] = parts.map(({ series }) => series[0]);
  if (input === undefined || output === undefined) return NO_FIGURES;
  const kinds: readonly ChartSeries[] = [
    { ...input, label: 'Input, not cached', color: 'cyan', values: without(input, [cached, written]) },
    { ...input, label: 'Input from cache', color: 'green', values: cached?.values ?? [] },
    { ...input, label: 'Written to cache', color: 'violet', values: written?.values ?? [] },
    { ...output, label: 'Output', color: 'amber', values: without(output, [reasoning]) },
    { ...output, label: 'Reasoning', color: 'magenta', values: reasoning?.values ?? [] },
  ];
  return { times: parts[0]?.times ?? [], series: kinds };
}

/** Calls that did not end well, each once, from errors, rate limited and aborted ones: a refusal is an error too. */
export function failureKinds(parts: readonly ChartFigures[]): ChartFigures {
  const [errors, limited, aborted] = parts.map(({ series }) => series[0]);
  if (errors === undefined || limited === undefined || aborted === undefined) return NO_FIGURES;
  return {
    times: parts[0]?.times ?? [],
    series: [
      { ...errors, label: 'Errors', color: 'red', values: without(errors, [limited]) },
      { ...limited, label: 'Rate limited (429)', color: 'amber' },
      { ...aborted, label: 'Given up by the app', color: 'violet' },
    ],
  };
}

/**
 * Costs by group, from the costs and the numbers of calls without a price: these are in no cost, so where there was nothing
 * else the cost is unknown, not 0, and what else there is of such a group is the least it may have cost.
 */
export function knownCosts([costs, unpriced]: readonly ChartFigures[]): ChartFigures {
  if (costs === undefined || unpriced === undefined) return NO_FIGURES;
  const callsOf = new Map(unpriced.series.map(({ label, values }) => [label, values]));
  const series = costs.series.map((line): ChartSeries => {
    const calls = callsOf.get(line.label) ?? [];
    if (calls.every((count) => (count ?? 0) === 0)) return line;
    const isUnknown = line.values.every((value) => (value ?? 0) === 0);
    return {
      ...line,
      values: line.values.map((value, index) =>
        isUnknown || (value === 0 && (calls[index] ?? 0) > 0) ? null : value,
      ),
      format: (usd) => (usd > 0 ? `≥ ${line.format(usd)}` : line.format(usd)),
      missing: 'unknown',
    };
  });
  return { times: costs.times, series };
}

/** What is known of a cost: the sum, and the calls that make it uncertain. */
export interface CostFigure {
  readonly usd: number;
  readonly unpriced: number;
  readonly estimated: number;
}

/** `$1.20`, `≈ $1.20` with estimated tokens in it, `≥ $1.20` with calls of unknown price beside it, `≳` with both. */
export function costText({ usd, unpriced, estimated }: CostFigure): string {
  if (usd === 0 && unpriced > 0) return 'unknown';
  const mark = unpriced > 0 ? (estimated > 0 ? '≳ ' : '≥ ') : estimated > 0 ? '≈ ' : '';
  return `${mark}${cost(usd)}`;
}

/** The marks of `costText`, in a sentence; empty when the cost is exact. */
export function costDoubt({ unpriced, estimated }: CostFigure): string {
  const doubts = [
    unpriced > 0 ? `${unpriced.toLocaleString('en-US')} without a known price, in no cost figure` : '',
    estimated > 0 ? `${estimated.toLocaleString('en-US')} with estimated tokens` : '',
  ].filter((doubt) => doubt !== '');
  return doubts.length === 0 ? '' : `Of these calls ${doubts.join(', ')}`;
}

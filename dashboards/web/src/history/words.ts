import type { SignalName } from '../../../../src/core/event.ts';
import { HISTORY, VALUE } from '../../../../src/core/history/catalogue.ts';
import { name } from '../format.ts';
import type { Choice } from './choice.ts';

/** What is counted or measured, as it stands in a sentence. */
export const SIGNAL_WORDS: Readonly<Record<SignalName, string>> = {
  request: 'requests',
  'llm-call': 'LLM calls',
  'rag-query': 'RAG queries',
  cache: 'cache look-ups',
  system: 'system gauges',
  'ws-session': 'WebSocket sessions',
};

const STATISTICS: Readonly<Record<string, string>> = {
  avg: 'average',
  min: 'lowest',
  max: 'highest',
  sum: 'sum',
  p50: 'median',
  p95: 'p95',
  p99: 'p99',
};
/** How the measures of that distribution begin. */
const FIRST_TOKEN = 'first_token_';
/** Measures whose names do not say enough by themselves. */
const MEASURE_WORDS: Readonly<Record<string, string>> = {
  value: 'values',
  count: 'number',
  rate: 'number per second',
  cache_savings: 'savings by caching',
  tokens_in: 'input tokens',
  tokens_out: 'output tokens',
  tokens_cached: 'tokens from the cache',
  tokens_cache_write: 'tokens written to the cache',
  tokens_reasoning: 'reasoning tokens',
  unpriced: 'calls without a price',
  estimated: 'estimated calls',
  rate_limited: 'rate limits',
  aborted: 'aborted calls',
  chunks_avg: 'average chunks',
  zero_chunk_rate: 'share without a chunk',
  top_score_avg: 'average top score',
  avg_score_avg: 'average score',
};

/** A measure as it stands in a sentence: `p95 duration`. */
export function measureWords(signal: SignalName, measure: string): string {
  const known = MEASURE_WORDS[measure];
  if (known !== undefined) return known;
  if (measure.startsWith(FIRST_TOKEN))
    return `${STATISTICS[measure.slice(FIRST_TOKEN.length)] ?? measure} time to first token`;
  const statistic = STATISTICS[measure];
  if (statistic === undefined) return measure.replaceAll('_', ' ');
  return HISTORY[signal].measures[measure]?.unit === 'ms' ? `${statistic} duration` : statistic;
}

export function dimensionWords(dimension: string): string {
  return name(dimension).replaceAll('_', ' ');
}

/** Measures under headings, in the catalogue's order; a heading without measures is left out. */
export function measureHeadings(
  signal: SignalName,
  measures: readonly string[],
): { readonly heading: string; readonly measures: readonly string[] }[] {
  const byHeading = new Map<string, string[]>();
  for (const measure of measures) {
    const heading = headingOf(signal, measure);
    byHeading.set(heading, [...(byHeading.get(heading) ?? []), measure]);
  }
  return [...byHeading].map(([heading, under]) => ({ heading, measures: under }));
}

const FAILURES = new Set(['errors', 'error_rate', 'rate_limited', 'aborted']);

function headingOf(signal: SignalName, measure: string): string {
  if (measure === 'count' || measure === 'rate') return 'How many';
  if (measure.startsWith(FIRST_TOKEN)) return 'First token';
  const known = HISTORY[signal].measures[measure];
  if (measure === 'value' || (known?.field === VALUE && STATISTICS[measure] !== undefined))
    return known?.unit === 'ms' ? 'How long' : 'Value';
  if (FAILURES.has(measure)) return 'What went wrong';
  if (known?.unit === 'tokens') return 'Tokens';
  if (known?.unit === 'USD' || measure === 'unpriced' || measure === 'estimated') return 'Money';
  return 'Contents';
}

/** `requests by duration`: the distribution a percentile is of. */
export function heatWordsOf(choice: Choice): string {
  const { signal, measure, filters } = choice;
  const by = measure.startsWith(FIRST_TOKEN)
    ? 'time to first token'
    : signal === 'system'
      ? 'value'
      : 'duration';
  return `${signal === 'system' ? dimensionWords(filters['metric'] ?? '') : SIGNAL_WORDS[signal]} by ${by}`;
}

/** `p95 duration of requests by endpoint`: what a chart is about, without its filters. */
export function wordsOf({ signal, measure, groupBy, filters }: Choice): string {
  const gauge = signal === 'system' ? filters['metric'] : undefined;
  const what = gauge === undefined ? SIGNAL_WORDS[signal] : dimensionWords(gauge);
  const by = groupBy === '' ? '' : ` by ${dimensionWords(groupBy)}`;
  return `${measureWords(signal, measure)} of ${what}${by}`;
}

/** `15 min`, `1 h`: how long a step is. */
export function stepWords(seconds: number): string {
  const unit = [
    { words: 'd', seconds: 86_400 },
    { words: 'h', seconds: 3600 },
    { words: 'min', seconds: 60 },
  ].find((one) => seconds % one.seconds === 0);
  return unit === undefined ? `${seconds} s` : `${seconds / unit.seconds} ${unit.words}`;
}

/** As a heading begins. */
export function capitalised(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}

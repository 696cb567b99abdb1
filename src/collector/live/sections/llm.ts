import { mean, percentile } from '../../../core/histogram.ts';
import {
  LLM_CACHE_SAVINGS,
  LLM_CACHED_TOKENS,
  LLM_CHUNK_GAPS,
  LLM_COST,
  LLM_DURATIONS,
  LLM_EMBEDDINGS_INPUT_TOKENS,
  LLM_ESTIMATED,
  LLM_FIRST_CHUNK,
  LLM_INPUT_TOKENS,
  LLM_OUTPUT_TOKENS,
  LLM_RATE_LIMITED,
  LLM_REASONING_TOKENS,
  LLM_UNPRICED,
} from '../../../core/llm/call-instruments.ts';
import { ABORTED, CALL_MODEL, CALL_PROVIDER } from '../../../core/llm/labels.ts';
import type { InstrumentSpec } from '../../../core/signals/instruments.ts';
import type { LlmSnapshot, ModelSnapshot, UnpricedModelSnapshot } from '../../../core/snapshot.ts';
import { HOUR_MS } from '../../../core/units.ts';
import type { CounterSeries, HistogramSeries } from '../series.ts';
import { slotAt } from '../sliding.ts';
import { groupBy, msFromSeconds, round, sumOf } from './numbers.ts';
import { type LiveView, rateSpanMs, windowOf } from './view.ts';

const COST_DECIMALS = 4;
const UNPRICED_MODELS_MAX = 20;

export function llmSection(view: LiveView): LlmSnapshot {
  const { store } = view;
  const calls = Object.values(LLM_DURATIONS).flatMap(({ name }) => store.histograms(name));
  const input = inputTokens(view);
  const output = store.counters(LLM_OUTPUT_TOKENS.name);
  const costs = store.counters(LLM_COST.name);
  const latency = windowOf(view, calls);
  const firstChunk = windowOf(view, store.histograms(LLM_FIRST_CHUNK.name));
  const chunkGaps = windowOf(view, store.histograms(LLM_CHUNK_GAPS.name));
  const total = ({ name }: InstrumentSpec) => sumOf(store.counters(name), totalOf);
  const slot = slotAt(view.nowMs, view.windowMs);
  const windowCost = sumOf(costs, (series) => series.window.sum(slot));
  return {
    total_requests: sumOf(calls, (series) => series.count),
    latency_avg_ms: msFromSeconds(mean(latency)),
    latency_p95_ms: msFromSeconds(percentile(latency, 0.95)),
    first_token_avg_ms: msFromSeconds(mean(firstChunk)),
    tokens_in_total: sumOf(input, totalOf),
    tokens_out_total: sumOf(output, totalOf),
    cost_total_usd: round(total(LLM_COST), COST_DECIMALS),
    error_count: sumOf(calls, failures),
    latency_p50_ms: msFromSeconds(percentile(latency, 0.5)),
    latency_p99_ms: msFromSeconds(percentile(latency, 0.99)),
    first_token_p95_ms: msFromSeconds(percentile(firstChunk, 0.95)),
    chunk_gap_p95_ms: msFromSeconds(percentile(chunkGaps, 0.95)),
    tokens_cached_total: total(LLM_CACHED_TOKENS),
    tokens_reasoning_total: total(LLM_REASONING_TOKENS),
    unpriced_requests: total(LLM_UNPRICED),
    unpriced_models: unpricedModels(view),
    cache_savings_usd: round(total(LLM_CACHE_SAVINGS), COST_DECIMALS),
    estimated_requests: total(LLM_ESTIMATED),
    rate_limited_requests: total(LLM_RATE_LIMITED),
    aborted_requests: sumOf(calls, (series) =>
      series.attributes['error.type'] === ABORTED ? series.count : 0,
    ),
    cost_per_hour_usd: round((windowCost * HOUR_MS) / rateSpanMs(view), COST_DECIMALS),
    by_model: byModel(view, calls, { input, output }),
  };
}

/** Calls that failed; one the app gave up did not fail. */
function failures({ attributes, count }: HistogramSeries): number {
  const error = attributes['error.type'];
  return error === undefined || error === ABORTED ? 0 : count;
}

type TotalSeries = Pick<CounterSeries, 'attributes' | 'total'>;
const totalOf = ({ total }: TotalSeries): number => total;

/** Of embeddings there is no counter, but a histogram, whose sum is as exact. */
function inputTokens({ store }: LiveView): readonly TotalSeries[] {
  const embeddings = store.histograms(LLM_EMBEDDINGS_INPUT_TOKENS.name);
  return [
    ...store.counters(LLM_INPUT_TOKENS.name),
    ...embeddings.map(({ attributes, sum }) => ({ attributes, total: sum })),
  ];
}

type AnySeries = Pick<CounterSeries, 'attributes'>;
const modelKey = ({ attributes }: AnySeries): string =>
  `${attributes[CALL_PROVIDER]}\u0000${attributes[CALL_MODEL]}`;

/** Dearest first, then busiest. */
function byModel(
  view: LiveView,
  calls: readonly HistogramSeries[],
  tokens: Readonly<Record<'input' | 'output', readonly TotalSeries[]>>,
): ModelSnapshot[] {
  const totalByModel = (all: readonly TotalSeries[]) => {
    const series = groupBy(all, modelKey);
    return (key: string) => sumOf(series.get(key) ?? [], totalOf);
  };
  const inputOf = totalByModel(tokens.input);
  const outputOf = totalByModel(tokens.output);
  const costOf = totalByModel(view.store.counters(LLM_COST.name));
  const unpricedOf = totalByModel(view.store.counters(LLM_UNPRICED.name));
  const rateLimitedOf = totalByModel(view.store.counters(LLM_RATE_LIMITED.name));
  const models = [...groupBy(calls, modelKey)].map(([key, series]): ModelSnapshot => {
    const [provider = '', model = ''] = key.split('\u0000');
    return {
      provider,
      model,
      requests: sumOf(series, ({ count }) => count),
      errors: sumOf(series, failures),
      tokens_in: inputOf(key),
      tokens_out: outputOf(key),
      cost_usd: round(costOf(key), COST_DECIMALS),
      unpriced_requests: unpricedOf(key),
      rate_limited_requests: rateLimitedOf(key),
      latency_p95_ms: msFromSeconds(percentile(windowOf(view, series), 0.95)),
    };
  });
  // All calls of a model may have been taken back.
  const called = models.filter(({ requests }) => requests > 0);
  return called.sort((a, b) => b.cost_usd - a.cost_usd || b.requests - a.requests);
}

/** Models to find a price for, busiest first. */
function unpricedModels({ store }: LiveView): UnpricedModelSnapshot[] {
  const models = [...groupBy(store.counters(LLM_UNPRICED.name), modelKey)].map(([key, series]) => {
    const [provider = '', model = ''] = key.split('\u0000');
    return { provider, model, requests: sumOf(series, ({ total }) => total) };
  });
  return models
    .filter(({ requests }) => requests > 0)
    .sort((a, b) => b.requests - a.requests)
    .slice(0, UNPRICED_MODELS_MAX);
}

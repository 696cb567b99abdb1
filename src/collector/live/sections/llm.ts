import { mean, percentile } from '../../../core/histogram.ts';
import { CALL_MODEL, CALL_PROVIDER } from '../../../core/llm/labels.ts';
import type { InstrumentSpec } from '../../../core/signals/instruments.ts';
import {
  ABORTED,
  LLM_CACHE_SAVINGS,
  LLM_CACHED_TOKENS,
  LLM_CHUNK_GAPS,
  LLM_COST,
  LLM_DURATION,
  LLM_ESTIMATED,
  LLM_FIRST_CHUNK,
  LLM_RATE_LIMITED,
  LLM_REASONING_TOKENS,
  LLM_TOKENS,
  LLM_UNPRICED,
} from '../../../core/signals/llm-call.ts';
import type { LlmSnapshot, ModelSnapshot, UnpricedModelSnapshot } from '../../../core/snapshot.ts';
import { HOUR_MS } from '../../../core/units.ts';
import { slotAt } from '../sliding.ts';
import type { CounterSeries, HistogramSeries } from '../store.ts';
import { groupBy, msFromSeconds, round, sumOf } from './numbers.ts';
import { type LiveView, rateSpanMs, windowOf } from './view.ts';

const COST_DECIMALS = 4;
const UNPRICED_MODELS_MAX = 20;
const TOKEN_TYPE = 'gen_ai.token.type';

export function llmSection(view: LiveView): LlmSnapshot {
  const { store } = view;
  const calls = store.histograms(LLM_DURATION.name);
  const tokens = store.histograms(LLM_TOKENS.name);
  const costs = store.counters(LLM_COST.name);
  const latency = windowOf(view, calls);
  const firstChunk = windowOf(view, store.histograms(LLM_FIRST_CHUNK.name));
  const chunkGaps = windowOf(view, store.histograms(LLM_CHUNK_GAPS.name));
  const total = ({ name }: InstrumentSpec) => sumOf(store.counters(name), (series) => series.total);
  const slot = slotAt(view.nowMs, view.windowMs);
  const windowCost = sumOf(costs, (series) => series.window.sum(slot));
  return {
    total_requests: sumOf(calls, (series) => series.count),
    latency_avg_ms: msFromSeconds(mean(latency)),
    latency_p95_ms: msFromSeconds(percentile(latency, 0.95)),
    first_token_avg_ms: msFromSeconds(mean(firstChunk)),
    tokens_in_total: tokensOf(tokens, 'input'),
    tokens_out_total: tokensOf(tokens, 'output'),
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
    by_model: byModel(view, calls, tokens),
  };
}

/** Calls that failed; one the app gave up did not fail. */
function failures({ attributes, count }: HistogramSeries): number {
  const error = attributes['error.type'];
  return error === undefined || error === ABORTED ? 0 : count;
}

function tokensOf(tokens: readonly HistogramSeries[], type: 'input' | 'output'): number {
  return sumOf(tokens, (series) => (series.attributes[TOKEN_TYPE] === type ? series.sum : 0));
}

type AnySeries = Pick<CounterSeries, 'attributes'>;
const modelKey = ({ attributes }: AnySeries): string =>
  `${attributes[CALL_PROVIDER]}\u0000${attributes[CALL_MODEL]}`;

/** Dearest first, then busiest. */
function byModel(
  view: LiveView,
  calls: readonly HistogramSeries[],
  tokens: readonly HistogramSeries[],
): ModelSnapshot[] {
  const tokensByModel = groupBy(tokens, modelKey);
  const totalByModel = ({ name }: InstrumentSpec) => {
    const series = groupBy(view.store.counters(name), modelKey);
    return (key: string) => sumOf(series.get(key) ?? [], ({ total }) => total);
  };
  const costOf = totalByModel(LLM_COST);
  const unpricedOf = totalByModel(LLM_UNPRICED);
  const rateLimitedOf = totalByModel(LLM_RATE_LIMITED);
  const models = [...groupBy(calls, modelKey)].map(([key, series]): ModelSnapshot => {
    const [provider = '', model = ''] = key.split('\u0000');
    const ownTokens = tokensByModel.get(key) ?? [];
    return {
      provider,
      model,
      requests: sumOf(series, ({ count }) => count),
      errors: sumOf(series, failures),
      tokens_in: tokensOf(ownTokens, 'input'),
      tokens_out: tokensOf(ownTokens, 'output'),
      cost_usd: round(costOf(key), COST_DECIMALS),
      unpriced_requests: unpricedOf(key),
      rate_limited_requests: rateLimitedOf(key),
      latency_p95_ms: msFromSeconds(percentile(windowOf(view, series), 0.95)),
    };
  });
  return models.sort((a, b) => b.cost_usd - a.cost_usd || b.requests - a.requests);
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

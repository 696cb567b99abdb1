import { type Distribution, mean, percentile } from '../../../core/histogram.ts';
import {
  EMBEDDING,
  RAG_CHUNKS,
  RAG_DURATION,
  RAG_STAGE_DURATION,
  STAGE_ATTRIBUTE,
  VECTOR_SEARCH,
} from '../../../core/signals/rag-query.ts';
import type { RagSnapshot, StageSnapshot } from '../../../core/snapshot.ts';
import { groupBy, msFromSeconds, percent, round, sumOf } from './numbers.ts';
import { type LiveView, windowOf } from './view.ts';

export function ragSection(view: LiveView): RagSnapshot {
  const queries = view.store.histograms(RAG_DURATION.name);
  const chunks = view.store.histograms(RAG_CHUNKS.name);
  const chunksOfWindow = windowOf(view, chunks);
  const chunksTold = sumOf(chunks, (series) => series.count);
  const latency = windowOf(view, queries);
  const stages = new Map<string, Distribution>();
  for (const [stage, series] of groupBy(view.store.histograms(RAG_STAGE_DURATION.name), stageOf)) {
    stages.set(stage, windowOf(view, series));
  }
  const contribution = (stage: string) =>
    latency.count === 0 ? 0 : msFromSeconds((stages.get(stage)?.sum ?? 0) / latency.count);
  return {
    total_queries: sumOf(queries, (series) => series.count),
    latency_avg_ms: msFromSeconds(mean(latency)),
    latency_p95_ms: msFromSeconds(percentile(latency, 0.95)),
    embedding_avg_ms: contribution(EMBEDDING),
    search_avg_ms: contribution(VECTOR_SEARCH),
    avg_chunks: round(mean(chunksOfWindow), 1),
    zero_chunk_rate: percent(
      sumOf(chunks, (series) => series.zeroCount),
      chunksTold,
    ),
    chunks_told_total: chunksTold,
    chunks_told_window: chunksOfWindow.count,
    latency_p50_ms: msFromSeconds(percentile(latency, 0.5)),
    latency_p99_ms: msFromSeconds(percentile(latency, 0.99)),
    error_count: sumOf(queries, (series) =>
      series.attributes['error.type'] === undefined ? 0 : series.count,
    ),
    window_count: latency.count,
    stages: Object.fromEntries([...stages].map(([stage, duration]) => [stage, stageSnapshot(duration)])),
  };
}

const stageOf = (series: { readonly attributes: Readonly<Record<string, unknown>> }): string =>
  String(series.attributes[STAGE_ATTRIBUTE]);

function stageSnapshot(duration: Distribution): StageSnapshot {
  return {
    count: duration.count,
    avg_ms: msFromSeconds(mean(duration)),
    p50_ms: msFromSeconds(percentile(duration, 0.5)),
    p95_ms: msFromSeconds(percentile(duration, 0.95)),
    p99_ms: msFromSeconds(percentile(duration, 0.99)),
  };
}

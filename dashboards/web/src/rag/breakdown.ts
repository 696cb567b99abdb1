import type { RagSnapshot } from '../../../../src/client/index.ts';

export interface BreakdownPart {
  readonly id: 'embedding' | 'search' | 'other';
  readonly label: string;
  readonly ms: number;
  /** Share of the mean latency, 0 to 100; the shares of all parts add up to 100. */
  readonly percent: number;
}

/** What the mean RAG query spends its time on; nothing while there was no query. */
export function breakdownOf(rag: RagSnapshot): readonly BreakdownPart[] {
  const stages = rag.embedding_avg_ms + rag.search_avg_ms;
  // Stages that overlap, or rounding, may add up to more than the whole.
  const total = Math.max(rag.latency_avg_ms, stages);
  if (total <= 0) return [];
  const share = (ms: number) => (ms / total) * 100;
  return [
    {
      id: 'embedding',
      label: 'Embedding',
      ms: rag.embedding_avg_ms,
      percent: share(rag.embedding_avg_ms),
    },
    { id: 'search', label: 'Vector Search', ms: rag.search_avg_ms, percent: share(rag.search_avg_ms) },
    { id: 'other', label: 'Other', ms: total - stages, percent: share(total - stages) },
  ];
}

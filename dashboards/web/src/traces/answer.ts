import type { TraceAnswer, TraceItem } from '../../../../src/core/history/trace.ts';

/** The path that answers with one trace. */
export function tracePath(traceId: string): string {
  return `/api/metrics/traces/${encodeURIComponent(traceId)}`;
}

/** Whether an answer has the shape that a waterfall relies on; a proxy's page does not. */
export function isTraceAnswer(value: unknown): value is TraceAnswer {
  if (typeof value !== 'object' || value === null) return false;
  const answer = value as Partial<Record<keyof TraceAnswer, unknown>>;
  return (
    typeof answer.trace_id === 'string' &&
    typeof answer.started_at === 'string' &&
    Number.isFinite(answer.duration_ms) &&
    Array.isArray(answer.services) &&
    Array.isArray(answer.items) &&
    answer.items.every(isItem)
  );
}

function isItem(value: unknown): value is TraceItem {
  if (typeof value !== 'object' || value === null) return false;
  const item = value as Partial<Record<keyof TraceItem, unknown>>;
  return (
    typeof item.id === 'string' &&
    typeof item.kind === 'string' &&
    typeof item.name === 'string' &&
    Number.isFinite(item.start_ms) &&
    Number.isFinite(item.duration_ms)
  );
}

import type { OtlpConsumer, OtlpRejected } from './model.ts';

/** What every part that makes nothing of what came says of it. */
const NOT_KEPT = 'not kept here';

/** The attributes of spans that rows are made of. */
export const WANTED_KEYS: readonly string[] = [];

/** What becomes of spans, metrics and log records: each is one function. */
export function otlpConsumer(parts: Partial<OtlpConsumer>): OtlpConsumer {
  return {
    spans: async (spans, delivery) => parts.spans?.(spans, delivery) ?? notKept(spans.length),
    metrics: async (metrics, delivery) => parts.metrics?.(metrics, delivery) ?? notKept(points(metrics)),
    logs: async (records, delivery) => parts.logs?.(records, delivery) ?? notKept(records.length),
  };
}

function points(metrics: Parameters<OtlpConsumer['metrics']>[0]): number {
  return metrics.reduce((sum, { data }) => sum + (data.kind === 'none' ? 0 : data.points.length), 0);
}

function notKept(count: number): OtlpRejected {
  return { count, message: count === 0 ? '' : NOT_KEPT };
}

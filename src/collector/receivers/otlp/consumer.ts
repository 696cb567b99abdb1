import { pointsIn } from './decode/records.ts';
import type { OtlpConsumer, OtlpRejected } from './model.ts';

/** Told of what no part makes anything of. */
const NOT_KEPT = 'not kept here';

/**
 * The attributes of spans that rows are made of. The decoder reads them at once and passes over all others; `name.*` stands
 * for every key that begins with `name.`.
 */
export const WANTED_KEYS: readonly string[] = [];

/**
 * What becomes of spans, metrics and log records: each is one function. What has none is counted as rejected, so that whoever
 * sends it learns that nobody will see it.
 */
export function otlpConsumer({ spans, metrics, logs }: Partial<OtlpConsumer>): OtlpConsumer {
  return {
    spans: spans ?? (async (records) => notKept(records.length)),
    metrics: metrics ?? (async (records) => notKept(pointsIn(records))),
    logs: logs ?? (async (records) => notKept(records.length)),
  };
}

function notKept(count: number): OtlpRejected {
  return { count, message: count === 0 ? '' : NOT_KEPT };
}

import type { Snapshot } from '../core/snapshot.ts';

/** Courses that the client's own history does not hold; one value per snapshot, the oldest gives way. */
export interface Trends {
  readonly requestsPerSecond: readonly number[];
  readonly costPerHourUsd: readonly number[];
  readonly llmLatencyMs: readonly number[];
}

const TREND_MAX = 60;

export const NO_TRENDS: Trends = { requestsPerSecond: [], costPerHourUsd: [], llmLatencyMs: [] };

/** The trends with one more snapshot at their end. */
export function withTrend(trends: Trends, { api, llm }: Snapshot): Trends {
  const append = (values: readonly number[], value: number) => [...values, value].slice(-TREND_MAX);
  return {
    requestsPerSecond: append(trends.requestsPerSecond, api.requests_per_second),
    costPerHourUsd: append(trends.costPerHourUsd, llm.cost_per_hour_usd),
    llmLatencyMs: append(trends.llmLatencyMs, llm.latency_avg_ms),
  };
}

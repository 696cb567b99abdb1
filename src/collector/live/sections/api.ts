import { mean, percentile } from '../../../core/histogram.ts';
import { isRequestError, REQUEST_DURATION } from '../../../core/signals/request.ts';
import type { ApiSnapshot, EndpointSnapshot } from '../../../core/snapshot.ts';
import { SECOND_MS } from '../../../core/units.ts';
import type { HistogramSeries } from '../store.ts';
import { groupBy, msFromSeconds, round, sumOf } from './numbers.ts';
import { type LiveView, rateSpanMs, windowOf } from './view.ts';

/** Each agent bounds its own templates; this bounds what all of them add up to. */
const ENDPOINTS_MAX = 200;
const OTHER = '<other>';

export function apiSection(view: LiveView): ApiSnapshot {
  const series = view.store.histograms(REQUEST_DURATION.name);
  const seen = new Set<string>([OTHER]);
  const byEndpoint = groupBy(series, ({ attributes }) => {
    const route = String(attributes['http.route']);
    if (seen.size < ENDPOINTS_MAX) seen.add(route);
    return seen.has(route) ? route : OTHER;
  });
  let windowCount = 0;
  const endpoints = [...byEndpoint].map(([route, own]): [string, EndpointSnapshot] => {
    const latency = windowOf(view, own);
    windowCount += latency.count;
    return [
      route,
      {
        requests: sumOf(own, ({ count }) => count),
        latency_avg_ms: msFromSeconds(mean(latency)),
        latency_p95_ms: msFromSeconds(percentile(latency, 0.95)),
        errors: sumOf(own, errors),
      },
    ];
  });
  return {
    // All requests of an endpoint may have been taken back.
    endpoints: Object.fromEntries(endpoints.filter(([, { requests }]) => requests > 0)),
    requests_total: sumOf(series, ({ count }) => count),
    errors_total: sumOf(series, errors),
    requests_per_second: round(windowCount / (rateSpanMs(view) / SECOND_MS), 1),
    overflow_endpoints: sumOf(byEndpoint.get(OTHER) ?? [], ({ count }) => count),
  };
}

function errors({ attributes, count }: HistogramSeries): number {
  return isRequestError(attributes) ? count : 0;
}

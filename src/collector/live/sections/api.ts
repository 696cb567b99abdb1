import { mean, percentile } from '../../../core/histogram.ts';
import { OTHER_ROUTE } from '../../../core/http/served.ts';
import { ROUTE } from '../../../core/names/label-bounds.ts';
import { isRequestError, REQUEST_DURATION } from '../../../core/signals/request.ts';
import type { ApiSnapshot, EndpointSnapshot } from '../../../core/snapshot.ts';
import { SECOND_MS } from '../../../core/units.ts';
import type { HistogramSeries } from '../series.ts';
import { groupBy, msFromSeconds, round, sumOf } from './numbers.ts';
import { type LiveView, rateSpanMs, windowOf } from './view.ts';

export function apiSection(view: LiveView): ApiSnapshot {
  const series = view.store.histograms(REQUEST_DURATION.name);
  const byEndpoint = groupBy(series, ({ attributes }) => String(attributes[ROUTE]));
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
    overflow_endpoints: sumOf(byEndpoint.get(OTHER_ROUTE) ?? [], ({ count }) => count),
  };
}

function errors({ attributes, count }: HistogramSeries): number {
  return isRequestError(attributes) ? count : 0;
}

import assert from 'node:assert/strict';
import { AggregationTemporality, MeterProvider } from '@opentelemetry/sdk-metrics';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { GRACE_MS } from '../../../../../src/collector/receivers/otlp/subjects.ts';
import { PERCENTILE_ERROR_BOUND, percentile } from '../../../../../src/core/histogram.ts';
import { ChoosingReader, otlpOf } from './sdk.ts';
import { APP, LATER_MS, Received } from './sender.ts';

const DURATION = 'http.server.request.duration';
/** Seventeen doublings, which 160 buckets hold at our scale. */
const SECONDS = fc.double({ min: 0.001, max: 100, noNaN: true });
const INTERVALS = fc.array(fc.array(SECONDS, { maxLength: 20 }), { minLength: 1, maxLength: 6 });
const HTTP = {
  'http.request.method': 'GET',
  'http.response.status_code': 200,
  'http.route': '/',
  'url.scheme': 'https',
};
const EPSILON = 1e-9;

const total = (values: readonly number[]) => values.reduce((all, value) => all + value, 0);

/** Its clock counts milliseconds, and exporters never ask twice within one. */
function nextMillisecond(): void {
  const now = Date.now();
  while (Date.now() === now);
}

/** What a collector has received of an app that measured these values and was asked after each interval. */
async function receivedOf(
  intervals: readonly (readonly number[])[],
  temporality: AggregationTemporality,
  exponential: boolean,
): Promise<Received> {
  const reader = new ChoosingReader({ temporality, exponential });
  const provider = new MeterProvider({ readers: [reader] });
  const meter = provider.getMeter('app');
  const duration = meter.createHistogram(DURATION, {
    unit: 's',
    advice: { explicitBucketBoundaries: [0.01, 0.1, 1, 10] },
  });
  const orders = meter.createCounter('orders');
  const open = meter.createUpDownCounter('open');
  const received = new Received();
  for (const values of intervals) {
    for (const value of values) {
      duration.record(value, HTTP);
      orders.add(value);
      open.add(1);
    }
    nextMillisecond();
    const { count, message } = received.metrics.take(otlpOf(await reader.collect(), APP), LATER_MS);
    assert.deepEqual([count, message], [0, '']);
  }
  received.metrics.release(LATER_MS + GRACE_MS);
  await provider.shutdown();
  return received;
}

describe("what OpenTelemetry's SDK exports", () => {
  for (const temporality of ['DELTA', 'CUMULATIVE'] as const) {
    for (const exponential of [false, true]) {
      it(`is counted to the last value: ${temporality}, ${exponential ? 'exponential' : 'with boundaries'}`, async () => {
        const property = fc.asyncProperty(INTERVALS, async (intervals) => {
          const values = intervals.flat();
          const received = await receivedOf(intervals, AggregationTemporality[temporality], exponential);
          if (values.length === 0) return;
          const [requests] = received.of(DURATION);
          assert.ok(requests?.kind === 'histogram');
          assert.deepEqual([requests.count, requests.attributes], [values.length, HTTP]);
          assert.ok(Math.abs(requests.sum - total(values)) < EPSILON * total(values));
          assert.ok(Math.abs(received.total('orders') - total(values)) < EPSILON * total(values));
          const [open] = received.of('open');
          // Asked for as deltas it tells its changes, which no preset of an exporter does.
          assert.deepEqual([open?.kind, open?.kind === 'gauge' && open.value], ['gauge', values.length]);
          if (!exponential) return;
          const sorted = values.toSorted((a, b) => a - b);
          for (const quantile of [0.5, 0.95]) {
            const exact = sorted[Math.max(0, Math.ceil(quantile * sorted.length) - 1)] ?? 0;
            const reported = percentile(requests, quantile);
            assert.ok(
              Math.abs(reported / exact - 1) <= PERCENTILE_ERROR_BOUND + EPSILON,
              `${reported} for ${exact}`,
            );
          }
        });
        await fc.assert(property, { numRuns: 40 });
      });
    }
  }
});

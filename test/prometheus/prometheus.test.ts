import assert from 'node:assert/strict';
import { afterAll, beforeAll, describe, it } from 'vitest';
import type { Point } from '../../src/core/frame.ts';
import { PERCENTILE_ERROR_BOUND } from '../../src/core/histogram.ts';
import type { Snapshot } from '../../src/core/snapshot.ts';
import { milliseconds, SECOND_MS } from '../../src/core/units.ts';
import { requestEvent } from '../collector/sinks/postgres/events.ts';
import { until } from '../support/poll.ts';
import { ObservedCollector, Sender } from './observed-collector.ts';
import { lint, PrometheusServer } from './prometheus-server.ts';

const REQUESTS = 3000;
const ROUTES = 20;
/** One a second; `PROMETHEUS_SCRAPES=60` for a whole minute, on a machine that is not busy. */
const SCRAPES_WANTED = process.env['PROMETHEUS_SCRAPES'];
const SCRAPES = Number(SCRAPES_WANTED ?? 3);
const SERIES = 10_000;
/** What a scrape may take before the next one is due, where that is what is asked: beside other tests it says nothing. */
const SCRAPE_SECONDS_MAX = SCRAPES_WANTED === undefined ? Number.POSITIVE_INFINITY : 1;
const DURATION = 'http_server_request_duration_seconds';
/** A bucket's ends are 9.05 % apart: what interpolates in it is at most that far from any value in it. */
const BUCKET_WIDTH = (1 + PERCENTILE_ERROR_BOUND) ** 2 - 1;

const traceId = (i: number) => (i + 1).toString(16).padStart(32, '0');
/** From 1 ms to 17 min, in equal ratios. */
const durationMs = (i: number) => 2 ** (((i * 7919) % REQUESTS) * (20 / REQUESTS));
const REQUEST_EVENTS = Array.from({ length: REQUESTS }, (_, i) =>
  requestEvent({
    route: `/r/${i % ROUTES}`,
    traceId: traceId(i),
    durationMs: milliseconds(durationMs(i)),
  }),
);

const gauge = (value: number): Point => ({
  kind: 'gauge',
  name: 'nodejs.eventloop.utilization',
  unit: '1',
  description: 'How busy it is.',
  attributes: {},
  value,
});

/** Series of counters, as many as a metric may have of each. */
function manySeries(): Point[] {
  return Array.from({ length: SERIES }, (_, i) => ({
    kind: 'counter',
    name: `app.work.${i % 5}`,
    unit: '{item}',
    description: 'What an app counts itself.',
    attributes: { item: String(i) },
    value: i,
  }));
}

/** The value at rank `quantile * count`, of the whole traffic or of one route. */
function exact(quantile: number, route?: string): number {
  const events = REQUEST_EVENTS.filter((event) => route === undefined || event.route === route);
  const seconds = events.map((event) => event.durationMs / 1000).sort((a, b) => a - b);
  return seconds[Math.ceil(quantile * seconds.length) - 1] ?? 0;
}

const endpoints = () => {
  const all = Object.entries(snapshot.api.endpoints);
  assert.equal(all.length, ROUTES);
  return all;
};

const apart = (a: number, b: number) => Math.abs(a / b - 1);

let observed: ObservedCollector;
let staying: Sender;
let snapshot: Snapshot;

beforeAll(async () => {
  observed = await ObservedCollector.start();
  staying = new Sender(observed.collector, 'rag-app');
  for (let from = 0; from < REQUESTS; from += 100) {
    await staying.events(REQUEST_EVENTS.slice(from, from + 100));
  }
  staying.frame([gauge(0.25), ...manySeries()]);
  snapshot = await observed.snapshot();
  assert.equal(snapshot.api.requests_total, REQUESTS);
});
afterAll(() => observed.stop());

describe('promtool check metrics', () => {
  it('has nothing to say of the text, but that a name of the conventions ends as a histogram would', async () => {
    const said = await lint(await observed.metrics('text/plain'));
    // As OpenTelemetry's own exporter names it: `exporter-oracle.test.ts` compares every instrument's name with its.
    const known =
      /^system_cpu_logical_count non-histogram and non-summary metrics should not have "_count" suffix$/;
    assert.deepEqual(
      said.split('\n').filter((line) => line !== '' && !known.test(line)),
      [],
    );
  });
});

/** What is true whatever it scrapes: text with classic buckets, or Protocol Buffers with native histograms. */
function agreement(features: readonly string[], quantileOf: (quantile: number, route: string) => string) {
  let prometheus: PrometheusServer;
  beforeAll(async () => {
    prometheus = await PrometheusServer.start(observed.address, features);
    await until(async () => (await prometheus.target())?.health === 'up');
  });
  afterAll(() => prometheus?.stop());

  it('takes every scrape', async () => {
    let taken = 0;
    const scraped = async () => {
      const before = taken;
      taken = (await prometheus.value('count_over_time(up[10m])')) ?? 0;
      if (taken > before) staying.frame(manySeries()); // So that every scrape finds other values.
      return taken >= SCRAPES;
    };
    await until(scraped, { timeoutMs: (SCRAPES + 30) * SECOND_MS });
    assert.equal(await prometheus.value('min_over_time(up[10m])'), 1);
    const longest = (await prometheus.value('max_over_time(scrape_duration_seconds[10m])')) ?? 0;
    assert.ok(longest > 0 && longest < SCRAPE_SECONDS_MAX, `${longest} s`);
    assert.ok(((await prometheus.value('min_over_time(scrape_samples_scraped[10m])')) ?? 0) >= SERIES);
    assert.equal(await prometheus.value('count({__name__=~"app_work_.*_total"})'), SERIES);
    assert.equal((await prometheus.target())?.lastError, '');
    assert.equal(await prometheus.value('nervecenter_exposition_omitted_series'), 0);
  });

  it('finds percentiles where the snapshot has them', async () => {
    for (const [route, { latency_p95_ms }] of endpoints()) {
      const found = await prometheus.value(quantileOf(0.95, route));
      assert.ok(found !== null, route);
      assert.ok(
        apart(found * 1000, latency_p95_ms) <= PERCENTILE_ERROR_BOUND + 1e-9,
        `${found * 1000} ms of ${route}, in the snapshot ${latency_p95_ms} ms`,
      );
      assert.ok(apart(found, exact(0.95, route)) <= BUCKET_WIDTH);
    }
  });

  it('has the exemplars, whose traces are those of the events', async () => {
    const exemplars = await until(async () => {
      const found = await prometheus.exemplars(
        features.includes('native-histograms') ? DURATION : `${DURATION}_bucket`,
      );
      return found.length > 0 ? found : null;
    });
    for (const { labels, value } of exemplars) {
      const event = REQUEST_EVENTS.find((one) => one.traceId === labels['trace_id']);
      assert.equal(Number(value), (event?.durationMs ?? 0) / 1000);
    }
  });

  ofProcesses(() => prometheus);
  return () => prometheus;
}

function ofProcesses(prometheus: () => PrometheusServer) {
  it('forgets the gauges of a process that is gone, and its resource, with the next scrape', async () => {
    const leaving = new Sender(observed.collector, 'other-app');
    leaving.frame([gauge(0.75)]);
    const of = (metric: string) => `${metric}{service_instance_id="${leaving.source.instanceId}"}`;
    const shown = async () => [
      await prometheus().value(of('nodejs_eventloop_utilization_ratio')),
      await prometheus().value(of('target_info')),
    ];
    await until(async () => (await shown()).every((value) => value !== null));
    assert.deepEqual(await shown(), [0.75, 1]);
    leaving.die();
    await until(async () => (await shown()).every((value) => value === null));
    const stays = `nodejs_eventloop_utilization_ratio{service_instance_id="${staying.source.instanceId}"}`;
    assert.equal(await prometheus().value(stays), 0.25);
  });

  it('joins figures of a process with its resource', async () => {
    const joined =
      'nodejs_eventloop_utilization_ratio * on (service_instance_id) group_left (host_name) target_info';
    assert.deepEqual(
      (await prometheus().query(joined)).map(({ metric, value }) => [metric['host_name'], value]),
      [['a-host', 0.25]],
    );
    const [own, ...more] = await prometheus().query('target_info{exported_instance=""}');
    assert.equal(more.length, 0);
    assert.equal(own?.metric['service_name'], 'a-service');
    assert.equal(own?.metric['telemetry_distro_name'], 'nervecenter');
  });
}

describe('Prometheus, by OpenMetrics', () => {
  const prometheus = agreement(
    ['exemplar-storage'],
    (quantile, route) => `histogram_quantile(${quantile}, ${DURATION}_bucket{http_route="${route}"})`,
  );

  it('counts as the snapshot does', async () => {
    assert.equal(await prometheus().value(`sum(${DURATION}_count)`), REQUESTS);
    for (const [route, { requests }] of endpoints()) {
      assert.equal(await prometheus().value(`${DURATION}_count{http_route="${route}"}`), requests);
    }
    const sum = REQUEST_EVENTS.reduce((all, event) => all + event.durationMs / 1000, 0);
    assert.ok(apart((await prometheus().value(`sum(${DURATION}_sum)`)) ?? 0, sum) < 1e-9);
  });

  it('knows since when', async () => {
    const created = (await prometheus().value(`min(${DURATION}_created)`)) ?? 0;
    assert.ok(created > 0 && created <= Date.now() / 1000);
  });

  it('adds up percentiles over routes', async () => {
    const all = await prometheus().value(`histogram_quantile(0.95, sum by (le) (${DURATION}_bucket))`);
    assert.ok(apart(all ?? 0, exact(0.95)) <= BUCKET_WIDTH);
  });
});

describe('Prometheus, by Protocol Buffers with native histograms', () => {
  const prometheus = agreement(
    ['native-histograms', 'exemplar-storage'],
    (quantile, route) => `histogram_quantile(${quantile}, ${DURATION}{http_route="${route}"})`,
  );

  it('counts as the snapshot does', async () => {
    assert.equal(await prometheus().value(`histogram_count(sum(${DURATION}))`), REQUESTS);
    for (const [route, { requests }] of endpoints()) {
      assert.equal(await prometheus().value(`histogram_count(${DURATION}{http_route="${route}"})`), requests);
    }
    assert.equal(await prometheus().value(`count(${DURATION}_bucket)`), null);
  });

  it('adds up percentiles over routes', async () => {
    const all = await prometheus().value(`histogram_quantile(0.95, sum(${DURATION}))`);
    assert.ok(apart(all ?? 0, exact(0.95)) <= BUCKET_WIDTH);
  });
});

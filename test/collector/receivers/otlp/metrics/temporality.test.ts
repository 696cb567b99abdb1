import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import type { OtlpMetric, OtlpNumberPoint } from '../../../../../src/collector/receivers/otlp/model.ts';
import { APP, explicitOf, metricOf, numberOf, Received, resourceOf, SINCE_MS, sum } from './sender.ts';

const MINUTE_MS = 60_000;
const NAME = 'jobs';
const BOUNDS = [1, 10, 100];

/** What a process did in each interval: values measured, or it began anew, or it had nothing to say. */
const STEP = fc.oneof(
  { weight: 6, arbitrary: fc.array(fc.integer({ min: 1, max: 200 }), { maxLength: 5 }) },
  { weight: 1, arbitrary: fc.constantFrom('restart' as const, 'gap' as const) },
);
type Step = readonly number[] | 'restart' | 'gap';

const total = (values: readonly number[]) => values.reduce((all, value) => all + value, 0);
const bucketsOf = (values: readonly number[]) => {
  const counts = [0, 0, 0, 0];
  for (const value of values) {
    const at = BOUNDS.findIndex((bound) => value <= bound);
    counts[at === -1 ? BOUNDS.length : at]!++;
  }
  return { count: values.length, sum: total(values), explicitBounds: BOUNDS, bucketCounts: counts };
};

/** The requests of one process by either temporality, a counter and a histogram in each. */
function requestsOf(steps: readonly Step[], temporality: 'delta' | 'cumulative'): OtlpMetric[][] {
  let startMs = SINCE_MS + 1;
  let timeMs = startMs;
  let all: number[] = [];
  return steps.map((step) => {
    const beforeMs = timeMs;
    timeMs += MINUTE_MS;
    if (step === 'restart') {
      startMs = timeMs;
      timeMs += 1;
      all = [];
    }
    const values = typeof step === 'string' ? [] : step;
    all = [...all, ...values];
    const noRecordedValue = step === 'gap';
    const shown = noRecordedValue ? [] : temporality === 'delta' ? values : all;
    const times = { startMs: temporality === 'delta' ? beforeMs : startMs, timeMs, noRecordedValue };
    const points = [{ ...explicitOf(bucketsOf(shown)), ...times }];
    return [
      metricOf(NAME, sum([numberOf(total(shown), times)], temporality)),
      metricOf('sizes', { kind: 'histogram', temporality, points }),
    ];
  });
}

function receive(requests: readonly (readonly OtlpMetric[])[]): Received {
  const received = new Received();
  for (const [i, request] of requests.entries())
    received.metrics.take(request, SINCE_MS + (i + 1) * MINUTE_MS);
  return received;
}

const figures = (received: Received) => {
  const [sizes] = received.of('sizes');
  return [received.total(NAME), sizes?.kind === 'histogram' ? [sizes.count, sizes.sum] : [0, 0]];
};

describe('what is sent as deltas or as sums since the start', () => {
  it('adds up to the same, over restarts and gaps, whatever is sent again or left out', () => {
    fc.assert(
      fc.property(fc.array(STEP, { maxLength: 20 }), fc.infiniteStream(fc.nat(3)), (steps, chance) => {
        const values = steps.flatMap((step) => (typeof step === 'string' ? [] : step));
        const expected = [total(values), [values.length, total(values)]];
        const choices = chance[Symbol.iterator]();
        const again = (requests: OtlpMetric[][]) =>
          requests.flatMap((request) => (choices.next().value === 0 ? [request, request] : [request]));
        assert.deepEqual(figures(receive(again(requestsOf(steps, 'delta')))), expected);
        assert.deepEqual(figures(receive(again(requestsOf(steps, 'cumulative')))), expected);
        // Sums say what is missing with the next one; only the last before a restart must not be lost.
        const sums = requestsOf(steps, 'cumulative');
        const kept = sums.filter((_, i) => {
          const isLast = i === sums.length - 1 || steps[i + 1] === 'restart' || steps[i + 1] === 'gap';
          return isLast || choices.next().value !== 0;
        });
        assert.deepEqual(figures(receive(kept)), expected);
      }),
    );
  });

  it('counts in the order of time: an older sum says nothing, an older delta was not counted before', () => {
    const at = (value: number, minute: number, startMinute = 0): OtlpNumberPoint =>
      numberOf(value, {
        startMs: SINCE_MS + 1 + startMinute * MINUTE_MS,
        timeMs: SINCE_MS + 2 + minute * MINUTE_MS,
      });
    const sums = receive(
      [5, 9, 7].map((value, i) => [metricOf(NAME, sum([at(value, [1, 3, 2][i]!)], 'cumulative'))]),
    );
    assert.equal(sums.total(NAME), 9);
    const deltas = receive(
      [3, 1, 2].map((minute) => [metricOf(NAME, sum([at(10, minute, minute - 1)], 'delta'))]),
    );
    assert.equal(deltas.total(NAME), 30);
    assert.deepEqual(deltas.outcomes(), { accepted: 3 });
  });

  it('takes a sum that may have been counted before for where it stands, and one that is new for all of it', () => {
    const received = new Received();
    const send = (points: readonly OtlpNumberPoint[], resource = APP) =>
      received.metrics.take([metricOf(NAME, sum(points, 'cumulative'), { resource })], SINCE_MS + MINUTE_MS);
    const old = { startMs: SINCE_MS - MINUTE_MS };
    send([numberOf(100, { ...old, timeMs: SINCE_MS + 1000 })]);
    assert.equal(received.total(NAME), 0);
    send([
      numberOf(103, { ...old, timeMs: SINCE_MS + 2000 }),
      // It was not there when its metric was heard first.
      numberOf(7, { ...old, timeMs: SINCE_MS + 2000, attributes: { of: 'another' } }),
    ]);
    assert.equal(received.total(NAME), 10);
    send(
      [numberOf(5, { startMs: SINCE_MS + 10, timeMs: SINCE_MS + 2000 })],
      resourceOf({ 'service.name': 'new' }),
    );
    assert.equal(received.total(NAME), 15);
    // A start that nobody knows is given as the time of the first point.
    const unknown = { startMs: SINCE_MS + 20, timeMs: SINCE_MS + 20 };
    send([numberOf(50, unknown)], resourceOf({ 'service.name': 'unknown' }));
    send([numberOf(51, { ...unknown, timeMs: SINCE_MS + 40 })], resourceOf({ 'service.name': 'unknown' }));
    assert.equal(received.total(NAME), 16);
  });

  it('takes a sum that fell for one that began anew', () => {
    const at = (value: number, second: number) => numberOf(value, { timeMs: SINCE_MS + second * 1000 });
    const received = receive(
      [5, 9, 2, 4].map((value, i) => [metricOf(NAME, sum([at(value, i + 1)], 'cumulative'))]),
    );
    assert.equal(received.total(NAME), 9 + 4);
  });

  it('adds up processes that send as one, and refuses when they are too many', () => {
    const received = new Received();
    const send = (worker: number, value: number, second: number) => {
      const times = { startMs: SINCE_MS + 1 + worker, timeMs: SINCE_MS + second * 1000 };
      return received.metrics.take(
        [metricOf(NAME, sum([numberOf(value, times)], 'cumulative'))],
        SINCE_MS + second * 1000,
      );
    };
    for (let second = 1; second <= 5; second++) {
      for (let worker = 0; worker < 8; worker++) send(worker, 10 * second + worker, second);
    }
    assert.equal(received.total(NAME), 8 * 50 + 28);
    const { count, message } = send(8, 1, 5);
    assert.equal(count, 1);
    assert.match(
      message,
      /8 processes that send as one: give each its own service\.instance\.id \(first: jobs\)/,
    );
  });

  it('gives a restarted process the place of one that ended before it began', () => {
    const received = new Received();
    for (let start = 0; start < 30; start++) {
      const times = { startMs: SINCE_MS + 1 + start * 100, timeMs: SINCE_MS + 60 + start * 100 };
      received.metrics.take([metricOf(NAME, sum([numberOf(2, times)], 'cumulative'))], times.timeMs);
    }
    assert.equal(received.total(NAME), 60);
  });

  it('does not count a series again that it had forgotten', () => {
    const received = new Received();
    const send = (value: number, minute: number, name = NAME) => {
      const times = { startMs: SINCE_MS + 1, timeMs: SINCE_MS + minute * MINUTE_MS };
      received.metrics.take([metricOf(name, sum([numberOf(value, times)], 'cumulative'))], times.timeMs);
    };
    send(10, 1);
    for (let minute = 2; minute < 200; minute++) send(minute, minute, 'another');
    send(12, 200);
    send(13, 201);
    assert.equal(received.total(NAME), 11);
  });

  it('counts what others begin, also after it has forgotten a series that was to begin in the future', () => {
    const received = new Received();
    const send = (pid: number, value: number, startMs: number, nowMs: number) => {
      const resource = resourceOf({ 'service.name': 'shop', 'host.name': 'web-1', 'process.pid': pid });
      const points = [numberOf(value, { startMs, timeMs: Math.max(startMs, nowMs) + 1 })];
      received.metrics.take([metricOf(NAME, sum(points, 'cumulative'), { resource })], nowMs);
    };
    send(1, 5, SINCE_MS + 1000 * MINUTE_MS, SINCE_MS + MINUTE_MS);
    const laterMs = SINCE_MS + 120 * MINUTE_MS;
    send(2, 1, SINCE_MS + 1, laterMs); // It is forgotten now.
    const before = received.total(NAME);
    send(3, 7, laterMs + MINUTE_MS, laterMs + 2 * MINUTE_MS);
    assert.equal(received.total(NAME) - before, 7);
  });

  it('follows the series of one sender as far as they take no more than 32 MiB, and those of others besides', () => {
    const received = new Received();
    const explicitBounds = Array.from({ length: 400 }, (_, at) => at + 1);
    const bucketCounts = [...explicitBounds.map(() => 1), 0];
    const send = (pid: number, series: number, minute: number) => {
      const resource = resourceOf({ 'service.name': 'shop', 'host.name': 'web-1', 'process.pid': pid });
      const times = { startMs: SINCE_MS + 1, timeMs: SINCE_MS + minute * MINUTE_MS };
      const point = { ...explicitOf({ count: 400, sum: 400, explicitBounds, bucketCounts }), ...times };
      const points = Array.from({ length: series }, (_, at) => ({ ...point, attributes: { at } }));
      const data = { kind: 'histogram', temporality: 'cumulative', points } as const;
      return received.metrics.take([metricOf('sizes', data, { resource })], times.timeMs);
    };
    const { count, message } = send(1, 6000, 1);
    assert.ok(count > 500 && count < 2500, `${count}`);
    assert.match(
      message,
      /of series that take more memory than is kept \(32 MiB of one sender, 128 MiB of all\)/,
    );
    assert.deepEqual(send(1, 6000 - count, 2), { count: 0, message: '' });
    assert.deepEqual(send(2, 100, 2), { count: 0, message: '' });
    // Silent ones make room.
    assert.ok(send(1, 0, 3).count === 0);
    assert.equal(send(1, 6000, 200).count, count);
  });

  it('shows what rises and falls as it stands', () => {
    const received = new Received();
    const send = (value: number, second: number, temporality: 'delta' | 'cumulative') => {
      const times = { startMs: SINCE_MS + (second - 1) * 1000, timeMs: SINCE_MS + second * 1000 };
      received.metrics.take(
        [metricOf(`open.${temporality}`, sum([numberOf(value, times)], temporality, false))],
        times.timeMs,
      );
    };
    for (const [i, value] of [3, -1, 4].entries()) send(value, i + 1, 'delta');
    for (const [i, value] of [3, 2, 6].entries()) send(value, i + 1, 'cumulative');
    for (const name of ['open.delta', 'open.cumulative']) {
      const [point] = received.of(name);
      assert.deepEqual([point?.kind, point?.kind === 'gauge' && point.value], ['gauge', 6], name);
    }
  });

  it('refuses a sum that says neither, and a counter that fell by its own account', () => {
    const received = new Received();
    const unspecified = {
      kind: 'sum',
      isMonotonic: true,
      temporality: 'unspecified',
      points: [numberOf(1)],
    } as const;
    const { count, message } = received.metrics.take(
      [metricOf(NAME, unspecified), metricOf('fell', sum([numberOf(-1)], 'delta'))],
      SINCE_MS,
    );
    assert.equal(count, 2);
    assert.match(
      message,
      /1 without an aggregation temporality: neither delta nor cumulative \(first: jobs\); 1 of a counter/,
    );
    assert.deepEqual(received.outcomes(), { refused: 2 });
  });
});

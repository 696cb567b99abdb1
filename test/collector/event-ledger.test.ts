import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { EventMeter } from '../../src/collector/event-ledger.ts';
import type { NervecenterEvent } from '../../src/core/signals/index.ts';
import { milliseconds } from '../../src/core/units.ts';
import { attributeValues } from '../support/measurements.ts';
import { requestEvent } from './sinks/postgres/events.ts';

it('tells every lot apart by its own routes, however many there were before', () => {
  const meter = new EventMeter();
  for (let lot = 0; lot < 10; lot++) {
    const events = Array.from({ length: 500 }, (_, i) => requestEvent({ route: `/${lot}/${i}` }));
    const points = meter.measure(events);
    assert.equal(attributeValues(points, 'http.route').size, 500);
    assert.equal(attributeValues(points, 'otel.metric.overflow').size, 0);
  }
  assert.deepEqual(meter.measure([]), []);
});

it('adds nothing for what cannot be measured, and measures the rest', () => {
  const meter = new EventMeter();
  const unknown = { signal: 'of another version' } as never;
  assert.equal(meter.measure([unknown, requestEvent({}), null as never]).length, 1);
});

describe('exemplars', () => {
  const traceId = (digit: string) => digit.repeat(32);
  const request = (durationMs: number, trace: string | null) =>
    requestEvent({ durationMs: milliseconds(durationMs), traceId: trace });
  const exemplarOf = (...events: readonly NervecenterEvent[]) => {
    const [point] = new EventMeter().measure(events);
    return point?.kind === 'histogram' ? point.exemplar : assert.fail('no histogram');
  };

  it('are the largest value of a series, with the trace it was measured in and its time', () => {
    const slowest = request(900, traceId('b'));
    assert.deepEqual(
      exemplarOf(request(5, traceId('a')), slowest, request(7, traceId('c')), request(2000, null)),
      {
        value: 0.9,
        traceId: traceId('b'),
        timeMs: slowest.timeMs,
      },
    );
  });

  it('are of one lot, and of no trace that is none', () => {
    const meter = new EventMeter();
    meter.measure([request(900, traceId('a'))]);
    const [point] = meter.measure([request(5, null)]);
    assert.equal(point?.kind === 'histogram' && point.exemplar, undefined);
    assert.equal(exemplarOf(request(5, 'not a trace')), undefined);
    assert.equal(exemplarOf(request(5, traceId('A'))), undefined);
  });
});

import assert from 'node:assert/strict';
import { it } from 'vitest';
import { EventMeter } from '../../src/collector/event-ledger.ts';
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

import assert from 'node:assert/strict';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { describe, it } from 'vitest';
import type { Point } from '../../../src/core/frame.ts';
import { eventMeasure, SIGNAL_NAMES, type SignalName } from '../../../src/core/signals/index.ts';
import type { PricedLlmCallEvent } from '../../../src/core/signals/llm-call.ts';
import { usd } from '../../../src/core/units.ts';
import { DeltaMeterProvider } from '../../../src/metrics/meter-provider.ts';
import { SnapshotReader } from '../../../src/metrics/snapshot-reader.ts';
import { traffic } from '../../collector/restart/traffic.ts';

const ROUNDS = 60;

/** Everything that a signal can say, the price of a call included. */
const EVENTS = traffic(ROUNDS).map((event, index) => {
  if (event.signal !== 'llm-call') return event;
  const known = index % 3 > 0;
  const priced: PricedLlmCallEvent = {
    ...event,
    cost: {
      usd: known ? usd(index / 1000) : null,
      cacheSavingsUsd: known ? usd(0.01) : null,
      source: known ? 'table' : 'none',
      priceVersion: null,
    },
  };
  return priced;
});

/** What a reader collects of either provider, in one order. */
function sorted(points: readonly Point[]): Point[] {
  const key = ({ name, attributes }: Point) => `${name} ${JSON.stringify(Object.entries(attributes).sort())}`;
  return points
    .map((point) => (point.kind === 'histogram' ? { ...point, counts: [...point.counts] } : point))
    .toSorted((a, b) => (key(a) < key(b) ? -1 : 1));
}

async function bySdk(name: SignalName): Promise<Point[]> {
  const reader = new SnapshotReader();
  const provider = new MeterProvider({ readers: [reader] });
  const measure = eventMeasure(provider.getMeter('nervecenter'));
  for (const event of EVENTS) if (event.signal === name) measure(event);
  const points = await reader.collectPoints();
  await provider.shutdown();
  return points;
}

function byOurs(name: SignalName): Point[] {
  const provider = new DeltaMeterProvider();
  const measure = eventMeasure(provider.getMeter());
  for (const event of EVENTS) if (event.signal === name) measure(event);
  return new SnapshotReader([provider]).collectNow();
}

describe("a reader collects the same of OpenTelemetry's own meter and of ours", () => {
  it.each(SIGNAL_NAMES)('%s', async (name) => {
    const [ours, theirs] = [sorted(byOurs(name)), sorted(await bySdk(name))];
    // Sampled and counted by the agent, not by the event; of spans, by what they tell of.
    const measured = name !== 'cache' && name !== 'system' && name !== 'span';
    assert.equal(ours.length > 0, measured);
    assert.equal(ours.length, theirs.length);
    for (const [index, point] of ours.entries()) {
      const other = theirs[index] ?? assert.fail(point.name);
      assert.deepEqual({ ...point, sum: 0, value: 0 }, { ...other, sum: 0, value: 0 });
      const amount = (one: Point) => (one.kind === 'histogram' ? one.sum : one.value);
      assert.ok(Math.abs(amount(point) - amount(other)) < 1e-9, 'sums differ by their rounding only');
    }
  });
});

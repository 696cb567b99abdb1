import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { slotAt } from '../../../src/collector/live/sliding.ts';
import type { Point } from '../../../src/core/frame.ts';
import { LLM_COST } from '../../../src/core/llm/call-instruments.ts';
import { ClockedLive, type FakeAgent, pointOf, requestsOf, WINDOW_MS } from './agents.ts';

const LOTS_MAX = 30;
const POINTS_PER_LOT = 100;

/** What happens, and how long after the last. */
const happenings = fc.array(
  fc.record({
    afterMs: fc.oneof(fc.nat(50), fc.nat(WINDOW_MS / 20), fc.nat(WINDOW_MS)),
    what: fc.constantFrom('added', 'sent', 'tick', 'earlier'),
    route: fc.constantFrom('/a', '/b'),
    lots: fc.constantFrom(1, POINTS_PER_LOT),
  }),
  { maxLength: LOTS_MAX },
);

interface View {
  readonly clock: ClockedLive;
  readonly agent: FakeAgent;
}

function newView(): View {
  const clock = new ClockedLive();
  return { clock, agent: clock.agent('app', { instanceId: 'one' }) };
}

function pointsOf(route: string, lots: number, sender: Point['sender']): Point[] {
  const one = [requestsOf(route, [0.25, 0.5]), pointOf(LLM_COST, 0.5, { 'gen_ai.request.model': route })];
  return Array.from({ length: lots }, () =>
    one.map((point) => ({ ...point, ...(sender && { sender }) })),
  ).flat();
}

function seen({ clock: { live } }: View): unknown {
  const parts = [live.snapshot(), live.snapshot({ service: 'app', instance: null })];
  const series = [...live.metricFamilies()].flatMap(({ name, series }) =>
    Array.from(series, ({ attributes, createdMs = 0, ...one }) =>
      JSON.stringify([
        name,
        attributes,
        slotAt(createdMs, WINDOW_MS),
        'value' in one ? one.value : [one.count, one.sum, one.buckets],
      ]),
    ),
  );
  return JSON.parse(JSON.stringify([parts, series.sort()]));
}

describe('what was added', () => {
  it('is seen as if it had been looked at in the moment it was added', () => {
    fc.assert(
      fc.property(happenings, (all) => {
        const [watched, left] = [newView(), newView()];
        for (const { afterMs, what, route, lots } of all) {
          for (const { clock, agent } of [watched, left]) {
            clock.nowMs += afterMs;
            const { live } = clock;
            if (what === 'added') live.add(pointsOf(route, lots, agent.source));
            else if (what === 'sent') agent.send(pointsOf(route, 1, undefined));
            else if (what === 'tick') live.tick();
            else live.addEarlier({ totals: pointsOf(route, 1, agent.source), window: [] });
          }
          seen(watched);
        }
        assert.deepEqual(seen(left), seen(watched));
      }),
    );
  });
});

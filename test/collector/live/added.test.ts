import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import type { HostSample } from '../../../src/collector/host/host-sample.ts';
import type { Point } from '../../../src/core/frame.ts';
import { LLM_COST } from '../../../src/core/llm/call-instruments.ts';
import { CPU_UTILIZATION } from '../../../src/core/signals/system.ts';
import { ClockedLive, type FakeAgent, pointOf, requestsOf, WINDOW_MS } from './agents.ts';

/** More than names have places. */
const MADE_UP_ROUTES = 250;
const HAPPENINGS_MAX = 30;

const happenings = fc.array(
  fc.record({
    afterMs: fc.oneof(fc.nat(50), fc.nat(WINDOW_MS / 20), fc.nat(WINDOW_MS)),
    what: fc.constantFrom(
      'added',
      'flooded',
      'sent',
      'tick',
      'earlier',
      'joined',
      'left',
      'host',
      'readings',
    ),
    route: fc.constantFrom('/a', '/b'),
  }),
  { maxLength: HAPPENINGS_MAX },
);

type Happening = typeof happenings extends fc.Arbitrary<(infer H)[]> ? H : never;

const HOST: HostSample = {
  cpuPercent: 50,
  cpuCount: 2,
  load1m: 1,
  memoryUsedBytes: 1,
  memoryTotalBytes: 2,
  disks: [],
  networkRxBytesPerSecond: null,
  networkTxBytesPerSecond: null,
  containerLimited: false,
};

/** A live view, and the processes that it has met. */
class View {
  readonly clock = new ClockedLive();
  readonly #agents: FakeAgent[] = [this.clock.agent('app', { instanceId: 'app-0' })];
  #made = 0;

  happen({ afterMs, what, route }: Happening): void {
    this.clock.nowMs += afterMs;
    const { live } = this.clock;
    const agent = this.#agents.at(-1);
    if (what === 'added') live.add(this.#points([route], agent?.source));
    else if (what === 'flooded') live.add(this.#points(this.#madeUp(), agent?.source));
    else if (what === 'sent') agent?.send(this.#points([route]));
    else if (what === 'tick') live.tick();
    else if (what === 'earlier')
      live.addEarlier({ totals: this.#points([route], agent?.source), window: [] });
    else if (what === 'joined') this.#join();
    else if (what === 'left') agent?.leave();
    else if (what === 'host') this.#sampleHost(route);
    else live.systemReadings();
  }

  snapshots(): unknown {
    const { live } = this.clock;
    return [live.snapshot(), live.snapshot({ service: 'app', instance: null }), live.health()];
  }

  families(): unknown {
    return Array.from(this.clock.live.metricFamilies(), ({ series, ...family }) => [family, ...series]);
  }

  #join(): void {
    const name = `app-${this.#agents.length}`;
    this.#agents.push(this.clock.agent(name, { instanceId: name }));
  }

  #sampleHost(disk: string): void {
    const { live } = this.clock;
    live.setHost(HOST);
    live.add([pointOf({ ...CPU_UTILIZATION, kind: 'gauge' }, 0.5, { disk })]);
  }

  #madeUp(): string[] {
    return Array.from({ length: MADE_UP_ROUTES }, () => `/made-up/${this.#made++}`);
  }

  #points(routes: readonly string[], sender?: Point['sender']): Point[] {
    const exemplar = { value: 0.5, timeMs: this.clock.nowMs, traceId: 'a'.repeat(32) };
    return routes
      .flatMap((route): Point[] => [
        { ...requestsOf(route, [0.25, 0.5]), exemplar },
        pointOf(LLM_COST, 0.5, { 'gen_ai.request.model': route }),
      ])
      .map((point) => (sender === undefined ? point : { ...point, sender }));
  }
}

const LOOKS = ['snapshots', 'families'] as const;

describe('what was added', () => {
  for (const look of LOOKS) {
    it(`is in its ${look} as if it had been looked at in the moment it was added`, () => {
      fc.assert(
        fc.property(happenings, (all) => {
          const [watched, left] = [new View(), new View()];
          for (const happening of all) {
            watched.happen(happening);
            watched.snapshots();
            left.happen(happening);
          }
          assert.deepEqual(left[look](), watched[look]());
        }),
        { numRuns: 60 },
      );
    });
  }
});

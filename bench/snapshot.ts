// Building and serialising the snapshot of a large app, and merging what its agent sends.
import { EventMeter } from '../src/collector/event-ledger.ts';
import { Live } from '../src/collector/live/live.ts';
import type { Point } from '../src/core/frame.ts';
import { MINUTE_MS, milliseconds } from '../src/core/units.ts';
import type { Figure } from './figure.ts';
import { cpuMsOfSync, interleaved, median, pairedRatio, spread } from './measure.ts';
import { busyInterval } from './synthetic.ts';

const ROUTES = 200;
const MODELS = 50;
const ROUNDS = 40;
const BUILD_MS_MAX = 2;
const WINDOW_MS = 5 * MINUTE_MS;
/** As many as the window has slots: it is full. */
const FRAMES = 60;
const FRAME_MS = WINDOW_MS / FRAMES;
const INSTANCE = 'bench';

export async function run(): Promise<Figure[]> {
  const clock = { nowMs: Date.now() };
  const live = new Live({
    service: 'bench',
    bootId: INSTANCE,
    windowMs: milliseconds(WINDOW_MS),
    now: () => milliseconds(clock.nowMs),
    pipeline: () => NOTHING_STORED,
  });
  const merge = (points: readonly Point[]) => live.merge(INSTANCE, { points, dropped: {} });
  const points = new EventMeter().measure(busyInterval(ROUTES, MODELS));
  for (let frame = 0; frame < FRAMES; frame++) {
    merge(points);
    clock.nowMs += FRAME_MS;
  }
  const json = JSON.stringify(live.snapshot());
  const parsed: unknown = JSON.parse(json);
  const samples = await interleaved(ROUNDS, {
    build: () => cpuMsOfSync(() => live.snapshot()),
    buildAndJson: () => cpuMsOfSync(() => JSON.stringify(live.snapshot())),
    json: () => cpuMsOfSync(() => JSON.stringify(parsed)),
    merge: () => {
      clock.nowMs += FRAME_MS;
      return cpuMsOfSync(() => merge(points));
    },
  });
  return [
    {
      what: `snapshot of ${ROUTES} routes and ${MODELS} models, full window`,
      budget: `<= ${BUILD_MS_MAX} ms`,
      within: median(samples.build) <= BUILD_MS_MAX,
      ours: `${median(samples.build).toFixed(2)} ms`,
      peers: `${pairedRatio(samples.build, samples.json).toFixed(1)} x \`JSON.stringify\` of the same`,
      raw: `${spread(samples.build, 'ms')}; JSON alone ${spread(samples.json, 'ms')}, ${json.length.toLocaleString('en')} characters`,
    },
    {
      what: 'the same with its JSON: the cost of a tick',
      ours: `${median(samples.buildAndJson).toFixed(2)} ms`,
      raw: spread(samples.buildAndJson, 'ms'),
    },
    {
      what: `merging a frame of ${points.length} series`,
      ours: `${median(samples.merge).toFixed(2)} ms`,
      raw: spread(samples.merge, 'ms'),
    },
  ];
}

const NOTHING_STORED = {
  offered: 0,
  events_stored: 0,
  events_queued: 0,
  events_in_flight: 0,
  dropped: {},
  spool_bytes: 0,
  storage: 'off',
  totals: 'known',
  prices_version: 'bench',
  durable: true,
} as const;

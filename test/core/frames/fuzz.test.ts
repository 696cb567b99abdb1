import assert from 'node:assert/strict';
import { it } from 'vitest';
import { LiveStore } from '../../../src/collector/live/store.ts';
import { frameOf } from '../../../src/collector/receivers/shapes.ts';
import type { Frame, Point } from '../../../src/core/frame.ts';
import { FrameDecoder } from '../../../src/core/frames/frame-decoder.ts';
import { FrameEncoder } from '../../../src/core/frames/frame-encoder.ts';
import { HistogramDelta } from '../../../src/core/histogram.ts';
import { milliseconds } from '../../../src/core/units.ts';
import { counterPoint, frameBytes } from '../../link/messages.ts';
import { bytesLike, tryAll } from '../../support/fuzz/fuzzing.ts';

const WINDOW_MS = milliseconds(300_000);
/** The number of its series. */
const POINT_BYTES_MIN = 2;
const BUCKETS_MAX = 4_000_000;
/** A store is one collector's over months; of the names of so many frames it keeps what it has room for. */
const FRAMES_OF_A_STORE = 2000;

function histogramPoint(): Point {
  const delta = new HistogramDelta();
  for (const value of [0, 0.001, 1, 1.5, 1e9]) delta.record(value);
  return {
    kind: 'histogram',
    name: 'http.server.request.duration',
    unit: 's',
    description: 'How long requests take.',
    attributes: { 'http.route': '/items/:id', 'http.response.status_code': 200, cached: false },
    ...delta.take(),
    exemplar: { value: 1.5, traceId: 'a'.repeat(32), timeMs: 1_790_000_000_000 },
  } as Point;
}

const POINTS: readonly Point[] = [
  counterPoint('nervecenter.test.total', 3),
  { ...counterPoint('nervecenter.test.active', -2), kind: 'gauge', attributes: { name: 'é' } } as Point,
  histogramPoint(),
];

/** Frames of one agent: the second names series that the first describes. */
function frames(): Buffer[] {
  const encoder = new FrameEncoder();
  const first = Buffer.from(frameBytes(encoder, POINTS, { queue_full: 3 }));
  return [first, Buffer.from(frameBytes(encoder, POINTS))];
}

it('frames that are none are refused; of others what can be merged is bounded, and merged', async () => {
  const [first = Buffer.alloc(0), second = Buffer.alloc(0)] = frames();
  let store = new LiveStore(WINDOW_MS);
  let merged = 0;
  await tryAll(
    (random) => [
      random.below(2) === 0 ? first : bytesLike([first])(random),
      bytesLike([first, second])(random),
    ],
    (sent) => {
      const decoder = new FrameDecoder();
      let kind = 'refused';
      for (const bytes of sent) {
        const frame = read(decoder, bytes);
        if (frame === null) continue;
        const judged = frameOf(frame);
        if (merged++ % FRAMES_OF_A_STORE === 0) store = new LiveStore(WINDOW_MS);
        if (judged !== null) store.merge('instance', judged.usable, 1_790_000_000_000);
        kind = judged === null ? 'of no use' : 'merged';
      }
      return kind;
    },
    { reached: ['merged', 'refused'] },
  );
});

/** `null` where it is refused. */
function read(decoder: FrameDecoder, bytes: Buffer): Frame | null {
  let frame: Frame;
  try {
    frame = decoder.read(bytes);
  } catch (error) {
    assert.ok(error instanceof Error);
    assert.doesNotMatch(error.message, /call stack|memory|array length|undefined|not a function/i);
    return null;
  }
  assert.ok(frame.points.length * POINT_BYTES_MIN <= bytes.length);
  const buckets = frame.points.reduce(
    (sum, point) => sum + (point.kind === 'histogram' ? point.counts.length : 0),
    0,
  );
  assert.ok(buckets <= BUCKETS_MAX, `${buckets} buckets`);
  return frame;
}

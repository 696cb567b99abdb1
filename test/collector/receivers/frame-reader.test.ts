import assert from 'node:assert/strict';
import { test } from 'vitest';
import { FrameReader } from '../../../src/collector/receivers/frame-reader.ts';
import { FrameEncoder } from '../../../src/core/frames/frame-encoder.ts';
import { counterPoint, frameBytes } from '../../link/messages.ts';

test('an agent may say when its next frame comes, and nobody is believed who would not be missed', () => {
  const encoder = new FrameEncoder();
  const reader = new FrameReader();
  const next = (nextInMs?: unknown) => {
    const bytes = frameBytes(encoder, [counterPoint('c', 1)]);
    const read = reader.frameOf({ type: 'frame-bytes', bytes, nextInMs })?.usable;
    assert.equal(read?.points.length, 1);
    return read.nextInMs;
  };
  assert.deepEqual([next(), next(2500), next(10_000)], [undefined, 2500, 10_000]);
  for (const odd of [10_001, 3_600_000, -1, 0.5, Number.NaN, '2500', null, {}])
    assert.equal(next(odd), undefined);
});

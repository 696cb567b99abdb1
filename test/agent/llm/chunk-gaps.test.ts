import assert from 'node:assert/strict';
import { test } from 'vitest';
import { gapP95 } from '../../../src/agent/llm/call-event.ts';
import { ChunkGaps } from '../../../src/agent/llm/received-answer.ts';
import { PERCENTILE_ERROR_BOUND } from '../../../src/core/histogram.ts';
import { milliseconds } from '../../../src/core/units.ts';

test('one chunk has no gap', () => {
  const gaps = new ChunkGaps();
  gaps.arrived(milliseconds(9));
  assert.equal(gaps.take(), null);
});

test('chunks that arrive together have no time between them', () => {
  const gaps = new ChunkGaps();
  for (let chunk = 0; chunk < 30; chunk++) gaps.arrived(milliseconds(5));
  gaps.arrived(milliseconds(1000));
  assert.equal(gapP95(gaps.take()), 0);
});

test('the 95th percentile is within the bound of the exact one', () => {
  const gaps = new ChunkGaps();
  let nowMs = 0;
  for (let chunk = 0; chunk <= 1000; chunk++) {
    gaps.arrived(milliseconds(nowMs));
    nowMs += 1 + ((chunk * 7919) % 1000);
  }
  const p95 = gapP95(gaps.take()) ?? 0;
  assert.ok(Math.abs(p95 / 950 - 1) <= PERCENTILE_ERROR_BOUND + 0.002, `${p95}`);
});

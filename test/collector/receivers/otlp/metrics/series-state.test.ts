import assert from 'node:assert/strict';
import { it } from 'vitest';
import { SeriesState } from '../../../../../src/collector/receivers/otlp/metrics/series-state.ts';
import { MINUTE_MS } from '../../../../../src/core/units.ts';
import { SINCE_MS } from './sender.ts';

const SERIES_MAX = 10_000;

it('lets series that are silent make room for those that are sent, and refuses while none is', () => {
  const state = new SeriesState(SINCE_MS);
  const send = (series: string, nowMs: number) =>
    state.delta(
      {
        instanceId: 'i',
        stream: 's',
        series,
        startMs: nowMs - 1,
        timeMs: nowMs,
        figures: { kind: 'number', value: 1 },
      },
      nowMs,
    ).kind;
  const nowMs = SINCE_MS + MINUTE_MS;
  for (let i = 0; i < SERIES_MAX; i++) assert.equal(send(`made up ${i}`, nowMs), 'gained');
  assert.equal(send('late', nowMs + MINUTE_MS), 'refused');
  const laterMs = nowMs + 9 * MINUTE_MS;
  assert.equal(send('made up 0', laterMs), 'gained');
  assert.equal(send('late', nowMs + 10 * MINUTE_MS), 'gained');
  // What was sent of late stays, with what is known of it.
  assert.equal(send('made up 0', laterMs), 'known');
});

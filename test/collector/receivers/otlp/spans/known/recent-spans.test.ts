import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { RecentSpans } from '../../../../../../src/collector/receivers/otlp/spans/known/recent-spans.ts';
import { spanId, traceId } from '../../span.ts';

describe('recent spans', () => {
  it('are known again, as many as there is room for', () => {
    const recent = new RecentSpans(2 ** 14);
    const add = (i: number) => recent.add(traceId(i >> 3), spanId(i));
    for (let i = 0; i < 12_287; i++) assert.ok(add(i), `${i}`);
    for (let i = 0; i < 12_287; i++) assert.ok(!add(i), `${i}`);
    // The youngest 12,288 stay while the older go.
    for (let i = 12_287; i < 60_000; i++) assert.ok(add(i), `${i}`);
    for (let i = 60_000 - 12_288; i < 60_000; i++) assert.ok(!add(i), `${i}`);
    assert.ok(add(1));
  });

  it('of ids that are no random numbers are told apart', () => {
    const recent = new RecentSpans();
    for (let trace = 0; trace < 500; trace++) {
      for (let span = 1; span <= 500; span++) assert.ok(recent.add(traceId(trace), spanId(span)));
    }
  });
});

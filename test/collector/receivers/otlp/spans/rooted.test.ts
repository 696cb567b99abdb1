import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { traceId } from '../span.ts';
import { Assembly } from './assembly.ts';
import { chat, server, span } from './spans.ts';

describe('what waits for late spans has a bound', () => {
  it('of spans of traces with their root: they are decided when what they tell at once is offered', () => {
    const assembly = new Assembly({ spansAwaitingMax: 10 });
    const held: number[] = [];
    const offers = Array.from({ length: 20 }, (_, i) => {
      // Every second one has a parent elsewhere.
      const parts = [span(1, i % 2 === 0 ? null : 9, server), span(2, 1, chat())];
      return assembly.assembler.accept(parts.map((one) => ({ ...one, traceId: traceId(i) }))).offered;
    });
    assert.equal(assembly.calls.length, 0);
    for (const offered of offers) {
      offered();
      held.push(assembly.assembler.counts().spansHeld);
    }
    assert.deepEqual(held.slice(0, 3), [38, 38, 36]);
    assert.equal(assembly.calls.length, 10);
    assert.equal(held.at(-1), 20);
    assert.equal(assembly.assembler.counts().decidedEarly, 10);
  });
});

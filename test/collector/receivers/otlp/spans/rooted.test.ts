import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { traceId } from '../span.ts';
import { Assembly } from './assembly.ts';
import { chat, server, span } from './spans.ts';

describe('what waits for late spans has a bound', () => {
  it('of spans of traces with their root: they are decided when what they tell at once is offered', () => {
    const assembly = new Assembly({ spansAwaitingMax: 10, keepsSpans: false });
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

  it('of spans of traces that came whole: they are told with their request, as far as one batch takes it', () => {
    const assembly = new Assembly({ spansAwaitingMax: 10 });
    const request = (from: number, count: number, root: string | null = null) =>
      Array.from({ length: count }, (_, i) => {
        const parts = [span(1, root === null ? null : 9, server), span(2, 1, chat())];
        return parts.map((one) => ({ ...one, traceId: traceId(from + i) }));
      }).flat();
    const told = assembly.assembler.accept(request(0, 8));
    const signals = told.events.map(({ event }) => event.signal).sort();
    assert.deepEqual(signals, [...Array(3).fill('llm-call'), ...Array(8).fill('request')]);
    assert.equal(new Set(told.spans.map(({ id }) => id)).size, 16);
    assert.equal(assembly.assembler.counts().spansHeld, 10);
    assembly.hear(told.events);
    assembly.accept(request(100, 4, 'elsewhere'));
    assert.equal(assembly.calls.length, 3, 'those wait for their root');
    assembly.wait(11_000);
    assert.deepEqual([assembly.calls.length, assembly.requests.length], [12, 12]);
    assert.equal(new Set(assembly.calls.map(({ id }) => id)).size, 12);
    const large = assembly.assembler.accept(request(1000, 400));
    assert.ok(
      large.events.every(({ event }) => event.signal === 'request'),
      'more than one batch',
    );
  });
});

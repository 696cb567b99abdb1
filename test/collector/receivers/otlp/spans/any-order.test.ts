import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import type { OtlpSpan } from '../../../../../src/collector/receivers/otlp/model.ts';
import { HOLD_MAX_MS, HOLD_MS } from '../../../../../src/collector/receivers/otlp/spans/assembler.ts';
import { decideTrace } from '../../../../../src/collector/receivers/otlp/spans/decide.ts';
import { SpanEvents } from '../../../../../src/collector/receivers/otlp/spans/events.ts';
import { keptSpan } from '../../../../../src/collector/receivers/otlp/spans/kept-span.ts';
import { spanOfStored } from '../../../../../src/collector/receivers/otlp/spans/stored-span.ts';
import { completionTokens, promptTokens } from '../../../../../src/core/llm/usage.ts';
import type { NervecenterEvent } from '../../../../../src/core/signals/index.ts';
import { Assembly } from './assembly.ts';
import { type Traces, traces } from './random-traces.ts';

const MINUTE = 60_000;
const RUNS = 300;

/** How spans come: by what they are sorted, how many in a batch, and how long after the one before. */
const arrival = fc.record({
  keys: fc.array(fc.integer(), { minLength: 1, maxLength: 40 }),
  sizes: fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 10 }),
  gaps: fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 10 }),
});
type Arrival = typeof arrival extends fc.Arbitrary<infer A> ? A : never;

const at = <T>(list: readonly T[], i: number): T => list[i % list.length] as T;

function shuffled(spans: readonly OtlpSpan[], { keys }: Arrival): OtlpSpan[] {
  const keyed = spans.map((span, i) => ({ span, key: Math.imul(at(keys, i) ^ i, 0x9e3779b1) }));
  return keyed.sort((one, other) => one.key - other.key).map(({ span }) => span);
}

function batchesOf(spans: readonly OtlpSpan[], { sizes }: Arrival): OtlpSpan[][] {
  const batches: OtlpSpan[][] = [];
  for (let from = 0; from < spans.length; from += at(sizes, batches.length - 1)) {
    batches.push(spans.slice(from, from + at(sizes, batches.length)));
  }
  return batches;
}

function figuresOf(assembly: Assembly): Traces['truth'] {
  const sum = (of: (usage: never) => number) =>
    assembly.calls.reduce((total, { usage }) => total + (usage === null ? 0 : of(usage as never)), 0);
  return {
    calls: assembly.calls.length,
    input: sum(promptTokens),
    output: sum(completionTokens),
    requests: assembly.requests.length,
  };
}

const rowsOf = (events: readonly NervecenterEvent[]): NervecenterEvent[] =>
  events.toSorted((one, other) => (one.signal + one.id < other.signal + other.id ? -1 : 1));

function inOrder({ spans }: Traces): Assembly {
  const assembly = new Assembly();
  assembly.accept(spans);
  assembly.assembler.flush();
  return assembly;
}

describe('spans of random traces', () => {
  it('make the same rows in any order, in any batches, with every batch sent again, as in one', () => {
    fc.assert(
      fc.property(traces, arrival, (made, how) => {
        const wanted = inOrder(made);
        assert.deepEqual(figuresOf(wanted), made.truth);
        const assembly = new Assembly();
        const batches = batchesOf(shuffled(made.spans, how), how);
        // All within the hold: what is not there by then is late, which is another matter.
        const gap = (i: number) => Math.min(at(how.gaps, i), (HOLD_MS - 250) / batches.length);
        for (const [i, batch] of batches.entries()) {
          assembly.accept(batch);
          if (i > 0) assembly.accept(at(batches, i - 1));
          assembly.wait(gap(i));
        }
        for (const batch of batches) assembly.accept(batch.toReversed());
        assembly.wait(HOLD_MAX_MS);
        for (const batch of batches) assembly.accept(batch);
        assembly.wait(HOLD_MAX_MS);
        assert.deepEqual(rowsOf(assembly.events), rowsOf(wanted.events));
        assert.deepEqual(
          assembly.kept.map(({ spanId }) => spanId).sort(),
          wanted.kept.map(({ spanId }) => spanId).sort(),
        );
      }),
      { numRuns: RUNS },
    );
  });

  it('have true figures also when minutes are between them, as they end', () => {
    fc.assert(
      fc.property(traces, arrival, (made, how) => {
        const assembly = new Assembly();
        for (const [i, batch] of batchesOf(made.spans, how).entries()) {
          assembly.accept(batch);
          assembly.wait(at([0, 300, HOLD_MS, HOLD_MAX_MS, 3 * MINUTE], at(how.gaps, i)));
          assembly.accept(batch);
        }
        assembly.assembler.flush();
        assert.deepEqual(figuresOf(assembly), made.truth);
      }),
      { numRuns: RUNS },
    );
  });

  it('are decided again from stored spans with the same ids', () => {
    fc.assert(
      fc.property(traces, arrival, (made, how) => {
        const wanted = inOrder(made);
        const byTrace = Map.groupBy(shuffled(made.spans, how), ({ traceId }) => traceId);
        const make = new SpanEvents(null, () => {});
        // As they come out of the table.
        const stored = (spans: readonly OtlpSpan[]) => spans.map((span) => spanOfStored(keptSpan(span)));
        const events = [...byTrace.values()].flatMap((spans) => decideTrace(stored(spans), make).events);
        const held = wanted.events.filter(({ signal }) => signal !== 'request');
        assert.deepEqual(rowsOf(events.map(({ event }) => event)), rowsOf(held));
      }),
      { numRuns: RUNS },
    );
  });
});

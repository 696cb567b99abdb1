import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import type { OtlpSpan } from '../../../../../src/collector/receivers/otlp/model.ts';
import { HOLD_MAX_MS, HOLD_MS } from '../../../../../src/collector/receivers/otlp/spans/assembler.ts';
import { keptSpan } from '../../../../../src/collector/receivers/otlp/spans/kept-span.ts';
import { NO_COST } from '../../../../../src/core/llm/cost.ts';
import { completionTokens, promptTokens } from '../../../../../src/core/llm/usage.ts';
import type { NervecenterEvent } from '../../../../../src/core/signals/index.ts';
import type { StoredTrace } from '../../../../../src/core/signals/span.ts';
import { arrival, at, batchesOf, inOrder, PAUSES, rowsOf, shuffled } from './arrivals.ts';
import { Assembly } from './assembly.ts';
import { type Traces, traces } from './random-traces.ts';

const MINUTE = 60_000;
const RUNS = 300;

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

/** As it comes out of the tables. */
function storedOf(spans: readonly OtlpSpan[], events: readonly NervecenterEvent[]): StoredTrace[] {
  return [...Map.groupBy(spans, ({ traceId }) => traceId)].map(([id, own]) => ({
    id,
    spans: own.map((span) => keptSpan(span)),
    told: events.flatMap((event): StoredTrace['told'] => {
      if (event.signal === 'llm-call') return event.traceId === id ? [{ ...event, cost: NO_COST }] : [];
      return event.signal === 'rag-query' && event.traceId === id ? [event] : [];
    }),
  }));
}

/** What came so far, and whether it told by it what is told of all of it at once. */
function assertAsInOrder(assembly: Assembly, made: Traces): void {
  const wanted = inOrder(made);
  assert.deepEqual(rowsOf(assembly.events), rowsOf(wanted.events));
  assert.deepEqual(figuresOf(assembly), made.truth);
}

describe('spans of random traces', () => {
  it('make the same rows in any order, in any batches, with every batch sent again, as in one', () => {
    fc.assert(
      fc.property(traces, arrival, (made, how) => {
        const wanted = inOrder(made);
        assert.deepEqual(figuresOf(wanted), made.truth);
        const assembly = new Assembly();
        const batches = batchesOf(shuffled(made.spans, how), how);
        // All within the hold: what is not there by then is late, and was told otherwise before.
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

  it('make the same rows also when minutes are between any of them, whatever was told meanwhile', () => {
    let retractions = 0;
    fc.assert(
      fc.property(traces, arrival, fc.boolean(), fc.boolean(), (made, how, asTheyEnd, atOnce) => {
        const assembly = new Assembly(atOnce ? { spansAwaitingMax: 0 } : {});
        const batches = batchesOf(asTheyEnd ? made.spans : shuffled(made.spans, how), how);
        // What is remembered is remembered for a quarter of an hour.
        const pause = (i: number) => Math.min(at(PAUSES, at(how.gaps, i)), (14 * MINUTE) / batches.length);
        for (const [i, batch] of batches.entries()) {
          assembly.accept(batch);
          assembly.wait(pause(i));
          assembly.accept(at(batches, how.gaps.length % (i + 1)));
        }
        assembly.assembler.flush();
        assertAsInOrder(assembly, made);
        for (const batch of batches) assembly.accept(batch);
        assembly.assembler.flush();
        assertAsInOrder(assembly, made);
        retractions += assembly.retractions;
      }),
      { numRuns: RUNS },
    );
    assert.ok(retractions > RUNS, `only ${retractions} corrections were tried`);
  });

  it('are decided again from stored spans with the same ids', () => {
    fc.assert(
      fc.property(traces, arrival, (made, how) => {
        const wanted = inOrder(made);
        const assembly = new Assembly();
        for (const trace of storedOf(shuffled(made.spans, how), [])) {
          assembly.hear(assembly.assembler.decideStored(trace) ?? []);
        }
        const held = wanted.events.filter(({ signal }) => signal !== 'request');
        assert.deepEqual(rowsOf(assembly.events), rowsOf(held));
      }),
      { numRuns: RUNS },
    );
  });

  it('make the same rows when the collector is killed after any of them, and finds what is stored', () => {
    let retractions = 0;
    fc.assert(
      fc.property(traces, arrival, fc.nat(), fc.boolean(), (made, how, kill, early) => {
        const spans = shuffled(made.spans, how);
        const killedAt = kill % (spans.length + 1);
        const first = new Assembly();
        first.accept(spans.slice(0, killedAt));
        first.assembler.flush();
        const second = new Assembly();
        second.told = [...first.told];
        // What comes before what is stored was read back is told by itself, and corrected then.
        const rest = () => {
          second.accept(spans.slice(killedAt));
          second.assembler.flush();
        };
        if (early) rest();
        const stored = storedOf(
          spans.slice(0, early ? spans.length : killedAt),
          early ? second.events : first.events,
        );
        for (const trace of stored) second.hear(second.assembler.decideStored(trace) ?? []);
        if (!early) rest();
        const ofTraces = (events: readonly NervecenterEvent[]) =>
          rowsOf(events.filter(({ signal }) => signal !== 'request'));
        assert.deepEqual(ofTraces(second.events), ofTraces(inOrder(made).events));
        retractions += second.retractions;
      }),
      { numRuns: RUNS },
    );
    assert.ok(retractions > RUNS / 10, `only ${retractions} corrections were tried`);
  });
});

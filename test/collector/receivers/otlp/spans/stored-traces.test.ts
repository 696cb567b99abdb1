import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import type { OtlpSpan } from '../../../../../src/collector/receivers/otlp/model.ts';
import { HOLD_MAX_MS } from '../../../../../src/collector/receivers/otlp/spans/assembler.ts';
import { keptSpan } from '../../../../../src/collector/receivers/otlp/spans/kept-span.ts';
import type { StoredTrace } from '../../../../../src/core/signals/span.ts';
import { milliseconds } from '../../../../../src/core/units.ts';
import { Assembly } from './assembly.ts';
import { chat, retrieval, span, wrapped } from './spans.ts';

/** A query with a call below a second instrumentation's span of it. */
const QUERY = span(1, 9, { name: 'ask', attributes: {} }, [0, 900]);
const OUTER = span(2, 1, wrapped(), [300, 800]);
const CALL = span(3, 2, chat(), [310, 790.75]);
const SEARCH = span(4, 1, retrieval(), [10, 200]);
/** Around all of it, as a third sees the same call. */
const LATE = span(9, null, wrapped(), [0, 950]);
const ALL = [QUERY, OUTER, CALL, SEARCH];

function stored(spans: readonly OtlpSpan[], told: Partial<Record<keyof StoredTrace['told'], string[]>> = {}) {
  // As the table has them: to the millisecond.
  const rows = spans
    .map((one) => keptSpan(one))
    .map((row) => ({ ...row, timeMs: milliseconds(Math.round(row.timeMs)) }));
  return {
    id: CALL.traceId,
    spans: rows,
    told: { 'llm-call': new Set(told['llm-call']), 'rag-query': new Set(told['rag-query']) },
  };
}

/** Ids of what the spans tell when they come to one collector. */
function idsTold(): Record<keyof StoredTrace['told'], string> {
  const assembly = new Assembly();
  assembly.accept(ALL);
  assembly.wait(HOLD_MAX_MS);
  const [[call], [query]] = [assembly.calls, assembly.queries];
  assert.deepEqual([assembly.calls.length, assembly.queries.length], [1, 1]);
  return { 'llm-call': call?.id ?? '', 'rag-query': query?.id ?? '' };
}

function missing(assembly: Assembly, trace: StoredTrace): string[] | undefined {
  return assembly.assembler.decideStored(trace)?.map(({ event }) => event.id);
}

describe('a trace that was stored before it was decided', () => {
  it('tells what it would have told, with the same ids, and what comes of it later is late', () => {
    const ids = idsTold();
    const assembly = new Assembly();
    assert.deepEqual(missing(assembly, stored(ALL)), [ids['llm-call'], ids['rag-query']]);
    assembly.accept([LATE]);
    assembly.accept([CALL]);
    assembly.wait(HOLD_MAX_MS);
    assert.deepEqual(assembly.events, []);
  });

  it('tells what has no row, and of a signal that rows tell otherwise nothing', () => {
    const ids = idsTold();
    const told = (of: Parameters<typeof stored>[1]) => missing(new Assembly(), stored(ALL, of));
    assert.deepEqual(told({ 'llm-call': [ids['llm-call']] }), [ids['rag-query']]);
    assert.deepEqual(told({ 'llm-call': [ids['llm-call']], 'rag-query': [ids['rag-query']] }), []);
    assert.deepEqual(told({ 'llm-call': [ids['rag-query']] }), [ids['rag-query']]);
  });

  it('waits while more of it is held here, and tells nothing again that was told here', () => {
    const ids = idsTold();
    const assembly = new Assembly();
    assembly.accept([CALL]);
    assert.equal(missing(assembly, stored(ALL)), undefined);
    assembly.wait(HOLD_MAX_MS);
    assert.deepEqual(
      assembly.calls.map(({ id }) => id),
      [ids['llm-call']],
    );
    assert.deepEqual(missing(assembly, stored(ALL)), [ids['rag-query']]);
    assert.deepEqual(missing(assembly, stored(ALL)), [], 'now it is known');
  });

  it('tells no call where the outer span of it was told here, because the inner one had not come', () => {
    const ids = idsTold();
    const assembly = new Assembly();
    assembly.accept([OUTER]);
    assembly.wait(HOLD_MAX_MS);
    assert.equal(assembly.calls.length, 1);
    assert.deepEqual(missing(assembly, stored(ALL)), [ids['rag-query']]);
  });
});

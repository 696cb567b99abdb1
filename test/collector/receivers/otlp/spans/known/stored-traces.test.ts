import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import type { OtlpSpan } from '../../../../../../src/collector/receivers/otlp/model.ts';
import { HOLD_MAX_MS } from '../../../../../../src/collector/receivers/otlp/spans/assembler.ts';
import { keptSpan } from '../../../../../../src/collector/receivers/otlp/spans/kept-span.ts';
import { NO_COST } from '../../../../../../src/core/llm/cost.ts';
import type { StoredTrace } from '../../../../../../src/core/signals/span.ts';
import { milliseconds, usd } from '../../../../../../src/core/units.ts';
import { Assembly } from '../assembly.ts';
import { chat, retrieval, span, wrapped } from '../spans.ts';

/** A query with a call below a second instrumentation's span of it. */
const QUERY = span(1, 9, { name: 'ask', attributes: {} }, [0, 900]);
const OUTER = span(2, 1, wrapped(), [300, 800]);
const CALL = span(3, 2, chat(), [310, 790.75]);
const SEARCH = span(4, 1, retrieval(), [10, 200]);
/** Around all of it, as a third sees the same call. */
const LATE = span(9, null, wrapped(), [0, 950]);
const ALL = [QUERY, OUTER, CALL, SEARCH];

function stored(spans: readonly OtlpSpan[], told: StoredTrace['told'] = []): StoredTrace {
  // As the table has them: to the millisecond.
  const rows = spans
    .map((one) => keptSpan(one))
    .map((row) => ({ ...row, timeMs: milliseconds(Math.round(row.timeMs)) }));
  return { id: CALL.traceId, spans: rows, told };
}

type Rows = Readonly<Record<'call' | 'query', StoredTrace['told'][number]>>;

/** What the spans tell when they come to one collector. */
function toldOf(spans: readonly OtlpSpan[]): Rows {
  const assembly = new Assembly();
  assembly.accept(spans);
  assembly.wait(HOLD_MAX_MS);
  const [[call], [query]] = [assembly.calls, assembly.queries];
  assert.ok(call !== undefined && query !== undefined && assembly.events.length === 2);
  return { call: { ...call, cost: { ...NO_COST, usd: usd(0.5) } }, query };
}

/** What is told by a trace that is found: ids, those that are taken back with a minus. */
function found(assembly: Assembly, trace: StoredTrace): string[] | undefined {
  return assembly.assembler
    .decideStored(trace)
    ?.map(({ event }) => (event.retractsMs === undefined ? event.id : `-${event.id}`));
}

describe('a trace that was stored before it was decided', () => {
  it('tells what it would have told, with the same ids, and what comes of it later is late', () => {
    const { call, query } = toldOf(ALL);
    const assembly = new Assembly();
    assert.deepEqual(found(assembly, stored(ALL)), [call.id, query.id]);
    assembly.accept([LATE]);
    assembly.accept([CALL]);
    assembly.wait(HOLD_MAX_MS);
    assert.deepEqual(assembly.events, []);
  });

  it('tells what has no row, and of a signal that others told nothing', () => {
    const { call, query } = toldOf(ALL);
    const foundBeside = (...told: StoredTrace['told']) => found(new Assembly(), stored(ALL, told));
    assert.deepEqual(foundBeside(call), [query.id]);
    assert.deepEqual(foundBeside(call, query), []);
    const ofAgent = { ...call, id: '01a0c450-6c64-7000-8000-000000000001' };
    assert.deepEqual(foundBeside(ofAgent), [query.id]);
    assert.deepEqual(foundBeside(ofAgent, query), []);
  });

  it('waits while more of it is held here, and tells nothing again that was told here', () => {
    const { call, query } = toldOf(ALL);
    const assembly = new Assembly();
    assembly.accept([CALL]);
    assert.equal(found(assembly, stored(ALL)), undefined);
    assembly.wait(HOLD_MAX_MS);
    assert.deepEqual(
      assembly.calls.map(({ id }) => id),
      [call.id],
    );
    assert.deepEqual(found(assembly, stored(ALL)), [query.id]);
    assert.deepEqual(found(assembly, stored(ALL)), [], 'now it is known');
  });

  it('corrects what was told of a part of it, here or before', () => {
    const { call, query } = toldOf(ALL);
    const outer = toldOf([QUERY, OUTER, SEARCH]);
    assert.notEqual(outer.call.id, call.id);
    const here = new Assembly();
    here.accept([OUTER]);
    here.wait(HOLD_MAX_MS);
    assert.deepEqual(found(here, stored(ALL)), [`-${outer.call.id}`, call.id, query.id]);
    const before = new Assembly().assembler.decideStored(stored(ALL, [outer.call, outer.query])) ?? [];
    const takenBack = before.map(({ event }) => event).find(({ signal }) => signal === 'llm-call');
    assert.deepEqual(
      takenBack,
      { ...outer.call, retractsMs: Math.floor(outer.call.timeMs / 1000) * 1000 },
      'at what it cost',
    );
    assert.deepEqual(
      before.map(({ event }) => event.id).toSorted(),
      [outer.call.id, call.id, query.id, query.id].toSorted(),
    );
  });

  it('keeps what a row knows and its spans do not say', () => {
    const { call, query } = toldOf(ALL);
    const known = [
      { ...call, userEmail: 'ann@example.com' },
      { ...query, userEmail: 'ann@example.com', queryHash: 'a'.repeat(64) } as StoredTrace['told'][number],
    ];
    assert.deepEqual(found(new Assembly(), stored(ALL, known)), []);
  });
});

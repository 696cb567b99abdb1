import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, test } from 'vitest';
import { TRACE_ITEMS_MAX, type TraceItem, type TraceRow, traceOf } from '../../../src/core/history/trace.ts';
import type { SignalName } from '../../../src/core/signals/index.ts';

const TRACE = 'a'.repeat(32);
const START_MS = Date.UTC(2026, 10, 22, 10);

/** A row that began `from` and ended `to` milliseconds after the trace's beginning. */
function row(signal: SignalName, [from, to]: readonly [number, number], fields: object = {}): TraceRow {
  const took = to - from;
  const durations = { duration_ms: took, response_time_ms: took, elapsed_ms: took, total_ms: took };
  return {
    signal,
    endMs: START_MS + to,
    row: { service: 'shop', ...durations, ...fields } as TraceRow['row'],
  };
}

const span = (id: string, parent: string | null, time: readonly [number, number], fields: object = {}) =>
  row('span', time, {
    id: `row-${id}`,
    span_id: id,
    parent_span_id: parent,
    name: id,
    kind: 'internal',
    status: 'unset',
    attributes: {},
    events: [],
    ...fields,
  });

function itemsOf(rows: readonly TraceRow[]): Map<string, TraceItem> {
  const answer = traceOf(TRACE, rows) ?? assert.fail('nothing');
  return new Map(answer.items.map((item) => [item.id, item]));
}

const parentsOf = (rows: readonly TraceRow[]) =>
  Object.fromEntries([...itemsOf(rows)].map(([id, one]) => [id, [one.parent_id, one.nested_by]]));

describe('a trace', () => {
  test('of no row is none', () => assert.equal(traceOf(TRACE, []), null));

  test('has its spans below their parents, over services, and says who takes part', () => {
    const answer = traceOf(TRACE, [
      span('c', 'b', [20, 90], { service: 'model', status: 'error', error_type: 'Timeout' }),
      span('a', null, [0, 100]),
      span('b', 'a', [10, 95], { service: 'model' }),
    ]);
    assert.ok(answer);
    assert.deepEqual(
      answer.items.map(({ id, parent_id, start_ms, duration_ms }) => [id, parent_id, start_ms, duration_ms]),
      [
        ['row-a', null, 0, 100],
        ['row-b', 'row-a', 10, 85],
        ['row-c', 'row-b', 20, 70],
      ],
    );
    assert.deepEqual(answer.services, [
      { service: 'shop', items: 1, errors: 0 },
      { service: 'model', items: 2, errors: 1 },
    ]);
    assert.deepEqual(
      [answer.trace_id, answer.started_at, answer.duration_ms, answer.truncated],
      [TRACE, new Date(START_MS).toISOString(), 100, false],
    );
  });

  test('shows an event and the span it was made of once, with what both know', () => {
    const items = itemsOf([
      span('a', null, [0, 100]),
      span('b', 'a', [10, 90], { id: 'one', attributes: { x: 1 } }),
      row('llm-call', [10, 90], {
        id: 'one',
        operation: 'chat',
        model: 'gpt-4o',
        outcome: 'error',
        error_type: '429',
      }),
    ]);
    assert.equal(items.size, 2);
    const one = items.get('one');
    assert.deepEqual(
      [one?.kind, one?.name, one?.span_id, one?.parent_id, one?.status, one?.error_type, one?.row?.['model']],
      ['llm-call', 'b', 'b', 'row-a', 'error', '429', 'gpt-4o'],
    );
    assert.deepEqual(one?.attributes, { x: 1 });
  });

  test('has events of agents, which have no span ids, by time: each in the shortest that ran all the while', () => {
    const parents = parentsOf([
      row('request', [0, 1000], { id: 'request', method: 'POST', endpoint: '/ask', status_code: 200 }),
      row('rag-query', [100, 400], { id: 'query', outcome: 'ok' }),
      row('llm-call', [120, 150], { id: 'embedding', operation: 'embeddings', model: 'e', outcome: 'ok' }),
      row('llm-call', [450, 990], { id: 'chat', operation: 'chat', model: 'g', outcome: 'ok' }),
      row('llm-call', [500, 600], { id: 'beside', operation: 'chat', model: 'g', outcome: 'ok' }),
      row('llm-call', [990, 1400], { id: 'late', operation: 'chat', model: 'g', outcome: 'ok' }),
    ]);
    assert.deepEqual(parents, {
      request: [null, null],
      query: ['request', 'time'],
      embedding: ['query', 'time'],
      chat: ['request', 'time'],
      beside: ['request', 'time'],
      late: [null, null],
    });
  });

  test('has an event in the span that saw the same thing, and a span without its parent in what ran meanwhile', () => {
    const parents = parentsOf([
      span('a', null, [2, 998], { kind: 'server' }),
      row('request', [0, 1000], { id: 'request', method: 'GET', endpoint: '/', status_code: 200 }),
      span('b', 'gone', [100, 200], { service: 'other' }),
      span('d', 'gone', [300, 400], { service: 'other', kind: 'client' }),
      row('llm-call', [310, 390], { id: 'beside', service: 'other', operation: 'embeddings', model: 'e' }),
      span('c', 'gone', [2000, 2100], { service: 'other' }),
      row('llm-call', [110, 190], { id: 'call', service: 'other', operation: 'chat', model: 'g' }),
    ]);
    assert.deepEqual(parents, {
      'row-a': [null, null],
      request: ['row-a', 'time'],
      'row-b': ['row-a', 'time'],
      'row-c': [null, null],
      call: ['row-b', 'time'],
      'row-d': ['row-a', 'time'],
      beside: ['row-a', 'time'],
    });
  });

  test('names an event by its columns, and says what failed', () => {
    const items = itemsOf([
      row('request', [0, 9], { id: '1', method: 'GET', endpoint: '/a', status_code: 503 }),
      row('rag-query', [0, 8], { id: '2', outcome: 'ok' }),
      row('ws-session', [0, 7], { id: '3', path: '/chat' }),
    ]);
    assert.deepEqual(
      [...items.values()].map(({ name, status }) => [name, status]),
      [
        ['GET /a', 'error'],
        ['rag-query', 'ok'],
        ['/chat', 'ok'],
      ],
    );
  });

  test('is cut at its last items, and says so', () => {
    const rows = Array.from({ length: TRACE_ITEMS_MAX + 1 }, (_, n) => span(`${n}`, null, [n, n + 1]));
    const answer = traceOf(TRACE, rows.toReversed());
    assert.equal(answer?.items.length, TRACE_ITEMS_MAX);
    assert.equal(answer?.truncated, true);
    assert.equal(answer?.items.at(-1)?.span_id, `${TRACE_ITEMS_MAX - 1}`);
  });

  test('whatever senders say of parents and times, has every item once and none within itself', () => {
    const ids = fc.constantFrom('a', 'b', 'c', 'd', 'e');
    const time = fc
      .tuple(fc.nat(50), fc.nat(50))
      .map(([from, took]): [number, number] => [from, from + took]);
    const odd = fc.constantFrom(NaN, -5, Infinity, 1e300);
    const spans = fc
      .record({ own: ids, parent: fc.option(ids), at: time, took: fc.option(odd) })
      .map(({ own, parent, at, took }) => span(own, parent, at, took === null ? {} : { duration_ms: took }));
    const events = time.map((at) => row('llm-call', at, { operation: 'chat', model: 'g' }));
    fc.assert(
      fc.property(fc.array(fc.oneof(spans, events), { maxLength: 30 }), (made) => {
        const rows = made.map((one, n) => ({ ...one, row: { ...one.row, id: `${n}` } }));
        const answer = traceOf(TRACE, rows);
        assert.equal(answer?.items.length ?? 0, rows.length);
        const items = new Map(answer?.items.map((item) => [item.id, item]));
        for (const item of items.values()) {
          assert.ok(Number.isFinite(item.start_ms) && item.start_ms >= 0);
          const above = new Set<string>();
          for (let one = item.parent_id; one !== null; one = items.get(one)?.parent_id ?? null) {
            assert.ok(one !== item.id && !above.has(one), 'a circle');
            above.add(one);
          }
        }
      }),
    );
  });
});

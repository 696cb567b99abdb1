import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, test } from 'vitest';
import { busy } from '../../../dashboards/web/src/fixtures/busy.ts';
import { fixtureTrace, LONG_TRACE } from '../../../dashboards/web/src/fixtures/traces.ts';
import { isTraceAnswer, tracePath } from '../../../dashboards/web/src/traces/answer.ts';
import { moveOf } from '../../../dashboards/web/src/traces/keys.ts';
import { lengthOf, linesOf, matching, treesOf, uncovered } from '../../../dashboards/web/src/traces/tree.ts';
import type { TraceItem } from '../../../src/core/history/trace.ts';

function item(
  id: string,
  parent: string | null,
  [from, to]: readonly [number, number],
  fields: Partial<TraceItem> = {},
): TraceItem {
  return {
    kind: 'span',
    id,
    parent_id: parent,
    nested_by: null,
    span_id: id,
    parent_span_id: parent,
    service: 'shop',
    instance_id: null,
    name: id,
    span_kind: null,
    scope: null,
    start_ms: from,
    duration_ms: to - from,
    status: 'ok',
    error_type: null,
    attributes: {},
    events: [],
    row: null,
    ...fields,
  };
}

const ITEMS = [
  item('a', null, [0, 100]),
  item('b', 'a', [10, 40]),
  item('c', 'b', [15, 20], { status: 'error', error_type: 'Timeout', attributes: { model: 'GPT-4o' } }),
  item('d', 'a', [30, 60], { service: 'other' }),
  item('e', 'gone', [120, 130]),
];
const ids = (closed: readonly string[], found: ReadonlySet<string> | null = null) =>
  linesOf(treesOf(ITEMS), new Set(closed), found).map(({ node }) => node.item.id);

describe('the lines of a trace', () => {
  test('go down the tree, without what is below a closed one', () => {
    assert.deepEqual(ids([]), ['a', 'b', 'c', 'd', 'e']);
    assert.deepEqual(ids(['b']), ['a', 'b', 'd', 'e']);
    assert.deepEqual(ids(['a', 'e']), ['a', 'e']);
    const [a, b] = linesOf(treesOf(ITEMS), new Set(['b']), null);
    assert.deepEqual([a?.node.level, a?.position, a?.siblings, a?.isOpen], [1, 1, 2, true]);
    assert.deepEqual([b?.node.level, b?.position, b?.siblings, b?.isOpen], [2, 1, 2, false]);
  });

  test('say what failed within, and when nothing below ran', () => {
    const [a, b, c] = linesOf(treesOf(ITEMS), new Set(), null).map(({ node }) => node);
    assert.deepEqual([a?.holdsFailure, b?.holdsFailure, c?.holdsFailure], [true, true, false]);
    assert.deepEqual(a?.own, [
      [0, 10],
      [60, 100],
    ]);
    assert.deepEqual(c?.own, [[15, 20]]);
  });

  test('are those that a search finds, and what they are part of, whatever is closed', () => {
    assert.equal(matching(ITEMS, '  '), null);
    assert.deepEqual(ids(['a'], matching(ITEMS, 'gpt-4O timeout')), ['a', 'b', 'c']);
    assert.deepEqual(ids([], matching(ITEMS, 'other')), ['a', 'd']);
    assert.deepEqual(ids([], matching(ITEMS, 'nothing has this')), []);
  });

  test('a chain as deep as a trace may be is drawn', () => {
    const chain = Array.from({ length: 2000 }, (_, n) =>
      item(`${n}`, n === 0 ? null : `${n - 1}`, [n, 4000 - n]),
    );
    const lines = linesOf(treesOf(chain), new Set(), matching(chain, 'shop'));
    assert.deepEqual([lines.length, lines.at(-1)?.node.level], [2000, 2000]);
  });

  test('whatever covers a stretch: what is left and what is covered is all of it', () => {
    const stretch = fc
      .tuple(fc.nat(100), fc.nat(40))
      .map(([from, took]): [number, number] => [from, from + took]);
    fc.assert(
      fc.property(stretch, fc.array(stretch), ([from, to], others) => {
        const left = uncovered(
          [from, to],
          others.map((one, n) => item(`${n}`, null, one)),
        );
        let expected = 0;
        for (let at = from; at < to; at++)
          if (!others.some(([start, end]) => start <= at && at + 1 <= end)) expected++;
        assert.equal(lengthOf(left), expected);
      }),
    );
  });
});

describe('keys', () => {
  const lines = linesOf(treesOf(ITEMS), new Set(['b']), null);
  const press = (key: string, at: number) => moveOf(key, { lines, at, page: 2 });

  test('move, open and close as in any tree', () => {
    assert.deepEqual(press('ArrowDown', 0), { to: 1 });
    assert.deepEqual(press('ArrowDown', 3), { to: 3 });
    assert.deepEqual(press('ArrowUp', 0), { to: 0 });
    assert.deepEqual(press('PageDown', 0), { to: 2 });
    assert.deepEqual([press('Home', 3), press('End', 0)], [{ to: 0 }, { to: 3 }]);
    assert.deepEqual(press('ArrowRight', 1), { toggle: 'b' });
    assert.deepEqual(press('ArrowRight', 0), { to: 1 });
    assert.equal(press('ArrowRight', 3), null);
    assert.deepEqual(press('ArrowLeft', 0), { toggle: 'a' });
    assert.deepEqual(press('ArrowLeft', 2), { to: 0 });
    assert.equal(press('ArrowLeft', 3), null);
    assert.deepEqual([press('Enter', 2), press(' ', 2)], [{ choose: 'd' }, { choose: 'd' }]);
    assert.deepEqual([press('x', 0), moveOf('Enter', { lines: [], at: 0, page: 1 })], [null, null]);
  });
});

describe('answers', () => {
  test('are asked for by their id, and are none in another shape', () => {
    assert.equal(tracePath('a/b?c'), '/api/metrics/traces/a%2Fb%3Fc');
    const long = fixtureTrace(busy, LONG_TRACE, 0);
    assert.ok(isTraceAnswer(long));
    for (const wrong of [
      null,
      {},
      { ...long, items: [{}] },
      { ...long, duration_ms: null },
      { ...long, services: 1 },
    ])
      assert.equal(isTraceAnswer(wrong), false);
  });
});

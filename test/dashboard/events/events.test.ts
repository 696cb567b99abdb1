import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { allRows, EXPORT_ROWS_MAX, rowsCsv } from '../../../dashboards/web/src/events/export.ts';
import { eventsPath, isEventsAnswer } from '../../../dashboards/web/src/events/question.ts';
import { parseEventsQuery } from '../../../src/core/history/parameters.ts';

const NOW_MS = Date.UTC(2026, 10, 22, 10);
const TRACE = 'a'.repeat(32);

describe('questions about events', () => {
  test('are ones that the collector understands', () => {
    const path = eventsPath({
      signal: 'llm-call',
      range: { kind: 'last', id: '6h' },
      filters: { model: 'a&b=c' },
      traceId: TRACE,
      failedOnly: true,
      minMs: '250',
      limit: 7,
    });
    const query = parseEventsQuery(new URLSearchParams(path.split('?')[1]), NOW_MS);
    assert.deepEqual(
      [query.filters, query.traceId, query.failedOnly, query.minMs, query.limit, query.toMs],
      [{ model: 'a&b=c' }, TRACE, true, 250, 7, null],
    );
    assert.equal(query.fromMs, NOW_MS - 6 * 3_600_000);
    const slowest = eventsPath({ signal: 'request', slowestFirst: true, cursor: '' });
    assert.equal(parseEventsQuery(new URLSearchParams(slowest.split('?')[1]), NOW_MS).slowestFirst, true);
  });

  test('an answer of another shape is none', () => {
    const row = { id: 'x', timestamp: 'y' };
    assert.ok(isEventsAnswer({ signal: 'request', events: [row], next_cursor: null }));
    for (const wrong of [null, {}, { events: [{}], next_cursor: null }, { events: [row] }])
      assert.equal(isEventsAnswer(wrong), false);
  });

  test('are asked page by page for a file, up to a bound, and a formula stays text', async () => {
    let asked = 0;
    const rows = await allRows({ signal: 'request' }, async () => {
      asked++;
      const events = Array.from({ length: 500 }, () => ({ id: '=1+1', timestamp: '' }));
      return { signal: 'request', events, next_cursor: String(asked) };
    });
    assert.deepEqual([rows.length, asked], [EXPORT_ROWS_MAX, EXPORT_ROWS_MAX / 500]);
    assert.equal(rowsCsv(rows.slice(0, 1)), "id,timestamp\r\n'=1+1,\r\n");
  });
});

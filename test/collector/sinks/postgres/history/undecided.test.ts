import assert from 'node:assert/strict';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { EventMeter } from '../../../../../src/collector/event-ledger.ts';
import { createUndecided } from '../../../../../src/collector/sinks/postgres/history/undecided.ts';
import { createStorage } from '../../../../../src/collector/sinks/postgres/storage.ts';
import { mergePoints } from '../../../../../src/core/measured.ts';
import { type NervecenterEvent, signalNamed } from '../../../../../src/core/signals/index.ts';
import type { SpanEvent, StoredTrace } from '../../../../../src/core/signals/span.ts';
import { MIB, MINUTE_MS, milliseconds } from '../../../../../src/core/units.ts';
import { unseen } from '../../../../support/measuring.ts';
import { reachableTempDir, startPostgres, type TestPostgres } from '../../../../support/postgres.ts';
import { toRow } from '../../../../support/rows.ts';
import { oneOfEach, spanEvent } from '../events.ts';
import { openHistory, type TestHistory } from './fixture.ts';

const NOW_MS = Date.now();
const [ONE, OTHER, MANY] = ['1', '2', '3'].map((digit) => digit.repeat(32)) as [string, string, string];
let server: TestPostgres;
const ended: (() => unknown)[] = [];

beforeAll(async () => {
  server = await startPostgres();
});
afterAll(async () => {
  for (const end of ended) await end();
  await server.stop();
});

const open = (): Promise<TestHistory> =>
  openHistory({ onTestFinished: (end) => void ended.push(end as () => unknown) }, server);
const at = (ms: number) => milliseconds(NOW_MS - MINUTE_MS + ms);

async function all(traces: AsyncIterable<StoredTrace>): Promise<StoredTrace[]> {
  const found: StoredTrace[] = [];
  for await (const trace of traces) found.push(trace);
  return found;
}

/** So many spans that ended that long ago, a millisecond after each other. */
const INSERT = `INSERT INTO enterprise.spans (timestamp, trace_id, span_id, name, kind, duration_ms, status, scope)
  SELECT $3::timestamptz + i * interval '1 ms', $1, lpad(to_hex(i), 16, '0'), 'span', 'internal', 1, 'ok', NULL
  FROM generate_series(1, $2::int) AS i`;

describe('traces that may be undecided', () => {
  test('are read as the writer stored them, with what their rows tell', async (t) => {
    const storage = createStorage({
      ...unseen(),
      config: { postgres: await server.createDatabase(), dataDir: reachableTempDir(), spoolMaxBytes: MIB },
      log: () => {},
    });
    await storage.start();
    t.onTestFinished(() => storage.shutdown(5000));
    const sender = { service: 'shop', instanceId: '00000000-0000-4000-8000-000000000001' };
    const spans: SpanEvent[] = [
      spanEvent({ traceId: ONE, spanId: '1'.repeat(16), parentSpanId: null, timeMs: at(3), sender }),
      spanEvent({ traceId: ONE, spanId: '2'.repeat(16), errorType: null, timeMs: at(2), events: '[]' }),
    ];
    const told = (traceId: string) =>
      oneOfEach().flatMap((event): NervecenterEvent[] =>
        event.signal === 'llm-call' || event.signal === 'rag-query' ? [{ ...event, traceId }] : [],
      );
    const own = told(ONE);
    await storage.offer([...spans, ...own, ...told(OTHER)]);
    assert.equal(await storage.flush(20_000), true);
    const undecided = createUndecided((work) => storage.lend(work));
    assert.deepEqual(await undecided.endedBefore(NOW_MS), [ONE]);
    const [trace, ...others] = await all(undecided.read([ONE, OTHER]));
    assert.deepEqual(others, [], 'of the other there are no spans');
    assert.ok(own.length >= 2);
    const byId = (one: NervecenterEvent, two: NervecenterEvent) => (one.id < two.id ? -1 : 1);
    const found = trace?.told.toSorted(byId) ?? [];
    assert.deepEqual(
      found.map((event) => toRow(signalNamed(event.signal), event)),
      own.toSorted(byId).map((event) => toRow(signalNamed(event.signal), event)),
      'what is made of a row has this row',
    );
    // Read from a row a cost is what it says, not what would be found anew.
    const measured = (events: readonly NervecenterEvent[]) => mergePoints(new EventMeter().measure(events));
    assert.deepEqual(measured(found), measured(own.toSorted(byId)), 'and takes back what it had added');
    const bySpan = (one: SpanEvent, two: SpanEvent) => (one.spanId < two.spanId ? -1 : 1);
    const plain = (span: SpanEvent) => ({
      ...span,
      attributes: JSON.parse(span.attributes) as unknown,
      events: JSON.parse(span.events) as unknown,
    });
    assert.deepEqual(trace?.spans.toSorted(bySpan).map(plain), spans.map(plain));
  });

  test('are beside requests and sessions that are found by their ids', async (t) => {
    const storage = createStorage({
      ...unseen(),
      config: { postgres: await server.createDatabase(), dataDir: reachableTempDir(), spoolMaxBytes: MIB },
      log: () => {},
    });
    await storage.start();
    t.onTestFinished(() => storage.shutdown(5000));
    const events = oneOfEach();
    await storage.offer(events);
    assert.equal(await storage.flush(20_000), true);
    const undecided = createUndecided((work) => storage.lend(work));
    const atOnce = events.filter(({ signal }) => signal === 'request' || signal === 'ws-session');
    assert.ok(atOnce.length >= 2);
    const ended = events.map(({ id, timeMs }) => ({ id, endMs: timeMs }));
    const unknown = { id: '00000000-0000-7000-8000-00000000000f', endMs: events[0]?.timeMs ?? 0 };
    const found = await undecided.requestsAmong([...ended, unknown]);
    assert.deepEqual(found, new Set(atOnce.map(({ id }) => id)));
    const later = ended.map(({ id, endMs }) => ({ id, endMs: endMs + MINUTE_MS }));
    assert.deepEqual(await undecided.requestsAmong(later), new Set());
    const lastMs = Math.max(...atOnce.map(({ timeMs }) => timeMs));
    assert.ok(Math.abs(((await undecided.lastRequestBefore(lastMs + 10)) ?? 0) - lastMs) < 1);
    assert.equal(await undecided.lastRequestBefore(lastMs - MINUTE_MS), null);
  });

  test('are those of the last 15 minutes before the last span that ended before a moment, newest first', async () => {
    const { lend, sql } = await open();
    const undecided = createUndecided(lend);
    assert.deepEqual(await undecided.endedBefore(NOW_MS), []);
    const hourAgo = NOW_MS - 60 * MINUTE_MS;
    const insert = (id: string, timeMs: number) => sql(INSERT, [id, 1, new Date(timeMs)]);
    await insert(ONE, hourAgo);
    await insert(OTHER, hourAgo + MINUTE_MS);
    await insert('4'.repeat(32), hourAgo - 20 * MINUTE_MS);
    await insert('5'.repeat(32), NOW_MS + MINUTE_MS);
    await sql(
      `INSERT INTO enterprise.spans (timestamp, trace_id, span_id, name, kind, duration_ms, status)
       VALUES ('infinity', $1, $2, 'span', 'internal', 1, 'ok'), ('-infinity', $1, $2, 'span', 'internal', 1, 'ok')`,
      ['6'.repeat(32), 'a'.repeat(16)],
    );
    assert.deepEqual(await undecided.endedBefore(NOW_MS), [OTHER, ONE]);
    assert.deepEqual(await all(undecided.read(['6'.repeat(32)])), []);
  });

  test('are read a few at a time; one with more spans than that is left out, and no other', async () => {
    const { lend, sql } = await open();
    const undecided = createUndecided(lend);
    const ids = Array.from({ length: 145 }, (_, i) => i.toString(16).padStart(32, '0'));
    for (const id of ids) await sql(INSERT, [id, 2, new Date(NOW_MS)]);
    await sql(INSERT, [MANY, 5001, new Date(NOW_MS)]);
    const found = await all(undecided.read([...ids.slice(0, 30), MANY, ...ids.slice(30)]));
    assert.deepEqual(
      found.map(({ id, spans }) => [id, spans.length]),
      ids.map((id) => [id, 2]),
    );
    assert.deepEqual(found[0]?.spans.map(({ scope, attributes, events }) => [scope, attributes, events])[0], [
      '',
      '{}',
      '[]',
    ]);
  });
});

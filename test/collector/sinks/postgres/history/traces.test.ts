import assert from 'node:assert/strict';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { createTraces } from '../../../../../src/collector/sinks/postgres/history/traces.ts';
import { createStorage } from '../../../../../src/collector/sinks/postgres/storage.ts';
import { TRACE_ITEMS_MAX, type TraceAnswer } from '../../../../../src/core/history/trace.ts';
import { type NervecenterEvent, SIGNALS } from '../../../../../src/core/signals/index.ts';
import { MIB, milliseconds } from '../../../../../src/core/units.ts';
import { unseen } from '../../../../support/measuring.ts';
import { reachableTempDir, startPostgres, type TestPostgres } from '../../../../support/postgres.ts';
import { AUTHORIZED, startServer } from '../../../server/fixture.ts';
import { oneOfEach, requestEvent, spanEvent } from '../events.ts';
import { openHistory, type TestHistory } from './fixture.ts';

const TRACE = 'a'.repeat(32);
const MANY = 'b'.repeat(32);
const HEAVY = 'c'.repeat(32);
const NOW_MS = Date.now();
let server: TestPostgres;
let store: TestHistory;
let trace: (traceId: string) => Promise<TraceAnswer | null>;
const ended: (() => unknown)[] = [];

beforeAll(async () => {
  server = await startPostgres();
  store = await openHistory({ onTestFinished: (end) => void ended.push(end as () => unknown) }, server);
  trace = createTraces(store.lend);
});
afterAll(async () => {
  for (const end of ended) await end();
  await server.stop();
});

const at = (ms: number) => milliseconds(NOW_MS - 60_000 + ms);

describe('a trace', () => {
  test('of events and spans as the writer stored them is one, over tables and services', async (t) => {
    const database = await server.createDatabase();
    const storage = createStorage({
      ...unseen(),
      config: { postgres: database, dataDir: reachableTempDir(), spoolMaxBytes: MIB },
      log: () => {},
    });
    await storage.start();
    t.onTestFinished(() => storage.shutdown(5000));
    const sender = { service: 'gateway', instanceId: '00000000-0000-4000-8000-000000000001' };
    const root = spanEvent({
      sender,
      parentSpanId: null,
      spanId: '1'.repeat(16),
      name: 'POST /ask',
      kind: 'server',
      timeMs: at(2000),
      durationMs: milliseconds(2000.25),
      status: 'ok',
      errorType: null,
    });
    const events: NervecenterEvent[] = [
      ...oneOfEach().filter(({ signal }) => signal !== 'span'),
      root,
      spanEvent({ spanId: '2'.repeat(16), parentSpanId: root.spanId, timeMs: at(1900) }),
      requestEvent({ sender, traceId: TRACE, timeMs: at(2001), durationMs: milliseconds(2001) }),
      requestEvent({ traceId: 'd'.repeat(32) }),
    ];
    await storage.offer(events);
    assert.equal(await storage.flush(20_000), true);
    const answer = await createTraces((work) => storage.lend(work))(TRACE);
    assert.ok(answer);
    assert.deepEqual(answer.items.map(({ kind }) => kind).sort(), [
      'llm-call',
      'rag-query',
      'request',
      'request',
      'span',
      'span',
      'ws-session',
    ]);
    const item = (id: string) => answer.items.find((one) => one.id === id);
    const child = answer.items.find((one) => one.span_id === '2'.repeat(16));
    assert.deepEqual([child?.parent_id, child?.nested_by, child?.service], [root.id, 'span', null]);
    assert.deepEqual(child?.attributes, { 'gen_ai.request.model': 'gpt-4o' });
    assert.deepEqual(child?.events, [['exception', 1200, { 'exception.type': 'TimeoutError' }]]);
    const stored = item(root.id);
    assert.deepEqual(
      [stored?.service, stored?.duration_ms, stored?.row, stored?.scope, stored?.span_kind],
      ['gateway', 2000.25, null, 'openai', 'server'],
    );
    const own = answer.items.find(({ kind, service }) => kind === 'request' && service === 'gateway');
    assert.deepEqual([own?.parent_id, own?.nested_by], [root.id, 'time'], 'seen by both');
    assert.deepEqual(
      Object.keys(own?.row ?? {}),
      SIGNALS.request.columns.map(({ name }) => name),
    );
    assert.equal(await createTraces((work) => storage.lend(work))('e'.repeat(32)), null);
  });

  test('of more than can be shown is cut at what began last, and its JSON is bounded', async () => {
    await store.sql(
      `INSERT INTO enterprise.spans (timestamp, trace_id, span_id, name, kind, duration_ms, status, attributes, events)
       SELECT now() - interval '1 hour' + i * interval '1 ms', $1, lpad(to_hex(i), 16, '0'), 'span ' || i, 'internal',
         CASE WHEN i = ${TRACE_ITEMS_MAX + 200} THEN 3000 WHEN i = 7 THEN 'NaN'::float8 ELSE 1 END, 'ok', '{}', '[]'
       FROM generate_series(1, ${TRACE_ITEMS_MAX + 200}) AS i`,
      [MANY],
    );
    const answer = await trace(MANY);
    assert.equal(answer?.items.length, TRACE_ITEMS_MAX);
    assert.equal(answer?.truncated, true);
    assert.equal(answer?.items[0]?.name, `span ${TRACE_ITEMS_MAX + 200}`, 'it ended last and began first');
    await store.sql(
      `INSERT INTO enterprise.spans (timestamp, trace_id, span_id, name, kind, duration_ms, status, attributes, events)
       SELECT now() - interval '1 hour' + i * interval '1 ms', $1, lpad(to_hex(i), 16, '0'), 'span ' || i, 'internal', 1, 'ok',
         jsonb_build_object('long', repeat('x', 60000)), '[]' FROM generate_series(1, 200) AS i`,
      [HEAVY],
    );
    const heavy = await trace(HEAVY);
    assert.equal(heavy?.items.length, 200);
    const full = heavy?.items.filter(({ attributes }) => attributes !== null) ?? [];
    assert.deepEqual(
      [full.length, full.at(-1)?.name],
      [Math.floor((8 * MIB) / 60_014), `span ${full.length}`],
    );
  });

  test('is found by an index in every table, not by looking at every row', async () => {
    for (const { table, columns } of Object.values(SIGNALS)) {
      if (columns.every(({ name }) => name !== 'trace_id')) continue;
      const plan = await store.lend(async (client) => {
        await client.query('BEGIN; SET LOCAL enable_seqscan = off');
        const { rows } = await client.query(
          `EXPLAIN SELECT * FROM enterprise.${table} WHERE trace_id = '${TRACE}'`,
        );
        await client.query('ROLLBACK');
        return rows.map((line) => line['QUERY PLAN']).join('\n');
      });
      assert.doesNotMatch(plan, /Seq Scan/, table);
      assert.match(plan, /trace_id_idx/, table);
    }
  });
});

describe('GET /api/metrics/traces/:trace_id', () => {
  const get = { headers: AUTHORIZED };

  test('answers with the trace, whatever the case of its id, and only who may look', async (t) => {
    const { send } = await startServer(t, { sources: { trace } });
    const answer = await send(`/api/metrics/traces/${MANY}`, get);
    assert.equal(answer.status, 200);
    assert.equal(answer.json()['trace_id'], MANY);
    const dashed = `${MANY.slice(0, 8)}-${MANY.slice(8)}`.toUpperCase();
    assert.equal((await send(`/api/metrics/traces/${dashed}`, get)).status, 200);
    assert.equal((await send(`/api/metrics/traces/${MANY}`)).status, 401);
    assert.equal((await send(`/api/metrics/traces/${MANY}`, { ...get, method: 'POST' })).status, 405);
  });

  test('answers with the whole trace, whichever sender the rest of the page is narrowed to', async (t) => {
    const { send } = await startServer(t, { sources: { trace } });
    const whole = (await send(`/api/metrics/traces/${MANY}`, get)).json();
    for (const filter of ['service=gateway', 'service=nobody', 'instance=x&service=y']) {
      const answer = await send(`/api/metrics/traces/${MANY}?${filter}`, get);
      assert.equal(answer.status, 200);
      assert.deepEqual(answer.json(), whole);
    }
  });

  test('says that nothing is stored, that the id is none, and that there is no storage', async (t) => {
    const { send } = await startServer(t, { sources: { trace } });
    const unknown = await send(`/api/metrics/traces/${'f'.repeat(32)}`, get);
    assert.deepEqual([unknown.status, unknown.json()['code']], [404, 'NC_NOT_FOUND']);
    assert.equal(unknown.headers['content-type'], 'application/problem+json');
    for (const id of ['', 'x'.repeat(33), '%00', '%E0%A4%A', `${MANY}/x`, '%2e%2e/health']) {
      const bad = await send(`/api/metrics/traces/${id}`, get);
      assert.deepEqual([bad.status, bad.json()['code']], [400, 'NC_BAD_REQUEST'], id);
      assert.match(String(bad.json()['detail']), /trace_id: expected 32 hex digits/);
    }
    const off = await startServer(t);
    assert.equal((await off.send(`/api/metrics/traces/${MANY}`, get)).status, 503);
  });
});

import assert from 'node:assert/strict';
import { afterAll, beforeAll, it } from 'vitest';
import { HISTORY } from '../../../../../src/core/history/catalogue.ts';
import { toCsv } from '../../../../../src/core/history/csv.ts';
import { SIGNALS, type SignalName } from '../../../../../src/core/signals/index.ts';
import { startPostgres, type TestPostgres } from '../../../../support/postgres.ts';
import { fill, fillSpans, NOW, openHistory } from './fixture.ts';

let server: TestPostgres;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.stop());

it('gives every column of every signal, newest first', async (t) => {
  const store = await openHistory(t, server);
  await fill(store, 60, 2);
  await fillSpans(store, 60);
  for (const signal of Object.keys(HISTORY) as SignalName[]) {
    const { events } = await store.events({ signal });
    assert.equal(events.length, 50);
    assert.deepEqual(
      Object.keys(events[0] ?? {}),
      SIGNALS[signal].columns.map(({ name }) => name),
    );
    const times = events.map(({ timestamp }) => String(timestamp));
    assert.deepEqual(times, times.toSorted().reverse());
    assert.match(times[0] ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
  }
});

it('finds one event, those of a trace, those that failed, and the slow ones', async (t) => {
  const store = await openHistory(t, server);
  await fill(store, 120, 2);
  const trace = 'c0ffee'.repeat(5);
  for (const table of ['request_metrics', 'llm_call_metrics', 'rag_metrics', 'ws_session_metrics'])
    await store.sql(
      `UPDATE enterprise.${table} SET trace_id = $1 WHERE id IN (SELECT id FROM enterprise.${table} LIMIT 3)`,
      [trace],
    );
  for (const signal of ['request', 'llm-call', 'rag-query', 'ws-session']) {
    const { events } = await store.events({ signal, trace_id: trace, from: '-3d' });
    assert.deepEqual(
      events.map(({ trace_id }) => trace_id),
      [trace, trace, trace],
    );
  }
  const [newest] = (await store.events({ signal: 'cache' })).events;
  const one = await store.events({ signal: 'cache', id: String(newest?.['id']).toUpperCase() });
  assert.deepEqual(one.events, [newest]);
  const failed = await store.events({ signal: 'request', failed: '1', min_ms: '2.5', limit: '500' });
  const [row] = await store.sql<{ count: number }>(
    'SELECT count(*)::int FROM enterprise.request_metrics WHERE status_code >= 400 AND response_time_ms >= 2.5',
  );
  assert.equal(failed.events.length, row?.count);
  const [calls] = await store.sql<{ count: number }>(
    `SELECT count(*)::int FROM enterprise.llm_call_metrics WHERE outcome = 'error' OR (outcome IS NULL AND NOT success)`,
  );
  const failures = await store.events({ signal: 'llm-call', failed: '1', limit: '500' });
  assert.equal(failures.events.length, calls?.count);
});

it('gives columns of JSON as they are', async (t) => {
  const store = await openHistory(t, server);
  await store.sql(
    `INSERT INTO enterprise.rag_metrics (total_ms, query_hash, stages) VALUES (5, 'x', '{"rerank": 1.5}')`,
  );
  const { events } = await store.events({ signal: 'rag-query' });
  assert.deepEqual(events[0]?.['stages'], { rerank: 1.5 });
});

it('pages without a gap and without a repeat while rows are stored', async (t) => {
  const store = await openHistory(t, server);
  const insert = (count: number, base: number) =>
    store.sql(
      // Many of one microsecond, so that only the id tells them apart.
      `INSERT INTO enterprise.request_metrics (timestamp, endpoint, method, status_code, response_time_ms, department)
       SELECT to_timestamp($2::float8) + (i / 40) * interval '1 microsecond', '/', 'GET', 200, 1, 'sales' FROM generate_series(1, $1::int) AS i`,
      [count, base / 1000],
    );
  await insert(1000, NOW);
  const before = (await store.sql<{ id: string }>('SELECT id FROM enterprise.request_metrics')).map(
    ({ id }) => id,
  );
  const seen: string[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const page: Awaited<ReturnType<typeof store.events>> = await store.events({
      signal: 'request',
      limit: '37',
      department: 'sales',
      cursor,
    });
    seen.push(...page.events.map(({ id }) => String(id)));
    cursor = page.next_cursor;
    await insert(20, NOW + 1000);
  }
  assert.deepEqual(seen.toSorted(), before.toSorted());
});

it('filters by time and by dimension', async (t) => {
  const store = await openHistory(t, server);
  await fill(store, 300, 2);
  const { events } = await store.events({
    signal: 'request',
    status_class: '4xx',
    user: 'user7',
    from: '-2d',
    to: 'now',
    limit: '500',
  });
  const [row] = await store.sql<{ count: number }>(
    `SELECT count(*)::int FROM enterprise.request_metrics WHERE status_code = 404 AND user_email = 'user7'`,
  );
  assert.equal(events.length, row?.count);
  const instance = '00000000-0000-4000-8000-000000000001';
  const sent = await store.events({ signal: 'cache', instance, limit: '500' });
  assert.equal(sent.events.length, 75);
  assert.deepEqual(new Set(sent.events.map(({ instance_id }) => instance_id)), new Set([instance]));
  assert.deepEqual((await store.events({ signal: 'cache', instance: 'no such' })).events, []);
});

it('writes CSV that no spreadsheet runs', () => {
  const row = {
    a: '=1+1',
    b: '+x',
    c: '-x',
    d: '@x',
    e: '\tx',
    f: '\rx',
    g: 'a "b", c\nd',
    h: -5,
    i: null,
    j: true,
    k: { rerank: 1.5 },
    l: 'x;=1+1',
    m: '＝1+1',
    n: 'x\t-1;  @y',
  };
  const csv = toCsv(Object.keys(row), [row]);
  assert.equal(
    csv,
    `a,b,c,d,e,f,g,h,i,j,k,l,m,n\r\n'=1+1,'+x,'-x,'@x,"'\tx","'\rx","a ""b"", c\nd",-5,,true,"{""rerank"":1.5}","x;'=1+1",'＝1+1,"x\t'-1;'  @y"\r\n`,
  );
});

import assert from 'node:assert/strict';
import { it } from 'vitest';
import { decodeCursor, encodeCursor } from '../../../src/core/history/cursor.ts';
import type {
  EventsAnswer,
  EventsQuery,
  HistoryAnswer,
  HistoryQuery,
} from '../../../src/core/history/query.ts';
import { AUTHORIZED, startServer } from './fixture.ts';

const ANSWER: HistoryAnswer = {
  signal: 'request',
  measure: 'p95',
  unit: 'ms',
  from: '2026-11-22T09:00:00.000Z',
  to: '2026-11-22T10:00:00.000Z',
  step_seconds: 60,
  tz: 'UTC',
  source: 'rollup_minute',
  series: [{ group: {}, points: [[1, null]] }],
};
const EVENTS: EventsAnswer = {
  signal: 'cache',
  events: [{ id: '0', timestamp: '2026-11-22T10:00:00.000000Z', cache_type: '=cmd()', hits: -1 }],
  next_cursor: encodeCursor({
    timestamp: '2026-11-22T10:00:00.000000Z',
    id: '01935a1c-7a2b-7000-8000-000000000000',
  }),
};

const get = { headers: AUTHORIZED };

it('history: the question arrives parsed, the answer as JSON', async (t) => {
  const asked: HistoryQuery[] = [];
  const history = async (query: HistoryQuery) => {
    asked.push(query);
    return ANSWER;
  };
  const { send } = await startServer(t, { sources: { history } });
  const answer = await send(
    '/api/metrics/history?signal=request&measure=p95&from=2026-11-22T09:00Z&to=2026-11-22T10:00Z&group_by=endpoint&method=GET',
    get,
  );
  assert.equal(answer.status, 200);
  assert.deepEqual(answer.json(), ANSWER);
  const [query] = asked;
  assert.equal(query?.groupBy, 'endpoint');
  assert.deepEqual(query?.filters, { method: 'GET' });
  assert.equal(query?.buckets.boundariesMs.length, 31);
  assert.equal((await send('/api/metrics/history?signal=request&measure=p95')).status, 401);
});

it('a parameter that cannot be used is named, with what was expected and what came', async (t) => {
  const { send } = await startServer(t, {
    sources: { history: async () => ANSWER, events: async () => EVENTS },
  });
  for (const [search, expected] of [
    ['', /signal: expected one of request, .*got nothing/],
    ['signal=nope', /signal: expected one of request, .*got "nope"/],
    ['signal=request', /measure: expected one of count, .*got nothing/],
    ['signal=request&measure=cost', /measure: .*got "cost"/],
    ['signal=request&measure=count&from=yesterday', /from: expected now.*got "yesterday"/],
    ['signal=request&measure=count&from=2026-02-30', /from: /],
    ['signal=request&measure=count&from=now&to=-1h', /from: expected a time before `to`/],
    ['signal=request&measure=count&from=-500d', /400 days/],
    ['signal=request&measure=count&from=-30d&step=1s', /step: .*at most 1500, got "1s"/],
    ['signal=request&measure=count&step=36h', /step: /],
    ['signal=request&measure=count&tz=Mars/Base', /tz: expected an IANA time zone/],
    ['signal=request&measure=count&group_by=model', /group_by: expected one of endpoint/],
    ['signal=request&measure=count&model=x', /Query parameter: expected one of .*got "model"/],
    ['signal=request&measure=count&method=a&method=b', /method: expected one value, got "a, b"/],
    ['signal=request&measure=count&method=%00', /method: .*without NUL/],
    [`signal=request&measure=count&method=${'x'.repeat(9000)}`, /method: expected at most 255/],
    ['signal=rag-query&measure=hit_rate&group_by=stage', /measure: expected one that a stage has/],
    ['signal=system&measure=avg', /metric: expected the name/],
  ] as const) {
    const answer = await send(`/api/metrics/history?${search}`, get);
    assert.equal(answer.status, 400, search);
    assert.equal(answer.headers['content-type'], 'application/problem+json');
    assert.match(String(answer.json()['detail']), expected);
  }
  for (const search of [
    'limit=0',
    'limit=501',
    'limit=1e2',
    'cursor=x',
    'stage=x',
    'id=1',
    'failed=yes',
    'min_ms=-1',
    'min_ms=1e9',
    `trace_id=${'a'.repeat(33)}`,
    'trace_id=%00',
    `cursor=${'a'.repeat(5000)}`,
  ]) {
    assert.equal((await send(`/api/metrics/events?signal=rag-query&${search}`, get)).status, 400, search);
  }
  for (const narrowing of ['trace_id=a', 'failed=1', 'min_ms=1'])
    assert.equal((await send(`/api/metrics/events?signal=cache&${narrowing}`, get)).status, 400, narrowing);
  const huge = await send(
    `/api/metrics/history?signal=request&measure=count&method=${'x'.repeat(65_536)}`,
    get,
  );
  assert.equal(huge.status, 431);
});

it('events: JSON, or CSV with the next page in a header', async (t) => {
  const asked: EventsQuery[] = [];
  const events = async (query: EventsQuery) => {
    asked.push(query);
    return EVENTS;
  };
  const { send } = await startServer(t, { sources: { events } });
  assert.deepEqual((await send('/api/metrics/events?signal=cache', get)).json(), EVENTS);
  const csv = await send('/api/metrics/events?signal=cache&limit=1', {
    headers: { ...AUTHORIZED, accept: 'text/csv' },
  });
  assert.match(csv.headers['content-type'] ?? '', /^text\/csv/);
  const [head, row] = csv.text.split('\r\n');
  assert.equal(
    head,
    'id,timestamp,cache_type,hits,misses,hit_rate,memory_used_bytes,keys_count,service,instance_id',
  );
  assert.equal(row, "0,2026-11-22T10:00:00.000000Z,'=cmd(),-1,,,,,,");
  const next = /^<(.*)>; rel="next"$/.exec(String(csv.headers['link']))?.[1] ?? '';
  await send(next, get);
  assert.deepEqual(asked.at(-1)?.after, decodeCursor(EVENTS.next_cursor ?? ''));
  assert.equal(asked.at(-1)?.limit, 1);
});

it('without storage there is no history', async (t) => {
  const { send } = await startServer(t);
  for (const path of ['history?signal=request&measure=count', 'events?signal=request']) {
    const answer = await send(`/api/metrics/${path}`, get);
    assert.equal(answer.status, 503);
    assert.equal(answer.json()['code'], 'NC_UNAVAILABLE');
  }
});

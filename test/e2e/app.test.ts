import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { WebSocket } from 'ws';
import type { Health, Snapshot } from '../../src/core/snapshot.ts';
import { ObservedApp } from '../support/observed-app.ts';
import { until } from '../support/poll.ts';
import { rowsOf } from '../support/rows.ts';

const APP = join(import.meta.dirname, 'fixtures', 'app.cjs');

function assertConserved({ pipeline }: Snapshot): void {
  const dropped = Object.values(pipeline.events_dropped).reduce((sum, count) => sum + count, 0);
  assert.equal(
    pipeline.events_accepted,
    pipeline.events_stored + pipeline.events_queued + pipeline.events_in_flight + dropped,
    JSON.stringify(pipeline),
  );
}

describe('an app with the agent in front', () => {
  let app: ObservedApp;
  let url: string;
  beforeAll(async () => {
    app = new ObservedApp(APP);
    url = await app.appUrl();
    await app.started();
    for (let i = 0; i < 20; i++) await fetch(`${url}/items/${i}`);
    for (let i = 0; i < 5; i++) await fetch(`${url}/nowhere/${i}`);
    for (const path of ['/fails', '/rag', '/rag', '/rag-fails', '/record']) await fetch(`${url}${path}`);
  });
  afterAll(() => app.stop());

  it('shows every signal in the snapshot', async () => {
    // Events come by batch, look-ups and messages by frame: either may be a moment ahead.
    const snapshot = await app.snapshotWhen(
      ({ api, llm, cache, websocket }) =>
        api.requests_total >= 31 &&
        llm.total_requests >= 2 &&
        cache.rag_hits >= 2 &&
        websocket.messages_out >= 1,
    );
    assert.deepEqual(Object.keys(snapshot.api.endpoints).sort(), [
      '/elsewhere/:id',
      '/fails',
      '/items/:id',
      '/rag',
      '/rag-fails',
      '/record',
      '<unmatched>',
    ]);
    assert.equal(snapshot.api.endpoints['/items/:id']?.requests, 20);
    assert.equal(snapshot.api.endpoints['<unmatched>']?.errors, 5);
    assert.equal(snapshot.api.errors_total, 7);
    assert.equal(snapshot.rag.total_queries, 4);
    assert.equal(snapshot.rag.error_count, 1);
    assert.equal(snapshot.rag.avg_chunks, 2);
    assert.equal(snapshot.rag.zero_chunk_rate, 33.3);
    assert.equal(snapshot.rag.chunks_told_total, 3);
    assert.deepEqual(Object.keys(snapshot.rag.stages).sort(), ['embedding', 'generation', 'vector_search']);
    assert.deepEqual(
      [snapshot.cache.rag_hits, snapshot.cache.rag_misses, snapshot.cache.embedding_hits],
      [2, 2, 1],
    );
    assert.deepEqual([snapshot.llm.tokens_in_total, snapshot.llm.tokens_out_total], [1001, 501]);
    assert.deepEqual([snapshot.llm.unpriced_requests, snapshot.llm.tokens_cached_total], [1, 200]);
    // gpt-4o-mini: 800 x 0.15 + 200 x 0.075 + 500 x 0.60 USD per million.
    assert.equal(snapshot.llm.cost_total_usd, 0.0004);
    assert.equal(snapshot.llm.first_token_avg_ms, 150);
    const { connections_total, messages_in, messages_out, bytes_in, bytes_out } = snapshot.websocket;
    assert.deepEqual([connections_total, messages_in, messages_out, bytes_in, bytes_out], [1, 1, 1, 10, 20]);
    assert.ok(snapshot.system.process_memory_mb > 0 && snapshot.system.memory_total_gb > 0);
    assert.equal(snapshot.instances.length, 1);
    assertConserved(snapshot);
  });

  it('answers the app itself', async () => {
    const own = (await (await fetch(`${url}/own`)).json()) as {
      snapshot: Snapshot;
      health: object;
      system: object;
    };
    assert.equal(own.snapshot.schema_version, 1);
    assert.deepEqual(Object.keys(own.health), [
      'status',
      'issues',
      'uptime_seconds',
      'ws_connections',
      'timestamp',
    ]);
    assert.ok('cpu_percent' in own.system);
  });

  it('refuses nonsense, counts it, warns once, and goes on', async () => {
    const before = await app.snapshot();
    await fetch(`${url}/nonsense`);
    await fetch(`${url}/nonsense`);
    const snapshot = await app.snapshotWhen(
      ({ pipeline }) => (pipeline.events_dropped['invalid'] ?? 0) >= 60,
    );
    assert.equal(snapshot.rag.total_queries, before.rag.total_queries);
    assert.ok(Number.isFinite(snapshot.llm.latency_avg_ms) && Number.isFinite(snapshot.llm.cost_total_usd));
    assertConserved(snapshot);
    assert.equal(app.stderr.match(/recordLlmCall: latencyMs/g)?.length, 1, app.stderr);
    const metrics = await (await app.get('/metrics')).text();
    assert.match(metrics, /nervecenter_input_refused_total\{[^}]*nervecenter_field="latencyMs"/);
  });

  it('keeps answering and streaming while the event loop is blocked for 10 s, and shows the delay', async () => {
    await app.snapshotWhen(({ system }) => system.event_loop_p99_ms < 500);
    const streamed: number[] = [];
    const viewer = new WebSocket(`${app.dashboardUrl.replace('http', 'ws')}/api/metrics/stream`, {
      headers: { authorization: `Bearer ${app.token}` },
    });
    viewer.on('message', (message: Buffer) => {
      const { data } = JSON.parse(message.toString()) as { data: Snapshot };
      streamed.push(data.system.event_loop_p99_ms);
    });
    await fetch(`${url}/block/10000`);
    // Of an app that was at rest the collector misses no frame for 2.5 s.
    const blocked = await app.snapshotWhen(({ system }) => system.event_loop_p99_ms > 6000);
    assert.equal(blocked.system.event_loop_utilization_percent, 100);
    const answer = await app.get('/api/metrics/health');
    assert.equal(answer.status, 200);
    const issues = async (health: Response) => ((await health.json()) as Health).issues;
    assert.ok((await issues(answer)).includes('Event loop blocked'));
    await until(() => streamed.some((delayMs) => delayMs > 1000));
    viewer.terminate();
    await until(
      async () => !(await issues(await app.get('/api/metrics/health'))).includes('Event loop blocked'),
      { timeoutMs: 20_000 },
    );
  });

  it('stores rows whose sums agree with the snapshot', async () => {
    // Every request so far, the blocking one included: it is measured once the loop is free.
    const snapshot = await app.snapshotWhen(({ api }) => api.requests_total >= 35);
    app.child.kill('SIGTERM');
    assert.deepEqual(await app.end(), { code: null, signal: 'SIGTERM' });
    await rowsOf(app.dataDir, async (select) => {
      const one = async (sql: string) => (await select(sql))[0] ?? {};
      const requests = await one(
        'select count(*)::int as n, count(*) filter (where status_code >= 400)::int as errors from enterprise.request_metrics',
      );
      assert.deepEqual(requests, { n: snapshot.api.requests_total, errors: snapshot.api.errors_total });
      const llm = await one(
        `select count(*)::int as n, sum(prompt_tokens)::int as tokens_in, sum(completion_tokens)::int as tokens_out,
           round(sum(cost_usd), 4)::float as cost from enterprise.llm_call_metrics`,
      );
      assert.deepEqual(llm, {
        n: snapshot.llm.total_requests,
        tokens_in: snapshot.llm.tokens_in_total,
        tokens_out: snapshot.llm.tokens_out_total,
        cost: snapshot.llm.cost_total_usd,
      });
      const cache = await one(
        `select sum(hits)::int as hits, sum(misses)::int as misses from enterprise.cache_metrics where cache_type = 'rag'`,
      );
      assert.deepEqual(cache, { hits: snapshot.cache.rag_hits, misses: snapshot.cache.rag_misses });
      const hash = createHash('sha256').update('what is this?').digest('hex');
      const rag = await select(
        `select chunks_retrieved, chunks_used, cache_hit, outcome, stages ? 'generation' as generated,
           length(trace_id) as trace from enterprise.rag_metrics where query_hash = '${hash}'`,
      );
      const expected = {
        chunks_retrieved: 3,
        chunks_used: 2,
        cache_hit: false,
        outcome: 'ok',
        generated: true,
        trace: 32,
      };
      assert.deepEqual(rag, [expected, expected]);
      const failed = await one(
        `select error_type from enterprise.rag_metrics where outcome = 'error' and chunks_retrieved is null`,
      );
      assert.deepEqual(failed, { error_type: 'TypeError' });
      const user = await one(
        `select user_email, department, count(*)::int as n from enterprise.request_metrics
           where endpoint = '/items/:id' group by 1, 2`,
      );
      assert.deepEqual(user, { user_email: 'ada@example.com', department: 'research', n: 20 });
      const system = await one(
        `select count(distinct metric_name)::int >= 8 as varied from enterprise.system_metrics`,
      );
      assert.deepEqual(system, { varied: true });
    });
  });
});

describe('the end of an app', () => {
  for (const { path, code } of [
    { path: '/exit', code: 3 },
    { path: '/throw', code: 1 },
    { path: '/close', code: 4 },
  ]) {
    it(`keeps exit code ${code} after ${path} and stores what was recorded just before`, async () => {
      const app = new ObservedApp(APP);
      try {
        const url = await app.appUrl();
        await app.started();
        await fetch(`${url}/record`);
        await fetch(`${url}${path}`).catch(() => {});
        assert.deepEqual(await app.end(), { code, signal: null });
        await rowsOf(app.dataDir, async (select) => {
          assert.deepEqual(await select('select count(*)::int as n from enterprise.llm_call_metrics'), [
            { n: 2 },
          ]);
        });
      } finally {
        await app.stop();
      }
    });
  }
});

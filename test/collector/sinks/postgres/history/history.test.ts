import assert from 'node:assert/strict';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { SHAPES } from '../../../../../src/collector/sinks/postgres/rollup/shape.ts';
import { PERCENTILE_ERROR_BOUND } from '../../../../../src/core/histogram.ts';
import { HISTORY } from '../../../../../src/core/history/catalogue.ts';
import type { Dimension } from '../../../../../src/core/history/measures.ts';
import type { SignalName } from '../../../../../src/core/signals/index.ts';
import { startPostgres, type TestPostgres } from '../../../../support/postgres.ts';
import { assertPoints, CLOSE, exactly } from './exact.ts';
import { fill, NOW, openHistory, type TestHistory } from './fixture.ts';

let server: TestPostgres;
let store: TestHistory;
const cleanUp: (() => unknown)[] = [];

beforeAll(async () => {
  server = await startPostgres();
  store = await openHistory({ onTestFinished: (work) => cleanUp.push(work as () => unknown) }, server);
  await fill(store, 6000);
  assert.equal(await store.rollup().catchUp(), 'done');
});
afterAll(async () => {
  for (const work of cleanUp) await work();
  await server.stop();
});

const VIEWS = [
  { from: '-1h', source: 'rollup_minute', step: 60 },
  { from: '-24h', source: 'rollup_minute', step: 900 },
  { from: '-30d', source: 'rollup_day', step: 43_200 },
  { from: '-90s', source: 'rows', step: 1 },
] as const;

describe('history equals plain SQL over the rows', () => {
  for (const view of VIEWS) {
    it(`over ${view.from}, from ${view.source}`, async () => {
      const ask = (signal: string, measure: string) => store.history({ signal, measure, from: view.from });
      const count = await ask('request', 'count');
      assert.equal(count.source, view.source);
      assert.equal(count.step_seconds, view.step);
      if (view.step === 1) return;
      assertPoints(count, await exactly(store, count, 'count(*)'), 0);
      for (const [measure, expression] of Object.entries({
        sum: 'sum(response_time_ms)',
        avg: 'avg(response_time_ms)',
        min: 'min(response_time_ms)',
        max: 'max(response_time_ms)',
        errors: 'count(*) FILTER (WHERE status_code >= 400)',
        error_rate: '100.0 * count(*) FILTER (WHERE status_code >= 400) / nullif(count(*), 0)',
      })) {
        const answer = await ask('request', measure);
        assertPoints(answer, await exactly(store, answer, expression));
      }
      for (const [measure, quantile] of [
        ['p50', 0.5],
        ['p95', 0.95],
        ['p99', 0.99],
      ] as const) {
        const answer = await ask('request', measure);
        assert.equal(answer.relative_error_max, PERCENTILE_ERROR_BOUND);
        const exact = `percentile_disc(${quantile}) WITHIN GROUP (ORDER BY response_time_ms)`;
        assertPoints(answer, await exactly(store, answer, exact), PERCENTILE_ERROR_BOUND + CLOSE);
      }
    });
  }

  it('for what other signals add up', async () => {
    const measures: readonly [SignalName, string, string][] = [
      ['llm-call', 'cost', 'sum(cost_usd)'],
      ['llm-call', 'tokens', 'sum(total_tokens)'],
      ['llm-call', 'tokens_cached', 'sum(cached_tokens)'],
      [
        'llm-call',
        'errors',
        `count(*) FILTER (WHERE outcome = 'error' OR (outcome IS NULL AND NOT success))`,
      ],
      ['llm-call', 'aborted', `count(*) FILTER (WHERE outcome = 'aborted')`],
      ['llm-call', 'unpriced', 'count(*) FILTER (WHERE cost_usd IS NULL)'],
      ['llm-call', 'tokens_cache_write', 'sum(cache_write_tokens)'],
      ['llm-call', 'cache_savings', 'sum(cache_savings_usd)'],
      ['llm-call', 'estimated', `count(*) FILTER (WHERE usage_source = 'estimated')`],
      ['llm-call', 'rate_limited', 'count(*) FILTER (WHERE status_code = 429)'],
      ['llm-call', 'first_token_avg', 'avg(first_token_ms)'],
      ['rag-query', 'hit_rate', '100.0 * count(*) FILTER (WHERE cache_hit) / nullif(count(cache_hit), 0)'],
      ['rag-query', 'chunks_avg', `avg(chunks_retrieved) FILTER (WHERE outcome = 'ok')`],
      [
        'rag-query',
        'zero_chunk_rate',
        `100.0 * count(*) FILTER (WHERE chunks_retrieved = 0 AND outcome = 'ok') / nullif(count(*) FILTER (WHERE outcome = 'ok'), 0)`,
      ],
      ['rag-query', 'top_score_avg', `avg(top_score) FILTER (WHERE top_score < 'Infinity')`],
      ['rag-query', 'avg_score_avg', 'avg(avg_score)'],
      ['cache', 'count', 'sum(hits + misses)'],
      ['cache', 'hit_rate', '100.0 * sum(hits) / nullif(sum(hits + misses), 0)'],
      ['ws-session', 'bytes_in', 'sum(bytes_in)'],
    ];
    for (const [signal, measure, expression] of measures) {
      for (const from of ['-24h', '-30d']) {
        const answer = await store.history({ signal, measure, from });
        assertPoints(answer, await exactly(store, answer, expression));
      }
    }
  });

  it('for the first token’s percentiles, over the calls that had one', async () => {
    const answer = await store.history({ signal: 'llm-call', measure: 'first_token_p95', from: '-30d' });
    const exact = 'percentile_disc(0.95) WITHIN GROUP (ORDER BY first_token_ms)';
    assertPoints(answer, await exactly(store, answer, exact), PERCENTILE_ERROR_BOUND + CLOSE);
  });
});

describe('groups', () => {
  it('by each dimension, and filtered by the same, another, or none', async () => {
    for (const [signal, { dimensions }] of Object.entries(HISTORY) as [
      SignalName,
      (typeof HISTORY)[SignalName],
    ][]) {
      for (const dimension of dimensions) {
        if (dimension === 'stage' || (signal === 'system' && ['instance', 'service'].includes(dimension)))
          continue;
        await checkGroups(signal, dimension, { from: '-24h' });
        await checkGroups(signal, dimension, { from: '-30d' });
        await checkGroups(signal, dimension, { from: '-30d', tz: 'Asia/Kolkata', step: '1d' });
      }
    }
  });

  async function checkGroups(
    signal: SignalName,
    dimension: Dimension,
    range: Record<string, string>,
  ): Promise<void> {
    const shape = SHAPES[signal];
    const counted = signal === 'cache' ? 'sum(hits + misses)' : 'count(*)';
    const answer = await store.history({ signal, measure: 'count', ...range, group_by: dimension });
    const rows = await store.sql<{ value: string | null; count: string }>(
      `SELECT (${shape.dimensions[dimension]}) AS value, ${counted} AS count FROM ${shape.table} r
       WHERE timestamp >= $1 AND timestamp < $2 GROUP BY 1 ORDER BY ${signal === 'cache' ? 'count(*)' : '2'} DESC, coalesce((${shape.dimensions[dimension]})::text, '')`,
      [answer.from, answer.to],
    );
    const expected = new Map<string | null, number>();
    for (const [index, { value, count }] of rows.entries()) {
      const key = index < 50 ? value : '<other>';
      expected.set(key, (expected.get(key) ?? 0) + Number(count));
    }
    const found = new Map(
      answer.series.map(({ group, points }) => [
        group[dimension] ?? null,
        points.reduce((sum, [, count]) => sum + (count ?? 0), 0),
      ]),
    );
    const sorted = (map: Map<string | null, number>) =>
      [...map].sort((a, b) => String(a[0]).localeCompare(String(b[0])));
    assert.deepEqual(
      sorted(found),
      sorted(expected),
      `${signal} by ${dimension}, ${JSON.stringify(range)}, ${answer.source}`,
    );
    const named = [...found].find(([key]) => key !== null && key !== '<other>');
    if (named === undefined) return; // No row says what it is.
    const [value, total] = named;
    const filtered = await store.history({
      signal,
      measure: 'count',
      ...range,
      step: `${answer.step_seconds}s`,
      [dimension]: String(value),
    });
    assert.equal(
      filtered.series[0]?.points.reduce((sum, [, count]) => sum + (count ?? 0), 0),
      total,
    );
  }

  it('by stage: each has its own distribution, other writers’ columns included', async () => {
    const answer = await store.history({
      signal: 'rag-query',
      measure: 'count',
      from: '-30d',
      group_by: 'stage',
    });
    const totals = Object.fromEntries(
      answer.series.map(({ group, points }) => [
        group['stage'],
        points.reduce((sum, [, n]) => sum + (n ?? 0), 0),
      ]),
    );
    const [exact] = await store.sql<Record<string, number>>(
      `SELECT count(*) FILTER (WHERE stages IS NULL AND embedding_ms IS NOT NULL)::int AS embedding,
         count(*) FILTER (WHERE stages IS NULL)::int AS vector_search, count(stages)::int AS rerank
       FROM enterprise.rag_metrics WHERE timestamp >= $1 AND timestamp < $2`,
      [answer.from, answer.to],
    );
    assert.deepEqual({ ...totals }, { ...exact });
    assert.equal(answer.source, 'rollup_day');
  });

  it('by user come from days and hours, but their percentiles from rows', async () => {
    const ask = (measure: string, from: string) =>
      store.history({ signal: 'llm-call', measure, from, group_by: 'user' });
    assert.equal((await ask('count', '-30d')).source, 'rollup_day');
    assert.equal((await ask('cost', '-24h')).source, 'rollup_hour');
    assert.equal((await ask('p95', '-24h')).source, 'rows');
    const [user] = await store.sql<{ sum: string }>(
      `SELECT sum(cost_usd) FROM enterprise.llm_call_metrics WHERE user_email = 'user7' AND timestamp >= $1`,
      [(await ask('cost', '-30d')).from],
    );
    const answer = await store.history({
      signal: 'llm-call',
      measure: 'cost',
      from: '-30d',
      step: '1d',
      user: 'user7',
    });
    const cost = answer.series[0]?.points.reduce((sum, [, usd]) => sum + (usd ?? 0), 0);
    assert.ok(Math.abs((cost ?? 0) - Number(user?.sum)) < 1e-6);
  });

  it('of one service’s processes, for one metric', async () => {
    const ask = { signal: 'system', measure: 'count', from: '-24h', step: 'all', metric: 'cpu_percent' };
    const countOf = async (service: string) =>
      (await store.history({ ...ask, service })).series[0]?.points[0]?.[1] ?? 0;
    const [s0, s1, nobody] = [await countOf('s0'), await countOf('s1'), await countOf('nobody')];
    const whole = (await store.history(ask)).series[0]?.points[0]?.[1];
    assert.ok(s0 > 0 && s1 > 0);
    assert.deepEqual([s0 + s1, nobody], [whole, 0]);
  });

  it('by instance, for one metric', async () => {
    const answer = await store.history({
      signal: 'system',
      measure: 'avg',
      from: '-24h',
      group_by: 'instance',
      metric: 'cpu_percent',
    });
    assert.deepEqual(answer.series.map(({ group }) => group['instance']).sort(), ['i0', 'i1', 'i2']);
    assert.equal(answer.source, 'rows');
  });

  it('with a filter on another dimension come from days and agree with the rows', async () => {
    const answer = await store.history({
      signal: 'request',
      measure: 'count',
      from: '-30d',
      endpoint: '/c,"x"',
      department: 'sales',
    });
    assert.equal(answer.source, 'rollup_day');
    assertPoints(
      answer,
      await exactly(store, answer, 'count(*)', { where: `endpoint = '/c,"x"' AND department = 'sales'` }),
      0,
    );
  });

  it('with a filter on what is in no rollup come from the rows and agree with them', async () => {
    const answer = await store.history({
      signal: 'request',
      measure: 'count',
      from: '-30d',
      endpoint: '/c,"x"',
      service: 'shop1',
    });
    assert.equal(answer.source, 'rows');
    assertPoints(
      answer,
      await exactly(store, answer, 'count(*)', { where: `endpoint = '/c,"x"' AND service = 'shop1'` }),
      0,
    );
  });
});

describe('days', () => {
  for (const [tz, from, to, hours] of [
    ['Europe/Berlin', '2026-03-27', '2026-04-01', [24, 24, 23, 24, 24]],
    ['America/New_York', '2026-03-06', '2026-03-10', [24, 24, 23, 24]],
    ['Europe/Berlin', '2025-10-25', '2025-10-28', [24, 25, 24]],
    ['America/New_York', '2025-11-01', '2025-11-04', [24, 25, 24]],
    ['Asia/Kolkata', '2026-03-28', '2026-03-30', [24, 24]],
  ] as const) {
    it(`of ${tz} from ${from} on have ${hours.join(', ')} hours`, async () => {
      const answer = await store.history({ signal: 'request', measure: 'count', from, to, tz, step: '1d' });
      const starts = answer.series[0]?.points.map(([at]) => at) ?? [];
      const ends = [...starts.slice(1), Date.parse(answer.to)];
      assert.deepEqual(
        starts.map((at, index) => ((ends[index] ?? 0) - at) / 3_600_000),
        hours,
      );
      const days = await store.sql<{ at: Date }>(
        `SELECT DISTINCT date_trunc('day', hour, $3) AS at FROM generate_series($1::timestamptz, $2::timestamptz - interval '1 hour', '1 hour') AS hour ORDER BY 1`,
        [answer.from, answer.to, tz],
      );
      assert.deepEqual(
        starts,
        days.map(({ at }) => at.getTime()),
      );
      assert.equal(answer.source, 'rollup_hour');
      if (from.startsWith('2026')) assertPoints(answer, await exactly(store, answer, 'count(*)'), 0);
    });
  }
});

describe('hostile text', () => {
  it('in a filter is compared, never run', async () => {
    for (const text of [
      `'; DROP TABLE enterprise.request_metrics; --`,
      `' OR 1=1 --`,
      '$1',
      '\\',
      '%',
      '\u{1F4A5}',
    ]) {
      for (const from of ['-1h', '-30d']) {
        const answer = await store.history({
          signal: 'request',
          measure: 'count',
          from,
          endpoint: text,
          method: text,
        });
        assert.ok(answer.series[0]?.points.every(([, count]) => count === 0));
        await store.events({ signal: 'request', endpoint: text, user: text });
      }
    }
    const [row] = await store.sql<{ count: number }>('SELECT count(*)::int FROM enterprise.request_metrics');
    assert.equal(row?.count, 6000);
  });
});

it('a question that takes too long ends in the database', async () => {
  const { reading } = await import('../../../../../src/collector/sinks/postgres/history/reading.ts');
  await assert.rejects(
    store.lend((client) => reading(client, 50, () => client.query('SELECT pg_sleep(30)'))),
    { code: 'NC_UNAVAILABLE', message: /more than 0.05 s/ },
  );
  await assert.rejects(
    store.lend((client) =>
      reading(client, 1000, () => client.query('DELETE FROM enterprise.request_metrics')),
    ),
    /read-only/,
  );
});

it('the whole range as one figure, from wherever it begins to wherever it ends', async () => {
  const from = new Date(NOW - 30 * 3_600_000 - 12_345).toISOString();
  const ask = (measure: string) =>
    store.history({ signal: 'request', measure, from, to: 'now', step: 'all' });
  const [count, p95] = [await ask('count'), await ask('p95')];
  assert.deepEqual([count.from, count.to], [from, new Date(NOW).toISOString()]);
  assert.equal(count.series[0]?.points.length, 1);
  assertPoints(count, await exactly(store, count, 'count(*)'));
  assertPoints(
    p95,
    await exactly(store, p95, 'percentile_disc(0.95) WITHIN GROUP (ORDER BY r.response_time_ms)'),
    PERCENTILE_ERROR_BOUND,
  );
});

it('nothing yet: zeros for what adds up, nothing for the rest', async () => {
  const answer = await store.history({
    signal: 'request',
    measure: 'p95',
    from: new Date(NOW - 1000 * 86_400_000).toISOString(),
    to: new Date(NOW - 999 * 86_400_000).toISOString(),
  });
  assert.ok(answer.series[0]?.points.every(([, value]) => value === null));
});

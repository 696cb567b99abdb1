import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, test } from 'vitest';
import { busy } from '../../../dashboards/web/src/fixtures/busy.ts';
import { empty } from '../../../dashboards/web/src/fixtures/empty.ts';
import { migrate, readMigrations } from '../../../src/collector/sinks/postgres/schema/migrate.ts';
import { launchBrowser } from '../../support/browser.ts';
import { until } from '../../support/poll.ts';
import { reachableTempDir, startPostgres, type TestPostgres } from '../../support/postgres.ts';
import { type BuiltDashboard, builtDashboard } from '../support/built-dashboard.ts';
import { FakeCollector } from '../support/fake-collector.ts';
import { type RealCollector, startRealCollector } from '../support/real-collector.ts';

const MARKUP = 'mystery-<b>1</b>';
/** Over half an hour, so long ago that no step of a chart is still going on; every 4th call without a price, every 10th refused, every 6th estimated. */
const CALLS = `INSERT INTO enterprise.llm_call_metrics (timestamp, model, provider, prompt_tokens, completion_tokens, total_tokens,
    cached_tokens, cache_write_tokens, reasoning_tokens, elapsed_ms, first_token_ms, department, user_email, cost_usd, cache_savings_usd,
    success, outcome, status_code, usage_source)
  SELECT now() - interval '5 minutes' - (i || ' seconds')::interval * 30, (ARRAY['${MARKUP}', 'gpt-4o', 'claude-sonnet', 'gpt-4o'])[1 + i % 4],
    (ARRAY['proxy', 'openai', 'anthropic', 'openai'])[1 + i % 4], 1000, 200, 1200, 300, 100, 50, 500 + i, 100 + i,
    (ARRAY['legal', 'sales'])[1 + i % 2], 'user' || (i % 3) || '@example.com', CASE WHEN i % 4 > 0 THEN 0.25 END, 0.01,
    i % 10 > 0, CASE WHEN i % 10 = 0 THEN 'error' ELSE 'ok' END, CASE WHEN i % 10 = 0 THEN 429 ELSE 200 END,
    CASE WHEN i % 6 = 0 THEN 'estimated' ELSE 'provider' END
  FROM generate_series(1, 60) AS i`;
const QUERIES = `INSERT INTO enterprise.rag_metrics (timestamp, total_ms, chunks_retrieved, cache_hit, top_score, avg_score, department, outcome, stages)
  SELECT now() - interval '5 minutes' - (i || ' seconds')::interval * 30, 100 * i, CASE WHEN i % 8 = 0 THEN 0 ELSE 5 END, i % 2 = 0, 0.8, 0.5,
    (ARRAY['legal', 'sales'])[1 + i % 2], 'ok', jsonb_build_object('embedding', 20 * i, 'vector_search', 50 * i)
  FROM generate_series(1, 40) AS i`;

/** The tokens of all calls. */
const KINDS = {
  'Input, not cached': 36_000,
  'Input from cache': 18_000,
  'Written to cache': 6000,
  Output: 9000,
  Reasoning: 3000,
};

/** The migration that makes totals of the rows that are there. */
const TOTALS = 17;

let server: TestPostgres;
let dashboard: BuiltDashboard;
let browser: Browser;
let collector: RealCollector;
let page: Page;
let faults: string[];
const dataDir = reachableTempDir();

beforeAll(async () => {
  [server, dashboard, browser] = await Promise.all([startPostgres(), builtDashboard(), launchBrowser()]);
  const database = await server.createDatabase();
  await server.using(database, async (client) => {
    await migrate(
      client,
      readMigrations().filter(({ number }) => number < TOTALS),
    );
    await client.query(CALLS);
    await client.query(QUERIES);
    await migrate(client);
  });
  collector = await startRealCollector({ database, dataDir, assets: dashboard.directory });
});

afterAll(async () => {
  await browser?.close();
  await collector?.stop();
  await dashboard?.remove();
  await server?.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

afterEach(async () => {
  await page?.context().close();
});

async function open(path: string, origin = collector.url): Promise<void> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, timezoneId: 'UTC' });
  if (origin === collector.url) await collector.admit(context);
  page = await context.newPage();
  page.setDefaultTimeout(60_000);
  faults = [];
  page.on('pageerror', (error) => faults.push(String(error)));
  await page.goto(`${origin}${path}`);
}

const panel = (id: string) => page.locator(`[data-panel=${id}]`);
const search = () => new URL(page.url()).searchParams;

/** A figure of the first panel, once it is there. */
async function total(panelId: string, label: string, text: string): Promise<void> {
  await panel(panelId).locator('.stat', { hasText: label }).getByText(text, { exact: true }).waitFor();
}

/** The cells of the rows that `selector` finds in a panel, in order. Read at one moment: a table may be drawn anew at any time. */
function texts(panelId: string, selector: string): Promise<string[][]> {
  return panel(panelId)
    .locator(selector)
    .evaluateAll((rows) =>
      rows.map((row) =>
        Array.from(row.querySelectorAll('th, td'), (cell: { innerText: string }) => cell.innerText.trim()),
      ),
    );
}

/** The rows of a panel's own table, cells in order. */
async function cells(panelId: string): Promise<string[][]> {
  await panel(panelId).locator('tbody tr').first().waitFor();
  return texts(panelId, 'tbody tr');
}

/** A chart's table added up, by the name of its column. */
async function sumOfColumns(panelId: string): Promise<Record<string, number>> {
  await panel(panelId).locator('tbody tr').first().waitFor();
  const [[, ...columns] = [], ...rows] = await texts(panelId, 'tr');
  const sums: Record<string, number> = Object.fromEntries(columns.map((column) => [column, 0]));
  for (const [, ...figures] of rows)
    figures.forEach((figure, at) => {
      const column = columns[at] ?? '';
      sums[column] =
        (sums[column] ?? 0) + (Number.parseFloat(figure) || 0) * (figure.endsWith('K') ? 1000 : 1);
    });
  return sums;
}

/** Until the chart of tokens has them all: it keeps what it had while a new range is asked for. */
async function kindsShown(): Promise<void> {
  await until(async () => isDeepStrictEqual(await sumOfColumns('llm-tokens'), KINDS));
}

describe('the LLM page', () => {
  test('tells what was spent, saved, refused and left out', async () => {
    await open('/admin/llm?range=1h');
    await total('llm-totals', 'Cost', '≳ $11.25');
    await total('llm-totals', 'Calls', '60');
    await total('llm-totals', 'Input tokens', '60.0K');
    await total('llm-totals', 'Saved by caching', '$0.60');
    await total('llm-totals', 'Error rate', '10.0%');
    await total('llm-totals', 'Rate limited', '6');
    const unpriced = page.getByRole('list', { name: 'Models without a price' });
    assert.equal(await unpriced.innerText(), `${MARKUP}\n15 calls`);
    assert.equal(await panel('llm-prices').locator('b').count(), 0);
    assert.deepEqual(faults, []);
  });

  test('draws no cost of a model whose price is unknown', async () => {
    await open('/admin/llm?range=1h');
    const item = (label: string) => panel('llm-cost').locator('.item', { hasText: label });
    await item(MARKUP).getByText('unknown', { exact: true }).waitFor();
    await item('gpt-4o')
      .getByText(/^[$\d.]+¢?$/)
      .waitFor();
    await panel('llm-cost').getByText('Table', { exact: true }).click();
    await panel('llm-cost').locator('tbody tr').first().waitFor();
    const [head = [], ...rows] = await texts('llm-cost', 'tr');
    assert.deepEqual([...new Set(rows.map((row) => row[head.indexOf(MARKUP)]))], ['–']);
    assert.deepEqual(faults, []);
  });

  test('by model, then by department, then one department: each at an address', async () => {
    await open('/admin/llm?range=1h');
    const [first, second, last] = await cells('llm-groups');
    assert.deepEqual(first?.slice(0, 4), ['gpt-4o', '$7.50', '30', '30.0K']);
    assert.deepEqual(second?.slice(0, 2), ['claude-sonnet', '≈ $3.75']);
    assert.deepEqual(last?.slice(0, 3), [MARKUP, 'unknown', '15']);
    await page.getByRole('button', { name: 'department', exact: true }).click();
    await panel('llm-groups').getByRole('link', { name: 'legal' }).waitFor();
    assert.equal(search().get('group'), 'department');
    await panel('llm-groups').getByRole('link', { name: 'legal' }).click();
    await total('llm-totals', 'Calls', '30');
    assert.equal(search().get('f.department'), 'legal');
    await page.reload();
    await total('llm-totals', 'Calls', '30');
    await page.getByRole('list', { name: 'Filters' }).getByRole('link').click();
    await total('llm-totals', 'Calls', '60');
    assert.deepEqual(faults, []);
  });

  test('counts every token in one kind', async () => {
    await open('/admin/llm?from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z');
    await page.getByText('No LLM call in this time.', { exact: true }).waitFor();
    await page.getByRole('link', { name: 'Show the last 30 days' }).click();
    await total('llm-totals', 'Calls', '60');
    await page.getByRole('button', { name: '1 h', exact: true }).click();
    await page.getByRole('button', { name: '1 h', exact: true, pressed: true }).waitFor();
    await page.locator('main [aria-busy=true]').first().waitFor({ state: 'detached' });
    await panel('llm-tokens').locator('canvas').waitFor();
    await panel('llm-tokens').locator('summary').click();
    await kindsShown();
  });

  test('draws no kind of token from another range than the others', async () => {
    await open('/admin/llm?range=3h');
    await panel('llm-tokens').locator('summary').click();
    await panel('llm-tokens').locator('tbody tr').first().waitFor();
    const before = await texts('llm-tokens', 'tr');
    const answer = Promise.withResolvers<void>();
    await page.route('**/api/metrics/history?*measure=tokens_cached*', async (route) => {
      await answer.promise;
      await route.continue();
    });
    const rest = page.waitForResponse((response) => response.url().includes('measure=tokens_reasoning'));
    await page.getByRole('button', { name: '1 h', exact: true }).click();
    await (await rest).finished();
    assert.deepEqual(await texts('llm-tokens', 'tr'), before);
    answer.resolve();
    await kindsShown();
  });
});

describe('the RAG page', () => {
  test('shows stages, scores, what found nothing, and departments', async () => {
    await open('/admin/rag?range=1h');
    await total('rag-totals', 'Queries', '40');
    await total('rag-totals', 'Found nothing', '12.5%');
    await total('rag-totals', 'Top score', '0.80');
    await total('rag-totals', 'Cache hit rate', '50.0%');
    const legend = panel('rag-stages').locator('.item');
    await legend.first().waitFor();
    const names = (await legend.locator('.label').allInnerTexts()).toSorted();
    assert.deepEqual(names, ['embedding', 'other', 'vector search']);
    const departments = (await cells('rag-departments')).map(([department, queries]) => [
      department,
      queries,
    ]);
    assert.deepEqual(departments, [
      ['legal', '20'],
      ['sales', '20'],
    ]);
    assert.deepEqual(faults, []);
  });

  test('says that no query told its chunks, not that there was none', async () => {
    const fake = new FakeCollector(dashboard.directory, busy);
    fake.silentMeasures = ['zero_chunk_rate'];
    const origin = `http://127.0.0.1:${await fake.start()}`;
    try {
      await open('/admin/rag', origin);
      await panel('rag-zero').getByText('No query told how many chunks it found in this time').waitFor();
      await panel('rag-zero').getByText('chunksRetrieved').waitFor();
    } finally {
      await fake.stop();
    }
  });

  test('has every query once in the heatmap', async () => {
    await open('/admin/rag?range=1h');
    await panel('rag-distribution').locator('canvas').waitFor();
    await panel('rag-distribution').locator('summary').click();
    const sums = Object.values(await sumOfColumns('rag-distribution'));
    assert.equal(
      sums.reduce((a, b) => a + b, 0),
      40,
    );
  });

  test('leads from the slowest query to its event', async () => {
    await open('/admin/rag?range=1h');
    const [slowest, second] = await cells('rag-slowest');
    assert.deepEqual(slowest?.slice(1, 5), ['4,000 ms', 'vector search 2,000 ms', '0', '0.80']);
    assert.equal(second?.[1], '3,900 ms');
    await panel('rag-slowest').getByRole('link').first().click();
    await page.getByRole('heading', { level: 1, name: 'Events', exact: true }).waitFor();
    assert.match(search().get('event') ?? '', /^[\da-f-]{36}$/);
  });
});

test('an app without calls is told how to get them', async (t) => {
  const fake = new FakeCollector(dashboard.directory, empty);
  const origin = `http://127.0.0.1:${await fake.start()}`;
  t.onTestFinished(() => fake.stop());
  await open('/admin/llm', origin);
  await page.getByText('No LLM call seen yet.').waitFor();
  await page.getByText('Calls of an app that runs under the agent appear by themselves').waitFor();
  const command = page.getByText('node --require nervecenter/otel app.js');
  assert.equal(await command.count(), 0, 'one runs already');
  fake.push({ instances: [] });
  await command.waitFor();
  await page.goto(`${origin}/admin/rag`);
  await page.getByText('No RAG query seen yet.').waitFor();
  await page.getByText("query.stage('embedding'").waitFor();
  assert.deepEqual(faults, []);
});

import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import type { Browser, Download, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, test } from 'vitest';
import { migrate } from '../../../src/collector/sinks/postgres/schema/migrate.ts';
import { HOUR_MS } from '../../../src/core/units.ts';
import { launchBrowser } from '../../support/browser.ts';
import { until } from '../../support/poll.ts';
import { reachableTempDir, startPostgres, type TestPostgres } from '../../support/postgres.ts';
import { type BuiltDashboard, builtDashboard } from '../support/built-dashboard.ts';
import { type RealCollector, startRealCollector } from '../support/real-collector.ts';

const MARKUP = '/docs/<b>1</b>';
/** An hour that is over, whenever the test runs, and the one before it. */
const FROM_MS = Math.floor(Date.now() / HOUR_MS) * HOUR_MS - 4 * HOUR_MS;
const HOUR = `from=${iso(FROM_MS)}&to=${iso(FROM_MS + HOUR_MS)}&tz=UTC`;
const REQUESTS = `INSERT INTO enterprise.request_metrics (timestamp, endpoint, method, status_code, response_time_ms, department)
  SELECT to_timestamp($1::float8 / 1000) + i * interval '1 minute', CASE WHEN i >= 0 AND i % 3 = 0 THEN '${MARKUP}' ELSE '/ask' END,
    'GET', CASE WHEN i % 10 = 0 THEN 500 ELSE 200 END, CASE WHEN i < 0 THEN 100 WHEN i % 3 = 0 THEN 40 ELSE 200 END,
    (ARRAY['legal', 'sales'])[1 + abs(i) % 2]
  FROM generate_series(-60, 59) AS i`;
/** Of the last 15 minutes, with a gap in those that a live chart begins with. */
const GAUGES = `DELETE FROM enterprise.system_metrics;
  INSERT INTO enterprise.system_metrics (timestamp, metric_type, metric_name, value, unit, tags)
  SELECT date_bin('15 seconds', now(), 'epoch') - i * interval '15 seconds' + interval '5 seconds', metric, metric, 37, 'percent', '{}'
  FROM generate_series(1, 60) AS i, unnest(ARRAY['cpu_percent', 'memory_percent']) AS metric WHERE i NOT BETWEEN 6 AND 9`;
const RULE = {
  id: 'slow',
  name: 'Slow requests',
  enabled: true,
  severity: 'critical',
  condition: {
    kind: 'threshold',
    signal: 'request',
    measure: 'p95',
    filters: {},
    group_by: null,
    window: '5m',
    comparison: 'above',
    threshold: 1e9,
    min_count: 0,
  },
  for: '0',
  webhooks: [],
};

let server: TestPostgres;
let dashboard: BuiltDashboard;
let browser: Browser;
let database: Parameters<TestPostgres['using']>[0];
let collector: RealCollector;
let page: Page;
let faults: string[];
const dataDir = reachableTempDir();

beforeAll(async () => {
  [server, dashboard, browser] = await Promise.all([startPostgres(), builtDashboard(), launchBrowser()]);
  database = await server.createDatabase();
  await server.using(database, async (client) => {
    await migrate(client);
    await client.query(REQUESTS, [FROM_MS]);
    await client.query('INSERT INTO enterprise.nervecenter_alert_rules (id, definition) VALUES ($1, $2)', [
      RULE.id,
      JSON.stringify(RULE),
    ]);
    await client.query(
      `INSERT INTO enterprise.nervecenter_alert_events (id, at, since, rule, name, severity, group_value, change, level, value)
       VALUES (gen_random_uuid(), $2, $1, 'slow', 'Slow requests', 'critical', '', 'resolved', 1, 900)`,
      [new Date(FROM_MS + HOUR_MS / 4), new Date(FROM_MS + HOUR_MS / 2)],
    );
  });
  // The live charts are as long as 60 intervals.
  const env = { NERVECENTER_INTERVAL_MS: '5000' };
  collector = await startRealCollector({ database, dataDir, assets: dashboard.directory, env });
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

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

async function open(path: string, width = 1440): Promise<void> {
  const context = await browser.newContext({ viewport: { width, height: 900 }, timezoneId: 'UTC' });
  await collector.admit(context);
  await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: collector.url });
  page = await context.newPage();
  page.setDefaultTimeout(60_000);
  faults = [];
  page.on('pageerror', (error) => faults.push(String(error)));
  await page.goto(`${collector.url}${path}`);
}

/** The first question of each kind is refused, as by a collector that has no storage yet. @returns whether all were. */
async function failFirst(...routes: string[]): Promise<() => boolean> {
  const body = '{"detail":"Storage cannot be reached."}';
  let refused = 0;
  for (const route of routes)
    await page.route(
      route,
      (question) => {
        refused++;
        return question.fulfill({ status: 503, contentType: 'application/json', body });
      },
      { times: 1 },
    );
  return () => refused === routes.length;
}

const choice = (label: string) => page.getByRole('combobox', { name: label, exact: true });
const search = () => new URL(page.url()).searchParams;
const figures = () => page.locator('[data-panel=history-table]');
const chart = () => page.locator('[data-panel=history-chart]');
const title = (text: string) => chart().getByRole('heading', { name: text, exact: true }).waitFor();

/** The rows below the chart, cells in order, once the first row says so. */
async function rowsBegin(first: readonly string[]): Promise<string[][]> {
  return until(
    async () => {
      const rows = await figures().locator('tbody tr').all();
      const cells = await Promise.all(rows.map((row) => row.locator('th, td').allInnerTexts()));
      const trimmed = cells.map((texts) => texts.map((text) => text.trim()));
      return first.every((text, at) => trimmed[0]?.[at] === text) ? trimmed : null;
    },
    { what: `a first row of ${first.join(', ')}` },
  );
}

async function textOf(download: Promise<Download>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of await (await download).createReadStream()) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

async function saved(button: string): Promise<string> {
  const download = page.waitForEvent('download');
  await page.getByRole('button', { name: button, exact: true }).click();
  return textOf(download);
}

describe('the question', () => {
  test('is put together by keyboard, each choice by what the others leave, and is in the address', async () => {
    await open(`/admin/history?${HOUR}`);
    await title('P95 duration of requests');
    await rowsBegin(['All', '200 ms']);
    await choice('Signal').focus();
    assert.ok((await choice('Measure').innerText()).includes('error rate'));
    assert.ok(!(await choice('Measure').innerText()).includes('cost'));
    await choice('Group by').selectOption('endpoint');
    await title('P95 duration of requests by endpoint');
    const rows = await rowsBegin(['/ask', '200 ms', '200 ms', '200 ms']);
    assert.deepEqual(rows[1]?.slice(0, 2), [MARKUP, '40 ms']);
    assert.equal(await figures().locator('tbody b').count(), 0);
    await choice('Measure').focus();
    await page.keyboard.type('number');
    await title('Number of requests by endpoint');
    await rowsBegin(['/ask', '40']);
    assert.equal(await choice('Chart').inputValue(), 'stacked');
    assert.equal(search().get('measure'), 'count');
    await choice('Signal').selectOption('cache');
    assert.ok(!(await choice('Measure').innerText()).includes('p95'));
    assert.deepEqual(faults, []);
  });

  test('is narrowed, reloaded as it was, and widened again', async () => {
    await open(`/admin/history?${HOUR}&measure=count`);
    await rowsBegin(['All', '60']);
    await page.getByRole('button', { name: '+ where…' }).click();
    await choice('Filter by').selectOption('department');
    const known = page.locator('datalist option');
    await until(async () => (await known.count()) === 2, { what: 'the departments' });
    await page.getByLabel('Value', { exact: true }).fill('sales');
    await page.keyboard.press('Enter');
    await rowsBegin(['All', '30']);
    assert.equal(search().get('f.department'), 'sales');
    await choice('Step').selectOption('15m');
    await page.reload();
    await rowsBegin(['All', '30']);
    assert.equal(await choice('Step').inputValue(), '15m');
    await chart().getByText('steps of 15 min').waitFor();
    await page.getByRole('link', { name: 'Remove the filter department is sales' }).click();
    await rowsBegin(['All', '60']);
    await page.goBack();
    await rowsBegin(['All', '30']);
  });

  test('without an answer says so, and leads out of it', async () => {
    await open(`/admin/history?${HOUR}&f.department=nobody`);
    await page.getByText('No requests in this time, where these filters hold.').waitFor();
    await page.getByRole('link', { name: 'Without the filters' }).click();
    await rowsBegin(['All', '200 ms']);
    await choice('Signal').selectOption('rag-query');
    await page.getByText('No RAG queries in this time.').waitFor();
  });

  test('is asked again by itself where it failed, whichever its range', async () => {
    await open(`/admin/history?${HOUR}&measure=count`);
    await rowsBegin(['All', '60']);
    const failed = await failFirst(
      ...['auto', 'all'].map((step) => `**/api/metrics/history?signal=cache&*&step=${step}&*`),
    );
    await choice('Signal').selectOption('cache');
    await until(failed, { what: 'questions that fail' });
    await page.getByText(/^No cache .* in this time/).waitFor();
  });

  test('is not alone in that: events and traces are as well', async () => {
    await open(`/admin/history?${HOUR}`);
    await rowsBegin(['All', '200 ms']);
    const failed = await failFirst('**/api/metrics/events?*', '**/api/metrics/traces/*');
    await page.goto(`${collector.url}/admin/events?${HOUR}&trace=${'f'.repeat(32)}`);
    await until(failed, { what: 'questions that fail' });
    await page.locator('[data-panel=events-list] .rows tbody tr').first().waitFor();
    await page.locator('[data-panel=events-trace]').getByText('Nothing of this trace is stored').waitFor();
  });

  test('fits a phone', async () => {
    await open(`/admin/history?${HOUR}&group=endpoint&compare=1`, 390);
    await rowsBegin(['/ask', '200 ms']);
    const overflow = () => page.evaluate<number>('document.documentElement.scrollWidth - innerWidth');
    assert.ok((await overflow()) <= 0, 'nothing is too wide');
    const long = `<b>${'long'.repeat(60)}`;
    await page.goto(
      `${collector.url}/admin/history?${HOUR}&signal=system&f.metric=${long}&f.instance=${long}`,
    );
    await page.getByText('No system gauges in this time, where these filters hold.').waitFor();
    assert.equal(await page.locator('main b').count(), 0);
    assert.ok((await overflow()) <= 0, 'whatever it is called');
  });
});

describe('the answer', () => {
  test('is compared with the period before, which every place names', async () => {
    await open(`/admin/history?${HOUR}&group=endpoint`);
    await rowsBegin(['/ask', '200 ms']);
    await choice('Compared with').selectOption('before');
    const [first, second] = await rowsBegin([
      '/ask',
      '200 ms',
      '200 ms',
      '200 ms',
      '200 ms',
      '200 ms',
      '100 ms',
    ]);
    assert.equal(first?.[7], '+100%');
    assert.deepEqual(second?.slice(6), ['–', '–']);
    await chart()
      .getByRole('button', { name: /^\/ask, before/ })
      .waitFor();
    await page
      .getByRole('region', { name: 'Time', exact: true })
      .getByText(/before: \d+ \w+, \d\d:00 – /)
      .waitFor();
    assert.equal(search().get('compare'), '1');
    for (const path of ['rag', 'llm', 'api', 'websocket']) {
      await page.goto(`${collector.url}/admin/${path}?${HOUR}&compare=1`);
      await page
        .getByRole('button', { name: 'Compare', exact: true })
        .and(page.locator('[aria-pressed=true]'))
        .waitFor();
    }
    assert.deepEqual(faults, []);
  });

  test('is saved as it is shown', async () => {
    await open(`/admin/history?${HOUR}&group=endpoint&measure=count&step=15m`);
    await rowsBegin(['/ask', '40']);
    const csv = await saved('CSV');
    const expected = [0, 15, 30, 45].map((minutes) => `${iso(FROM_MS + minutes * 60_000)},10,5`);
    assert.deepEqual(csv.trim().split('\r\n'), [`time,/ask,${MARKUP}`, ...expected]);
    const json = JSON.parse(await saved('JSON')) as { columns: string[]; rows: unknown[][] };
    assert.deepEqual(json.columns, ['time', '/ask', MARKUP]);
    assert.deepEqual(json.rows[0], [iso(FROM_MS), 10, 5]);
    const table = await saved('Save this table as CSV');
    assert.deepEqual(table.trim().split('\r\n'), [
      'endpoint,whole,last,average,lowest,highest',
      '/ask,40,10,10,10,10',
      `${MARKUP},20,5,5,5,5`,
    ]);
    const picture = page.waitForEvent('download');
    await page.getByRole('button', { name: 'PNG', exact: true }).click();
    assert.equal((await picture).suggestedFilename(), 'number-of-requests-by-endpoint.png');
  });

  test('is zoomed by dragging, shared as a link, and live again with one click', async () => {
    await open(`/admin/history?${HOUR}&measure=count`);
    await rowsBegin(['All', '60']);
    const area = await chart().locator('.u-over').boundingBox();
    assert.ok(area !== null);
    const y = area.y + area.height / 2;
    await page.mouse.move(area.x + area.width / 4, y);
    await page.mouse.down();
    await page.mouse.move(area.x + area.width / 2, y, { steps: 4 });
    await page.mouse.up();
    await page.waitForURL((url) => url.searchParams.get('from') !== iso(FROM_MS));
    const [from, to] = ['from', 'to'].map((name) => Date.parse(search().get(name) ?? ''));
    assert.ok(Math.abs((from ?? 0) - FROM_MS - HOUR_MS / 4) < 60_000);
    assert.ok(Math.abs((to ?? 0) - FROM_MS - HOUR_MS / 2) < 60_000);
    await page.getByRole('button', { name: 'Copy link', exact: true }).click();
    await page.getByText('Link copied').waitFor();
    const link = await page.evaluate<string>('navigator.clipboard.readText()');
    assert.equal(new URL(link).search, new URL(page.url()).search);
    await page.getByRole('button', { name: 'Live', exact: true }).click();
    await page.waitForURL(/range=live/);
    await page.goto(link);
    await title('Number of requests');
    assert.equal(search().get('from'), new URL(link).searchParams.get('from'));
  });
});

test('every chart of history leads here', async () => {
  await open(`/admin/api?${HOUR}`);
  const latency = page.locator('[data-panel=api-latency]');
  await latency.getByRole('button', { name: 'Export Latency of all routes in milliseconds' }).click();
  await latency.getByRole('button', { name: 'Explore in History' }).click();
  await title('Median duration of requests');
  assert.equal(search().get('from'), iso(FROM_MS));
});

test('charts of what a rule watches show when it fired', async () => {
  await open(`/admin/history?${HOUR}`);
  await rowsBegin(['All', '200 ms']);
  const told = /Alert: Slow requests, .*:15:00 to .*:30:00\./;
  await chart().locator('figcaption').getByText(told).waitFor({ state: 'attached' });
  await page.goto(`${collector.url}/admin/api?${HOUR}`);
  await page.locator('[data-panel=api-latency] figcaption').getByText(told).waitFor({ state: 'attached' });
  const errors = page.locator('[data-panel=api-errors] figcaption');
  await errors.waitFor({ state: 'attached' });
  assert.doesNotMatch(await errors.innerText(), /Alert/);
});

test('the first paint of the live charts has the last five minutes, with its gap', async () => {
  await server.using(database, (client) => client.query(GAUGES));
  await open('/admin/system');
  const trend = page.locator('section.panel', { hasText: 'System Resources' });
  await trend.locator('summary').click();
  const cells = await until(
    async () => {
      const rows = await trend.locator('tbody tr').all();
      const texts = await Promise.all(rows.map((row) => row.locator('td').first().innerText()));
      return texts.filter((text) => text === '37%').length >= 8 ? texts : null;
    },
    { what: 'the minutes before the page was opened' },
  );
  assert.match(cells.join(' '), /37%(?: –){4} 37%/, 'what was not measured is a gap');
});

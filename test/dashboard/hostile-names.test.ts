import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import type { Client } from 'pg';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { migrate } from '../../src/collector/sinks/postgres/schema/migrate.ts';
import { launchBrowser } from '../support/browser.ts';
import { until } from '../support/poll.ts';
import { reachableTempDir, startPostgres, type TestPostgres } from '../support/postgres.ts';
import { type BuiltDashboard, builtDashboard } from './support/built-dashboard.ts';
import { type RealCollector, startRealCollector } from './support/real-collector.ts';

const MARKUP = '<img src=x onerror=pwned=1>';
/** What is left of it in the shortest column. */
const MARKUP_SHOWN = '<img src=x';
const RTL = '\u202e\u2066gnp.exe';
const LONG = 'M'.repeat(1_000_000);
const TEXT_MAX = 120_000;
const TABLES = {
  request: 'request_metrics',
  'llm-call': 'llm_call_metrics',
  'rag-query': 'rag_metrics',
  cache: 'cache_metrics',
  system: 'system_metrics',
  'ws-session': 'ws_session_metrics',
  span: 'spans',
} as const;

let server: TestPostgres;
let dashboard: BuiltDashboard;
let browser: Browser;
let collector: RealCollector;
let context: BrowserContext;
let page: Page;
let faults: string[] = [];
const dataDir = reachableTempDir();

beforeAll(async () => {
  [server, dashboard, browser] = await Promise.all([startPostgres(), builtDashboard(), launchBrowser()]);
  const database = await server.createDatabase();
  await server.using(database, async (client) => {
    await migrate(client);
    for (const table of Object.values(TABLES))
      for (const [minutes, text] of [MARKUP, RTL, LONG].entries())
        await insertHostile(client, table, { text, minutes: minutes + 1 });
  });
  const env = { OTEL_SERVICE_NAME: MARKUP };
  collector = await startRealCollector({ database, dataDir, assets: dashboard.directory, env });
  context = await browser.newContext({ viewport: { width: 390, height: 844 } });
  await collector.admit(context);
  await saveRule();
  page = await context.newPage();
  page.setDefaultTimeout(60_000);
  page.on('pageerror', (error) => faults.push(String(error)));
});

afterAll(async () => {
  await browser?.close();
  await collector?.stop();
  await dashboard?.remove();
  await server?.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

interface Hostile {
  readonly text: string;
  readonly minutes: number;
}

/** A row whose every column of text holds as much of `text` as fits, and of the last minutes. */
async function insertHostile(client: Client, table: string, { text, minutes }: Hostile): Promise<void> {
  const { rows } = await client.query<{ column_name: string; data_type: string; size: number | null }>(
    `SELECT column_name, data_type, character_maximum_length AS size FROM information_schema.columns
     WHERE table_schema = 'enterprise' AND table_name = $1 AND data_type <> 'uuid'`,
    [table],
  );
  const values = rows.map(({ column_name, data_type, size }) => {
    if (column_name === 'timestamp') return new Date(Date.now() - minutes * 60_000);
    if (data_type === 'jsonb') return JSON.stringify({ [text.slice(0, 1000)]: 5 });
    if (data_type === 'boolean') return false;
    if (data_type === 'text' || data_type === 'character varying') return text.slice(0, size ?? undefined);
    return 1;
  });
  const columns = rows.map(({ column_name }) => `"${column_name}"`).join(', ');
  const places = rows.map((_, index) => `$${index + 1}`).join(', ');
  await client.query(`INSERT INTO enterprise.${table} (${columns}) VALUES (${places})`, values);
}

async function saveRule(): Promise<void> {
  const condition = {
    kind: 'threshold',
    signal: 'request',
    measure: 'count',
    filters: { endpoint: MARKUP },
    group_by: null,
    window: '5m',
    comparison: 'above',
    threshold: 0,
    min_count: 0,
  };
  const save = () =>
    context.request.post(`${collector.url}/api/metrics/alerts`, {
      headers: { origin: collector.url },
      data: {
        id: 'hostile',
        name: MARKUP,
        enabled: true,
        severity: 'critical',
        condition,
        for: '0',
        webhooks: [],
      },
    });
  // Until storage is there.
  await until(async () => (await save()).ok());
}

/** What runs inside the page is text: the tests' own types know no DOM. */
const MADE_OF_TEXT = `({
  pwned: typeof pwned,
  made: document.querySelectorAll('#app :is(img, script, iframe, object, embed)').length,
  overflow: document.documentElement.scrollWidth - innerWidth,
  length: document.getElementById('app').innerText.length,
  unisolated: [...document.querySelectorAll('#app *')].filter((one) =>
    [...one.childNodes].some((node) => node.nodeType === 3 && node.data.includes('\\u202e')) &&
    one.closest('bdi, pre, option, title, canvas, code') === null &&
    getComputedStyle(one).unicodeBidi === 'normal').map((one) => one.outerHTML.slice(0, 200)),
})`;

async function look(path: string, seen = MARKUP_SHOWN): Promise<void> {
  faults = [];
  await page.goto(`${collector.url}${path}`);
  // Chromium lets no page that a test filled in open a WebSocket to this machine: without a build of before it polls.
  await page.locator(':is([data-connection=live], [data-connection=polling])').waitFor();
  await page.locator('main h2').first().waitFor();
  await page.locator('main [aria-busy=true]').first().waitFor({ state: 'detached' });
  await page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })");
  if (seen !== '') await page.locator('#app').getByText(seen).first().waitFor({ state: 'attached' });
  const { length, ...found } = await page.evaluate<{ length: number; overflow: number }>(MADE_OF_TEXT);
  const expected = { pwned: 'undefined', made: 0, overflow: 0, unisolated: [] };
  assert.deepEqual({ ...found, overflow: Math.max(0, found.overflow) }, expected);
  assert.ok(length < TEXT_MAX, `${length} characters shown`);
  assert.deepEqual(faults, []);
}

const value = encodeURIComponent(MARKUP);

describe('names that are markup, right to left or a megabyte long are text', () => {
  for (const path of ['system', 'rag', 'llm', 'api', 'websocket', 'alerts'])
    test(`on /admin/${path}`, () => look(`/admin/${path}?range=1h`));

  test('on /admin/history, grouped by them', () =>
    look('/admin/history?range=1h&signal=llm-call&measure=count&group=model', ''));

  for (const group of ['provider', 'department', 'user'])
    test(`on /admin/llm by ${group}`, () => look(`/admin/llm?range=1h&group=${group}`));

  test('on one route’s page, and where filters name them', async () => {
    await look(`/admin/api?route=${value}`);
    await look(`/admin/llm?range=1h&f.model=${value}&f.department=${value}`);
    await look(`/admin/api?route=${encodeURIComponent(RTL)}`, 'gnp.exe');
  });

  for (const signal of Object.keys(TABLES))
    test(`in the events of ${signal}, and in each of them`, async () => {
      await look(`/admin/events?range=1h&signal=${signal}`);
      const links = await page.locator('[data-panel=events-list] tbody a').all();
      const paths = await Promise.all(links.map((link) => link.getAttribute('href')));
      const own = [...new Set(paths)].filter((path) => path?.includes('event='));
      assert.ok(own.length > 0);
      for (const path of own.slice(0, 3)) await look(path ?? '', '');
    });

  test('in a trace, and in the raw snapshot', async () => {
    await look(`/admin/events?range=1h&trace=${value}`);
    await look('/admin/system');
    await page.getByRole('button', { name: 'Show State Monitor' }).click();
    await page.getByRole('region', { name: 'The raw snapshot' }).getByText(MARKUP_SHOWN).waitFor();
    assert.equal(await page.locator('#app img').count(), 0);
    assert.equal(await page.evaluate('typeof pwned'), 'undefined');
  });
});

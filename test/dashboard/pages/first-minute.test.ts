import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, test } from 'vitest';
import { migrate } from '../../../src/collector/sinks/postgres/schema/migrate.ts';
import { launchBrowser } from '../../support/browser.ts';
import { until } from '../../support/poll.ts';
import { reachableTempDir, startPostgres, type TestPostgres } from '../../support/postgres.ts';
import { type BuiltDashboard, builtDashboard } from '../support/built-dashboard.ts';
import { type RealCollector, startRealCollector } from '../support/real-collector.ts';

/** What an app that was started a minute ago has stored: a request and a cheap model call a second, a session every five. */
const SECONDS = 60;
const AT = `now() - i * interval '1 second'`;
const ROWS = [
  `INSERT INTO enterprise.request_metrics (timestamp, endpoint, method, status_code, response_time_ms, service)
   SELECT ${AT}, '/ask', 'GET', 200, 20 + i, 'shop' FROM generate_series(1, ${SECONDS}) AS i`,
  `INSERT INTO enterprise.llm_call_metrics (timestamp, model, provider, prompt_tokens, completion_tokens, total_tokens, elapsed_ms,
     first_token_ms, cost_usd, cost_exact_usd, outcome, usage_source, cost_source, service)
   SELECT ${AT}, 'gpt-4o-mini', 'openai', 300, 90, 390, 900 + i, 200 + i, 0.0004, 0.0004, 'ok', 'provider', 'table', 'shop'
   FROM generate_series(1, ${SECONDS}) AS i`,
  `INSERT INTO enterprise.ws_session_metrics (timestamp, path, duration_ms, messages_in, messages_out, bytes_in, bytes_out, service)
   SELECT ${AT}, '/chat', 3000, 3, 40, 900, 60000, 'shop' FROM generate_series(1, ${SECONDS}, 5) AS i`,
];
/** What each chart has written since it was last cleared: what stands at its axes. */
const RECORD_TEXTS = `{
  const { clearRect, fillText } = CanvasRenderingContext2D.prototype;
  CanvasRenderingContext2D.prototype.clearRect = function (...box) {
    this.canvas.texts = [];
    return clearRect.apply(this, box);
  };
  CanvasRenderingContext2D.prototype.fillText = function (text, ...rest) {
    (this.canvas.texts ??= []).push(text);
    return fillText.call(this, text, ...rest);
  };
}`;

let server: TestPostgres;
let dashboard: BuiltDashboard;
let browser: Browser;
let collector: RealCollector;
let page: Page;
const dataDir = reachableTempDir();

beforeAll(async () => {
  [server, dashboard, browser] = await Promise.all([startPostgres(), builtDashboard(), launchBrowser()]);
  const database = await server.createDatabase();
  await server.using(database, async (client) => {
    await migrate(client);
    for (const rows of ROWS) await client.query(rows);
  });
  collector = await startRealCollector({ database, dataDir, assets: dashboard.directory });
});
afterEach(async () => {
  await page?.context().close();
});
afterAll(async () => {
  await browser?.close();
  await collector?.stop();
  await dashboard?.remove();
  await server?.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

async function open(path: string): Promise<void> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, timezoneId: 'UTC' });
  await collector.admit(context);
  await context.addInitScript(RECORD_TEXTS);
  page = await context.newPage();
  page.setDefaultTimeout(60_000);
  await page.goto(`${collector.url}${path}`);
  await page.getByText(/since the first row: /).waitFor();
}

/** The labels of the value axis of a chart, once it has some of that kind. */
function labelsOf(name: string, kind: RegExp): Promise<readonly string[]> {
  const texts = `(document.querySelector('[role=img][aria-label="${name}"] canvas') ?? {}).texts ?? []`;
  return until(
    async () => {
      const labels = (await page.evaluate<string[]>(texts)).filter((text) => kind.test(text));
      return labels.length >= 2 ? labels : null;
    },
    { what: `labels of ${name}` },
  );
}

/** The times of a chart's table, newest first. */
async function timesOf(panel: string): Promise<string[]> {
  const chart = page.locator(`[data-panel=${panel}]`);
  await chart.getByText('Table', { exact: true }).click();
  return chart.locator('tbody th').allInnerTexts();
}

describe('the first minute of an app', () => {
  for (const path of ['/admin/llm', '/admin/llm?range=90d'])
    test(`fills the charts of ${path}, and the step under way says that it is one`, async () => {
      await open(path);
      await labelsOf('LLM cost by model in US dollars', /¢$/);
      const times = await timesOf('llm-cost');
      assert.ok(times.length >= 10, `${times.length} steps`);
      assert.match(times[0] ?? '', /, so far$/);
      assert.ok(times.slice(1).every((time) => !time.endsWith('so far')));
      await page.locator('[data-panel=llm-cost]').getByText('dashed: not over yet').waitFor();
    });

  test('has axes with round labels, none twice: cents, bytes, milliseconds, counts', async () => {
    await open('/admin/llm');
    const cents = await labelsOf('LLM cost by model in US dollars', /^[\d.]+¢$/);
    const spans = await labelsOf('Duration of LLM calls in milliseconds', /^[\d,]+ ms$/);
    await page.goto(`${collector.url}/admin/websocket`);
    const bytes = await labelsOf('WebSocket bytes of sessions that ended', /^\d+ [KM]?B$/);
    const sessions = await labelsOf('WebSocket sessions that ended by path', /^\d+$/);
    for (const labels of [cents, spans, bytes, sessions])
      assert.equal(new Set(labels).size, labels.length, labels.join(' '));
    for (const label of bytes) assert.match(label, /^[125]0* |^[468]0 /, 'round in its unit');
  });

  test('has rates over the time that was watched', async () => {
    await open('/admin/api');
    const rate = page.locator('[data-panel=api-routes] tbody tr').first().locator('td').nth(1);
    await until(async () => {
      const [, perSecond = ''] = /^([\d.]+)\/s$/.exec(await rate.innerText()) ?? [];
      return Number(perSecond) > 0.5 && Number(perSecond) <= 1.1;
    });
  });

  test('does not hide what whoever compares asks for', async () => {
    await open('/admin/llm');
    await page.getByRole('button', { name: 'Compare' }).click();
    await page.getByText('last 24 h', { exact: true }).waitFor();
    await page.getByText(/since the first row: /).waitFor({ state: 'detached' });
  });
});

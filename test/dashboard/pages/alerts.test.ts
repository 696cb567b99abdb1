import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, test } from 'vitest';
import { migrate } from '../../../src/collector/sinks/postgres/schema/migrate.ts';
import type { PostgresConfig } from '../../../src/config/config.ts';
import { startWebhookServer, type WebhookServer } from '../../collector/alerts/webhook-server.ts';
import { launchBrowser } from '../../support/browser.ts';
import { until } from '../../support/poll.ts';
import { reachableTempDir, startPostgres, type TestPostgres } from '../../support/postgres.ts';
import { type BuiltDashboard, builtDashboard } from '../support/built-dashboard.ts';
import { type RealCollector, startRealCollector } from '../support/real-collector.ts';

const PATIENCE_MS = 60_000;
const MARKUP = 'Slow <b>routes</b>';
const dataDir = reachableTempDir();
let server: TestPostgres;
let database: PostgresConfig;
let dashboard: BuiltDashboard;
let browser: Browser;
let collector: RealCollector;
let webhooks: WebhookServer;
let page: Page;

beforeAll(async () => {
  [server, dashboard, browser, webhooks] = await Promise.all([
    startPostgres(),
    builtDashboard(),
    launchBrowser(),
    startWebhookServer(),
  ]);
  database = await server.createDatabase();
  await server.using(database, (client) => migrate(client));
  collector = await startRealCollector({
    database,
    dataDir,
    assets: dashboard.directory,
    env: { NERVECENTER_WEBHOOK_HOSTS: '127.0.0.1' },
  });
  const context = await browser.newContext();
  await collector.admit(context);
  page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  await page.goto(`${collector.url}/admin/alerts`);
});

afterAll(async () => {
  await browser?.close();
  await collector?.stop();
  await webhooks?.close();
  await dashboard?.remove();
  await server?.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

const rule = () => page.locator('[data-rule="slow"]');
const stateBecomes = (state: string) => page.locator(`[data-rule="slow"][data-state="${state}"]`).waitFor();

test('a rule that cannot be is refused in the collector’s words; corrected, it is saved and tested', async () => {
  await page.getByLabel('New rule').selectOption('slow-rag');
  const form = page.getByRole('form', { name: 'Alert rule' });
  await form.getByRole('textbox', { name: /^Name/ }).fill(MARKUP);
  await form.getByRole('textbox', { name: /^Id/ }).fill('slow');
  await form.getByRole('combobox', { name: /^Signal/ }).selectOption('request');
  await form.getByRole('combobox', { name: /^Measure/ }).selectOption('max');
  await form.getByRole('spinbutton', { name: /^Threshold/ }).fill('1000');
  await form.getByRole('textbox', { name: /^Window/ }).fill('1m');
  await form.getByRole('textbox', { name: /^For/ }).fill('0');
  await form.getByRole('textbox', { name: /^Only/ }).fill('stage=x');
  await form.getByRole('textbox', { name: /^Webhooks/ }).fill(`json ${webhooks.url}/hook?secret=s3cret`);
  await form.getByRole('button', { name: 'Save' }).click();
  await form.getByRole('alert').filter({ hasText: 'stage' }).waitFor();
  await form.getByRole('textbox', { name: /^Only/ }).fill('');
  await form.getByRole('button', { name: 'Save' }).click();
  await rule().waitFor();
  assert.equal(await rule().locator('b').count(), 0);
  await rule().getByText(MARKUP).first().waitFor();
  await rule().getByRole('button', { name: 'Send test' }).click();
  await page.getByText('took the message').waitFor();
  assert.deepEqual(webhooks.statuses(), ['test']);
  assert.doesNotMatch(await page.content(), /s3cret/);
});

test('it fires, is told, is resolved, and the page shows all of it', async () => {
  const sql = (text: string) => server.using(database, (client) => client.query(text));
  await sql(
    `INSERT INTO enterprise.request_metrics (endpoint, method, status_code, response_time_ms) VALUES ('/a', 'GET', 200, 5000)`,
  );
  await stateBecomes('firing');
  await until(() => webhooks.statuses().includes('firing'));
  await sql('DELETE FROM enterprise.request_metrics');
  await stateBecomes('resolved');
  await until(() => webhooks.statuses().includes('resolved'));
  const history = page.locator('[data-panel="alerts-history"]');
  await history.getByText('firing').waitFor();
  await history.getByText('resolved').waitFor();
});

test('it is silenced, edited with its address kept, and removed', async () => {
  await rule().getByRole('button', { name: 'Silence' }).click();
  await rule().getByText('silenced until').waitFor();
  await rule().getByRole('button', { name: 'Edit' }).click();
  const form = page.getByRole('form', { name: 'Alert rule' });
  assert.equal(await form.getByRole('textbox', { name: /^Webhooks/ }).inputValue(), `json ${webhooks.url}/…`);
  await form.getByRole('textbox', { name: /^Name/ }).fill('Renamed');
  await form.getByRole('button', { name: 'Save' }).click();
  await rule().getByText('Renamed').first().waitFor();
  await rule().getByRole('button', { name: 'Send test' }).click();
  await until(() => webhooks.received.at(-1)?.path === '/hook?secret=s3cret');
  await rule().getByRole('button', { name: 'Remove' }).click();
  await rule().waitFor({ state: 'detached' });
});

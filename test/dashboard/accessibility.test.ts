import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { busy } from '../../dashboards/web/src/fixtures/busy.ts';
import { critical } from '../../dashboards/web/src/fixtures/critical.ts';
import { empty } from '../../dashboards/web/src/fixtures/empty.ts';
import type { Snapshot } from '../../src/core/snapshot.ts';
import { launchBrowser } from '../support/browser.ts';
import { type BuiltDashboard, builtDashboard } from './support/built-dashboard.ts';
import { FakeCollector } from './support/fake-collector.ts';

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const STANDARDS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/** What is looked at: a page, the app's state, the width, and what happens before. */
type View = readonly [string, Snapshot, number, ((page: Page, collector: FakeCollector) => Promise<void>)?];

/** Of before it knows nothing yet. */
const restarted: Snapshot = { ...busy, pipeline: { ...busy.pipeline, totals: 'loading' } };

const EVENT = 'signal=llm-call&event=01935a1c-7a2b-7000-8008-000000000007';
const TRACE = 'trace=0af7651916cd43dd8448000000000007';
const VIEWS: readonly View[] = [
  ['/admin/system', busy, 1440],
  ['/admin/system', critical, 390],
  ['/admin/system', empty, 1024],
  ['/admin/system?totals=loading', restarted, 1440],
  ['/admin/system?kiosk', busy, 1440],
  ['/admin/system?disconnected', busy, 390, disconnect],
  ['/admin/system?session=ended', busy, 1440, endSession],
  ['/admin/system?monitor', busy, 390, press('Show State Monitor')],
  ['/admin/rag', busy, 390],
  ['/admin/rag?storage=down', critical, 1440, loseHistory],
  ['/admin/rag?range=dialog', busy, 390, press('Custom…')],
  ['/admin/llm?compare=1', busy, 1440],
  ['/admin/llm', empty, 390],
  ['/admin/api', empty, 1440],
  ['/admin/api', busy, 390],
  ['/admin/api?route=%2Fapi%2Fask', busy, 1440],
  ['/admin/websocket', busy, 1440],
  ['/admin/history?group=endpoint&compare=1', busy, 1440],
  ['/admin/history?signal=system&f.instance=web-1', busy, 390],
  ['/admin/history?f.user=nobody&signal=rag-query', empty, 1440],
  ['/admin/history', empty, 390],
  ['/admin/events', busy, 1440],
  [`/admin/events?${EVENT}`, busy, 390],
  [`/admin/events?signal=span`, busy, 1440],
  [`/admin/events?${EVENT}&${TRACE}`, busy, 1440],
  [`/admin/events?${TRACE}&item=ffffffffffffffff`, busy, 390],
  [`/admin/events?trace=${'b'.repeat(32)}`, busy, 1440],
  [`/admin/events?trace=${'0'.repeat(32)}`, busy, 390],
  ['/admin/alerts', busy, 1440],
  ['/admin/alerts?form', busy, 390, openAlertForm],
  ['/admin/alerts', empty, 390],
  ['/admin/nowhere', busy, 1440],
  ['/login', busy, 390],
];

async function disconnect(page: Page, collector: FakeCollector): Promise<void> {
  await collector.stop();
  await page.getByText('Disconnected', { exact: true }).waitFor();
  // Old values fade: in between their colours are neither.
  await page.locator('main.stale').waitFor();
}

async function endSession(page: Page, collector: FakeCollector): Promise<void> {
  const port = Number(new URL(page.url()).port);
  await collector.stop();
  collector.unauthorized = true;
  await collector.start(port);
  await page.getByText('Login needed: the session of this browser has ended.').waitFor();
}

function press(name: string) {
  return (page: Page): Promise<void> => page.getByRole('button', { name, exact: true }).click();
}

async function loseHistory(page: Page, collector: FakeCollector): Promise<void> {
  collector.historyIsDown = true;
  await page.reload();
  await page.getByText('The database is away.').first().waitFor();
}

async function openAlertForm(page: Page): Promise<void> {
  await page.getByLabel('New rule').selectOption({ index: 1 });
  await page.getByRole('form', { name: 'Alert rule' }).waitFor();
}

interface Violation {
  readonly id: string;
  readonly nodes: readonly { readonly html: string }[];
}

let dashboard: BuiltDashboard;
let browser: Browser;
let axe: string;

beforeAll(async () => {
  [dashboard, browser, axe] = await Promise.all([builtDashboard(), launchBrowser(), readFile(AXE, 'utf8')]);
});

afterAll(async () => {
  await browser?.close();
  await dashboard?.remove();
});

/** What axe finds wrong, with everything that can be unfolded unfolded. */
async function violations(theme: string, [path, snapshot, width, prepare]: View): Promise<string[]> {
  const collector = new FakeCollector(dashboard.directory, snapshot);
  const origin = `http://127.0.0.1:${await collector.start()}`;
  const context = await browser.newContext({ viewport: { width, height: 900 }, reducedMotion: 'reduce' });
  try {
    const page = await context.newPage();
    await page.addInitScript(`localStorage.setItem('nervecenter.theme', '${theme}')`);
    await page.goto(`${origin}${path}`);
    if (path.startsWith('/admin')) await page.locator('[data-connection=live]').waitFor();
    await page.locator('main h2, main p > a, main form').first().waitFor();
    await page.locator('main [aria-busy=true]').first().waitFor({ state: 'detached' });
    await prepare?.(page, collector);
    await page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })");
    // Evaluated by the debugger, which the page's content security policy does not bind.
    await page.evaluate(`${axe}; undefined`);
    const found = await page.evaluate<Violation[]>(
      `axe.run({ runOnly: ${JSON.stringify(STANDARDS)} }).then(({ violations }) => violations)`,
    );
    return found.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(' ')}`);
  } finally {
    await context.close();
    await collector.stop();
  }
}

describe('axe finds nothing wrong', () => {
  for (const theme of ['dark', 'light'])
    for (const view of VIEWS)
      test(`${theme}: ${view[0]} at ${view[2]}`, async () => {
        assert.deepEqual(await violations(theme, view), []);
      });
});

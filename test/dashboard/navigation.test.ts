import assert from 'node:assert/strict';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, test } from 'vitest';
import { busy } from '../../dashboards/web/src/fixtures/busy.ts';
import { empty } from '../../dashboards/web/src/fixtures/empty.ts';
import { launchBrowser } from '../support/browser.ts';
import { until } from '../support/poll.ts';
import { type BuiltDashboard, builtDashboard } from './support/built-dashboard.ts';
import { FakeCollector } from './support/fake-collector.ts';

let dashboard: BuiltDashboard;
let browser: Browser;
let collector: FakeCollector;
let origin: string;
let page: Page;
let faults: string[];

beforeAll(async () => {
  [dashboard, browser] = await Promise.all([builtDashboard(), launchBrowser()]);
});

afterAll(async () => {
  await browser?.close();
  await dashboard?.remove();
});

beforeEach(async () => {
  collector = new FakeCollector(dashboard.directory, busy);
  origin = `http://127.0.0.1:${await collector.start()}`;
});

afterEach(async () => {
  await page?.context().close();
  await collector.stop();
});

async function open(path: string, width = 1440): Promise<void> {
  const context = await browser.newContext({ viewport: { width, height: 900 }, timezoneId: 'Europe/Berlin' });
  page = await context.newPage();
  page.setDefaultTimeout(60_000);
  faults = [];
  page.on('pageerror', (error) => faults.push(String(error)));
  await page.goto(`${origin}${path}`);
}

const heading = (name: string) => page.getByRole('heading', { level: 1, name, exact: true }).waitFor();
const pages = () => page.getByRole('navigation', { name: 'Pages' });
const chart = () => page.locator('.plot').first();
const search = () => new URL(page.url()).searchParams;
const isPressed = (name: string) =>
  page.getByRole('button', { name, exact: true }).and(page.locator('[aria-pressed=true]')).waitFor();

async function drag(from: number, to: number): Promise<void> {
  const area = await chart().locator('.u-over').boundingBox();
  assert.ok(area !== null);
  const y = area.y + area.height / 2;
  await page.mouse.move(area.x + area.width * from, y);
  await page.mouse.down();
  await page.mouse.move(area.x + area.width * to, y, { steps: 4 });
  await page.mouse.up();
}

describe('navigation', () => {
  test('goes from page to page without a reload, and back', async () => {
    await open('/admin/system');
    await heading('System Observability');
    await page.evaluate('window.sameDocument = true');
    await pages().getByRole('link', { name: 'RAG' }).click();
    await heading('RAG Pipeline');
    assert.equal(new URL(page.url()).pathname, '/admin/rag');
    assert.equal(await pages().locator('[aria-current=page]').textContent(), 'RAG');
    await until(async () => (await page.title()) === 'rag-app · RAG Pipeline', { what: 'the title' });
    assert.equal(await page.evaluate('document.activeElement.id'), 'page-heading');
    await page.goBack();
    await heading('System Observability');
    await page.goForward();
    await heading('RAG Pipeline');
    assert.equal(await page.evaluate('window.sameDocument'), true);
    assert.deepEqual(faults, []);
  });

  test('by keyboard alone, from the menu', async () => {
    await open('/admin/system');
    await page.getByRole('button', { name: 'Nerve Center' }).focus();
    await page.keyboard.press('Enter');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await heading('LLM Cost and Latency');
    await page.getByRole('button', { name: 'Nerve Center' }).click();
    await page.keyboard.press('Escape');
    assert.equal(
      await page.getByRole('button', { name: 'Nerve Center' }).getAttribute('aria-expanded'),
      'false',
    );
  });

  test('every page opens by its address', async () => {
    await open('/admin/system');
    const links = await pages().getByRole('link').all();
    const paths = await Promise.all(links.map((link) => link.getAttribute('href')));
    assert.deepEqual(
      paths,
      ['system', 'rag', 'llm', 'api', 'websocket', 'history', 'events', 'alerts'].map((id) => `/admin/${id}`),
    );
    for (const path of paths) {
      await page.goto(`${origin}${path}`);
      await page.locator('main').getByRole('heading', { level: 2 }).first().waitFor();
    }
    assert.deepEqual(faults, []);
  });

  test('an address without a page says so', async () => {
    await open('/admin/nowhere');
    await heading('No such page');
    await page.getByRole('main').getByRole('link', { name: 'System Health' }).click();
    await heading('System Observability');
  });

  test('on a phone the tabs show the page one is on, and nothing is too wide', async () => {
    await open('/admin/alerts', 390);
    const current = pages().locator('[aria-current=page]');
    await current.waitFor();
    const box = await current.boundingBox();
    assert.ok(box !== null && box.x >= 0 && box.x + box.width <= 390, 'the tab is in view');
    await page.locator('main').getByRole('heading', { level: 2 }).first().waitFor();
    const overflow = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth');
    assert.ok(overflow <= 0, `${overflow} px too wide`);
  });
});

describe('the range', () => {
  test('is in the address and survives a reload and the way to another page', async () => {
    await open('/admin/rag');
    await isPressed('1 h');
    await page.getByRole('button', { name: '6 h', exact: true }).click();
    assert.equal(search().get('range'), '6h');
    await page.reload();
    await isPressed('6 h');
    await pages().getByRole('link', { name: 'API' }).click();
    await heading('API Routes');
    await isPressed('6 h');
    await page.goBack();
    await page.goBack();
    await isPressed('1 h');
  });

  test('is zoomed by dragging, taken back by a double click, and live again with one click', async () => {
    await open('/admin/rag');
    await chart().locator('canvas').waitFor();
    await drag(0.25, 0.5);
    await page.waitForURL(/from=.*to=/);
    const span = Date.parse(search().get('to') ?? '') - Date.parse(search().get('from') ?? '');
    assert.ok(Math.abs(span - 900_000) < 60_000, `${span} ms of an hour`);
    await until(() => collector.asked.some((asked) => asked.get('from') === search().get('from')), {
      what: 'the question',
    });
    await chart().locator('.u-over').dblclick();
    await isPressed('1 h');
    assert.equal(search().get('from'), null);
    await drag(0.5, 0.75);
    await page.waitForURL(/from=/);
    await page.getByRole('button', { name: 'Live', exact: true }).click();
    await isPressed('Live');
    assert.equal(search().get('range'), 'live');
    const asked = collector.asked.length;
    collector.push();
    await until(
      () => {
        collector.push();
        return collector.asked.length > asked + 3;
      },
      { what: 'history following the stream' },
    );
    assert.deepEqual(faults, []);
  });

  test('of one’s own is entered in the zone that is chosen', async () => {
    await open('/admin/rag?tz=UTC');
    await page.getByRole('button', { name: 'Custom…' }).click();
    await page.getByLabel('From', { exact: true }).fill('2026-11-01T10:00');
    await page.getByLabel('To', { exact: true }).fill('2026-11-01T12:30');
    await page.getByRole('button', { name: 'Show', exact: true }).click();
    await page.waitForURL(/from=2026-11-01T10%3A00%3A00.000Z/);
    await page.getByLabel('Time zone').selectOption('Asia/Tokyo');
    await page.getByText('1 Nov 2026, 19:00:00 – 1 Nov 2026, 21:30:00').waitFor();
    assert.equal(search().get('tz'), 'Asia/Tokyo');
  });

  test('nonsense in the address is as if it were not there', async () => {
    await open('/admin/rag?range=ever&from=x&to=y&tz=Mars/Base&group=%3Cscript%3E&f.__proto__=1');
    await isPressed('1 h');
    await page.locator('canvas').first().waitFor();
    assert.deepEqual(faults, []);
  });
});

describe('what a chart comes with', () => {
  test('a table of the same figures and a CSV', async () => {
    await open('/admin/rag');
    await page.getByText('Table', { exact: true }).first().click();
    const table = page.getByRole('region', { name: /, as a table$/ }).getByRole('table');
    await table.waitFor();
    const [time, ...columns] = await table.getByRole('columnheader').allTextContents();
    assert.equal(time, 'Time (Europe/Berlin)');
    await page
      .getByRole('button', { name: /^Export / })
      .first()
      .click();
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Save as CSV' }).first().click();
    const file = await download;
    assert.match(file.suggestedFilename(), /^[a-z0-9-]+\.csv$/);
    const chunks: Buffer[] = [];
    for await (const chunk of await file.createReadStream()) chunks.push(chunk as Buffer);
    const [head, first] = Buffer.concat(chunks).toString().split('\r\n');
    assert.equal(head, ['time', ...columns].join(','));
    assert.match(first ?? '', /^\d{4}-\d\d-\d\dT[\d:.]+Z,/);
  });

  test('states: nothing yet, an error with a retry, old figures', async () => {
    collector.snapshot = empty;
    await open('/admin/rag');
    await page.locator('[data-status=empty]').first().waitFor();
    collector.snapshot = busy;
    collector.historyIsDown = true;
    await page.reload();
    const failure = page.getByText('The database is away.').first();
    await failure.waitFor();
    const retry = page.locator('[data-panel=rag-latency]').getByRole('button', { name: 'Try again' });
    await retry.waitFor();
    collector.historyIsDown = false;
    await retry.click();
    await page.locator('main canvas').first().waitFor();
    collector.historyIsDown = true;
    await page.getByRole('button', { name: 'Live', exact: true }).click();
    await failure.waitFor();
    assert.deepEqual(faults, []);
  });
});

describe('how it looks', () => {
  test('light is kept over a reload and there from the first paint', async () => {
    await open('/admin/rag');
    await page.getByRole('button', { name: 'Light', exact: true }).click();
    await page.locator('html[data-theme=light]').waitFor();
    await page.addInitScript(`new MutationObserver(() => {
      if (document.body && window.first === undefined) window.first = document.documentElement.dataset.theme;
    }).observe(document, { childList: true, subtree: true });`);
    await page.reload();
    await page.locator('canvas').first().waitFor();
    assert.equal(await page.evaluate('window.first'), 'light');
  });

  test('a kiosk has no chrome', async () => {
    await open('/admin/system?kiosk');
    await heading('System Observability');
    await page.locator('canvas').first().waitFor();
    assert.equal(await page.getByRole('navigation').count(), 0);
    assert.equal(await page.getByRole('button', { name: 'Show State Monitor' }).count(), 0);
  });
});

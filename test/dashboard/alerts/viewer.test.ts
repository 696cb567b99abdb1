import assert from 'node:assert/strict';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, test } from 'vitest';
import { busy } from '../../../dashboards/web/src/fixtures/busy.ts';
import { launchBrowser } from '../../support/browser.ts';
import { type BuiltDashboard, builtDashboard } from '../support/built-dashboard.ts';
import { FakeCollector } from '../support/fake-collector.ts';

let dashboard: BuiltDashboard;
let browser: Browser;
let collector: FakeCollector;
let origin: string;

beforeAll(async () => {
  [dashboard, browser] = await Promise.all([builtDashboard(), launchBrowser()]);
  collector = new FakeCollector(dashboard.directory, busy);
  collector.alerts = 'busy';
  origin = `http://127.0.0.1:${await collector.start()}`;
});
afterAll(async () => {
  await browser?.close();
  await collector?.stop();
  await dashboard?.remove();
});

for (const mayChange of [true, false]) {
  test(`alerts offer ${mayChange ? 'an admin what can be done' : 'a viewer nothing that is refused'}`, async () => {
    collector.mayChange = mayChange;
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(`${origin}/admin/alerts`);
    const rules = page.locator('[data-panel="alerts-rules"]');
    await rules.locator('[data-rule="slow-rag"]').waitFor();
    assert.equal((await rules.getByRole('button').count()) > 0, mayChange);
    assert.equal(await rules.getByLabel('New rule').count(), mayChange ? 1 : 0);
    assert.equal(await rules.getByText('changing them is for admins').count(), mayChange ? 0 : 1);
    await context.close();
  });
}

test('of a rule of health its own figure is drawn', async () => {
  collector.asked.length = 0;
  const page = await browser.newPage();
  await page.goto(`${origin}/admin/alerts?rule=high-cpu-usage`);
  const chart = page.locator('[data-panel="alerts-chart"]');
  await chart.getByRole('heading', { name: 'High CPU usage' }).waitFor();
  await chart.locator('canvas').waitFor();
  assert.ok(collector.asked.some((search) => search.get('metric') === 'cpu_percent'));
  await page.close();
});

test('that there is no rule is not said below the form of one', async () => {
  collector.alerts = 'empty';
  collector.mayChange = true;
  const page = await browser.newPage();
  await page.goto(`${origin}/admin/alerts`);
  const none = page.getByText('No rule yet');
  await none.waitFor();
  await page.getByLabel('New rule').selectOption('high-cpu-usage');
  await page.getByRole('form', { name: 'Alert rule' }).waitFor();
  assert.equal(await none.count(), 0);
  await page.close();
});

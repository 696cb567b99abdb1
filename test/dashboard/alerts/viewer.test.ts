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

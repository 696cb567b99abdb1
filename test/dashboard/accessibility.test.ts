import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { after, before, describe, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { busy } from '../../dashboards/web/src/fixtures/busy.ts';
import { critical } from '../../dashboards/web/src/fixtures/critical.ts';
import { empty } from '../../dashboards/web/src/fixtures/empty.ts';
import type { Snapshot } from '../../src/core/snapshot.ts';
import { launchBrowser } from '../support/browser.ts';
import { type BuiltDashboard, builtDashboard } from './built-dashboard.ts';
import { FakeCollector } from './fake-collector.ts';

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const STANDARDS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/** What is looked at: a page, the app's state, and the width. */
const VIEWS: readonly (readonly [string, Snapshot, number])[] = [
  ['/admin/system', busy, 1440],
  ['/admin/system', critical, 390],
  ['/admin/system', empty, 1024],
  ['/admin/rag', busy, 390],
  ['/admin/llm?compare=1', busy, 1440],
  ['/admin/api', empty, 1440],
  ['/admin/websocket', busy, 1440],
  ['/admin/history?group=endpoint&compare=1', busy, 1440],
  ['/admin/history?signal=system&f.instance=web-1', busy, 390],
  ['/admin/history?f.user=nobody&signal=rag-query', empty, 1440],
  ['/admin/events', busy, 1440],
  ['/admin/alerts', busy, 1440],
  ['/admin/nowhere', busy, 1440],
];

interface Violation {
  readonly id: string;
  readonly nodes: readonly { readonly html: string }[];
}

let dashboard: BuiltDashboard;
let browser: Browser;
let axe: string;

before(async () => {
  [dashboard, browser, axe] = await Promise.all([builtDashboard(), launchBrowser(), readFile(AXE, 'utf8')]);
});

after(async () => {
  await browser?.close();
  await dashboard?.remove();
});

/** What axe finds wrong, with everything that can be unfolded unfolded. */
async function violations(theme: string, [path, snapshot, width]: (typeof VIEWS)[number]): Promise<string[]> {
  const collector = new FakeCollector(dashboard.directory, snapshot);
  const origin = `http://127.0.0.1:${await collector.start()}`;
  const context = await browser.newContext({ viewport: { width, height: 900 }, reducedMotion: 'reduce' });
  try {
    const page = await context.newPage();
    await page.addInitScript(`localStorage.setItem('nervecenter.theme', '${theme}')`);
    await page.goto(`${origin}${path}`);
    await page.locator('[data-connection=live]').waitFor();
    await page.locator('main h2, main p > a').first().waitFor();
    await page.locator('main [aria-busy=true]').first().waitFor({ state: 'detached' });
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

// The picture in the README: the real dashboard of whatever runs at the given login URL, such as `npm start` prints.
//
//   node scripts/screenshot.ts 'http://127.0.0.1:9464/login#token=…' [docs/dashboard.png] [minutes]
//
// The charts show what the page itself has seen, so it stays open for some minutes (5: their whole width).
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Page } from 'playwright-core';
import type { Snapshot } from '../src/core/snapshot.ts';
import { MINUTE_MS } from '../src/core/units.ts';
import { launchBrowser } from '../test/support/browser.ts';
import { until } from '../test/support/poll.ts';

const VIEWPORT = { width: 1440, height: 900 };
const FIGURES_TIMEOUT_MS = MINUTE_MS;

const [loginUrl, path = join(import.meta.dirname, '..', 'docs', 'dashboard.png'), minutes = '5'] =
  process.argv.slice(2);

async function snapshotOf(page: Page): Promise<Snapshot> {
  const response = await page.request.get(new URL('/api/metrics/snapshot', page.url()).href);
  return (await response.json()) as Snapshot;
}

async function hasFigures(page: Page): Promise<boolean> {
  const { rag, llm, cache, websocket } = await snapshotOf(page);
  const figures = [rag.total_queries, llm.cost_total_usd, cache.rag_hits, websocket.connections_active];
  return figures.every((figure) => figure > 0);
}

async function takePicture(url: string): Promise<void> {
  const browser = await launchBrowser();
  try {
    const page = await browser.newPage({ viewport: VIEWPORT });
    await page.goto(url);
    await page.waitForURL('**/admin/system');
    await page.waitForSelector('[data-connection=live]');
    await until(() => hasFigures(page), { timeoutMs: FIGURES_TIMEOUT_MS, what: 'figures above 0' });
    await wait(Number(minutes) * MINUTE_MS);
    await page.screenshot({ path, fullPage: true });
    console.log(path);
  } finally {
    await browser.close();
  }
}

if (loginUrl === undefined) throw new Error('Give the login URL that the start printed.');
await takePicture(loginUrl);

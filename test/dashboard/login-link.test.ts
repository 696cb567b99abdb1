import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, test } from 'vitest';
import { dashboardsFor } from '../../src/collector/receivers/ask.ts';
import { type Collector, startCollector } from '../../src/collector/start.ts';
import { readConfig } from '../../src/config/config.ts';
import { placeOf } from '../../src/config/place.ts';
import { launchBrowser } from '../support/browser.ts';
import { freePort, WITHOUT_OTLP } from '../support/free-port.ts';
import { reachableTempDir } from '../support/postgres.ts';

const TOKENS = ['the-token-of-the-first-link', 'the-token-of-the-second-link'] as const;
const DASHBOARD = '**/admin/system';
const SHUTDOWN_MS = 1000;

let browser: Browser;
const dataDir = reachableTempDir();
const collectors: Collector[] = [];
const pages: Page[] = [];

beforeAll(async () => {
  browser = await launchBrowser();
});
afterEach(async () => {
  for (const page of pages.splice(0)) await page.context().close();
  for (const collector of collectors.splice(0)) await collector.shutdown(SHUTDOWN_MS);
});
afterAll(async () => {
  await browser?.close();
  rmSync(dataDir, { recursive: true, force: true });
});

/** @returns where it is. */
async function collectorOf(tokens: string, port: number | string = '0'): Promise<string> {
  const env = {
    NERVECENTER_PORT: String(port),
    NERVECENTER_STORAGE: 'off',
    NERVECENTER_ADMIN_TOKEN: tokens,
    ...WITHOUT_OTLP,
  };
  const config = readConfig(env, dataDir);
  const collector = await startCollector({ config, log: () => {}, host: null });
  collectors.push(collector);
  return collector.url.replace(/\/$/, '');
}

async function newPage(): Promise<Page> {
  const page = await (await browser.newContext()).newPage();
  pages.push(page);
  return page;
}

const message = (page: Page) => page.getByRole('alert').filter({ hasText: /\w/ });

/** A link as the collector of these settings tells it to its user: it has made its token itself. */
async function newLink(url: string): Promise<string> {
  const env = { NERVECENTER_PORT: new URL(url).port, NERVECENTER_STORAGE: 'off' };
  const found = await dashboardsFor(placeOf(readConfig(env, dataDir)));
  return found.find(({ why }) => why === null)?.login ?? '';
}

describe('the login link', () => {
  test('opens the dashboard once, keeps its code to itself, and leads on where the session lives', async () => {
    const url = await collectorOf('', await freePort());
    const [page, other] = [await newPage(), await newPage()];
    const link = await newLink(url);
    const code = link.split('#code=')[1] ?? '';
    assert.match(code, /^\w{48}$/);
    for (const tab of [page, page, await page.context().newPage()]) {
      await tab.goto(link);
      await tab.waitForURL(DASHBOARD);
      assert.doesNotMatch(tab.url(), new RegExp(code));
    }
    await other.goto(link);
    const words = await message(other).innerText();
    assert.match(words, /opens nothing any more: .* Run "nervecenter url" for a new one/);
    assert.doesNotMatch(other.url(), new RegExp(code));
    await other.goto(await newLink(url));
    await other.waitForURL(DASHBOARD);
  });

  test('of a collector that ran before says so, and a token typed by hand opens', async () => {
    const port = await freePort();
    const first = await collectorOf('', port);
    const link = await newLink(first);
    await collectors.pop()?.shutdown(SHUTDOWN_MS);
    const second = await collectorOf(TOKENS[1], port);
    assert.equal(second, first);
    const page = await newPage();
    await page.goto(link);
    assert.match(await message(page).innerText(), /opens nothing any more/);
    await page.getByLabel('Token').fill(TOKENS[1]);
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.waitForURL(DASHBOARD);
  });

  test('is not needed to learn what is missing: a page that is closed says how to open it', async () => {
    const url = await collectorOf(TOKENS[0]);
    const page = await newPage();
    const answer = await page.goto(`${url}/api/metrics/snapshot`);
    assert.equal(answer?.status(), 401);
    await page.getByRole('link', { name: 'Log in' }).click();
    await page.getByLabel('Token').waitFor();
  });
});

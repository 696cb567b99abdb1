import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, test } from 'vitest';
import { loginUrl } from '../../src/collector/server/login/login.ts';
import { type Collector, startCollector } from '../../src/collector/start.ts';
import { readConfig } from '../../src/config/config.ts';
import { launchBrowser } from '../support/browser.ts';
import { WITHOUT_OTLP } from '../support/free-port.ts';
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
async function collectorOf(tokens: string, port = '0'): Promise<string> {
  const env = {
    NERVECENTER_PORT: port,
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

describe('the login link', () => {
  test('opens the dashboard as often as it is opened, in any tab, and keeps its token to itself', async () => {
    const url = await collectorOf(TOKENS[0]);
    const page = await newPage();
    const link = loginUrl(url, TOKENS[0]);
    for (const tab of [page, page, await page.context().newPage(), await newPage()]) {
      await tab.goto(link);
      await tab.waitForURL(DASHBOARD);
      assert.doesNotMatch(tab.url(), new RegExp(TOKENS[0]));
    }
  });

  test('of a collector that ran before says so, and what to do', async () => {
    const first = await collectorOf(TOKENS[0]);
    const page = await newPage();
    await page.goto(loginUrl(first, TOKENS[0]));
    await page.waitForURL(DASHBOARD);
    await collectors.pop()?.shutdown(SHUTDOWN_MS);
    const second = await collectorOf(TOKENS[1], new URL(first).port);
    assert.equal(second, first);
    await page.goto(loginUrl(second, TOKENS[0]));
    const words = await message(page).innerText();
    assert.match(words, /opens nothing any more: .* Open the link that the newest start has printed/);
    await page.getByLabel('Admin token').fill(TOKENS[1]);
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.waitForURL(DASHBOARD);
  });

  test('leads on where the session still lives, though its token does not', async () => {
    const url = await collectorOf(TOKENS[1]);
    const page = await newPage();
    await page.goto(loginUrl(url, TOKENS[1]));
    await page.waitForURL(DASHBOARD);
    await page.goto(loginUrl(url, TOKENS[0]));
    await page.waitForURL(DASHBOARD);
  });

  test('is not needed to learn what is missing: a page that is closed says how to open it', async () => {
    const url = await collectorOf(TOKENS[0]);
    const page = await newPage();
    const answer = await page.goto(`${url}/api/metrics/snapshot`);
    assert.equal(answer?.status(), 401);
    await page.getByRole('link', { name: 'Log in' }).click();
    await page.getByLabel('Admin token').waitFor();
  });
});

import assert from 'node:assert/strict';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, test } from 'vitest';
import { busy } from '../../dashboards/web/src/fixtures/busy.ts';
import { launchBrowser } from '../support/browser.ts';
import { until } from '../support/poll.ts';
import { type BuiltDashboard, builtDashboard } from './support/built-dashboard.ts';
import { FakeCollector } from './support/fake-collector.ts';

/** Until the browser has compiled what snapshots run: half a megabyte of the heap, most of it after the first 150. */
const WARM_UP = 750;
const SNAPSHOTS = 600;
const BATCH = 50;
/** What a snapshot may leave behind on average: one that was kept whole would be 8 KiB. */
const LEFT_BYTES_MAX = 512;

// What runs inside the page is text: the tests' own types know no DOM.
const LETTERS = "parseFloat(getComputedStyle(document.querySelector('[role=status] p')).fontSize)";
const AGE_LAST_RELOAD = `sessionStorage.setItem('nervecenter.reloads', JSON.stringify({
  count: JSON.parse(sessionStorage.getItem('nervecenter.reloads')).count, atMs: Date.now() - 61000
}))`;

let dashboard: BuiltDashboard;
let nextBuild: string;
let browser: Browser;
let collector: FakeCollector;
let port: number;
let page: Page;
let loads: number;
let boots = 0;

beforeAll(async () => {
  [dashboard, browser] = await Promise.all([builtDashboard(), launchBrowser()]);
  nextBuild = await anotherBuild(dashboard.directory);
});

afterAll(async () => {
  await browser?.close();
  await rm(nextBuild, { recursive: true, force: true });
  await dashboard?.remove();
});

beforeEach(async () => {
  collector = new FakeCollector(dashboard.directory, busy);
  port = await collector.start();
});

afterEach(async () => {
  await page?.context().close();
  await collector.stop();
});

/** The same dashboard with another hash in the name of its entry, as a later version has, and without the old files. */
async function anotherBuild(directory: string): Promise<string> {
  const next = await mkdtemp(join(tmpdir(), 'nervecenter-next-build-'));
  await cp(directory, next, { recursive: true });
  const entry = /index-([\w-]+)\.js/.exec(await readFile(join(next, 'index.html'), 'utf8'))?.[1];
  assert.ok(entry !== undefined);
  const files = await readdir(next, { recursive: true, withFileTypes: true });
  for (const { parentPath, name } of files.filter(
    (file) => file.isFile() && /\.(js|html)$/.test(file.name),
  )) {
    const text = await readFile(join(parentPath, name), 'utf8');
    await rm(join(parentPath, name));
    const renamed = name.replace(entry, 'nextbuild');
    await writeFile(
      join(parentPath, renamed),
      text.replaceAll(entry, 'nextbuild').replace('<html', '<html data-build="next"'),
    );
  }
  return next;
}

async function open(path: string): Promise<void> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  page = await context.newPage();
  page.setDefaultTimeout(60_000);
  loads = 0;
  page.on('domcontentloaded', () => loads++);
  await page.goto(`http://127.0.0.1:${port}${path}`);
  await connection('live');
}

const connection = (state: string) => page.locator(`[data-connection="${state}"]`).waitFor();

async function redeploy(assets: string): Promise<void> {
  await collector.stop();
  collector.assets = assets;
  collector.snapshot = { ...busy, boot_id: `boot ${++boots}`, seq: 1 };
  await collector.start(port);
}

describe('a wall screen after a redeployment', () => {
  test('becomes the new dashboard by itself, once', async () => {
    await open('/admin/system?kiosk');
    await redeploy(nextBuild);
    await page.locator('html[data-build=next]').waitFor();
    await connection('live');
    assert.equal(new URL(page.url()).search, '?kiosk');
    assert.equal(loads, 2);
    await page.evaluate('window.sameDocument = true');
    const before = collector.pagesServed;
    await redeploy(nextBuild);
    await until(() => collector.pagesServed > before, { what: 'the question which dashboard is served' });
    await connection('live');
    assert.equal(await page.evaluate('window.sameDocument'), true);
  });

  test('waits with the next reload when the last one brought nothing, and finds out by polling as well', async () => {
    await open('/admin/system?kiosk');
    // What a cache in between does: the page stays the old one, whoever asks for it by script sees the new one.
    await page.route('**/admin/system?kiosk', async (route) =>
      route.fulfill({
        body: await readFile(join(dashboard.directory, 'index.html')),
        contentType: 'text/html',
      }),
    );
    await page.route('**/admin/assets/*', async (route) => {
      const name = new URL(route.request().url()).pathname.replace('/admin/', '');
      const body = await readFile(join(dashboard.directory, name)).catch(() => null);
      await (body === null
        ? route.continue()
        : route.fulfill({ body, contentType: name.endsWith('css') ? 'text/css' : 'text/javascript' }));
    });
    await redeploy(nextBuild);
    await until(() => loads === 2, { what: 'the first reload' });
    // Chromium lets no page of unknown origin open a WebSocket to this machine: it polls, and finds out all the same.
    await connection('polling');
    const before = collector.pagesServed;
    await redeploy(nextBuild);
    await until(() => collector.pagesServed > before, { what: 'the question which dashboard is served' });
    assert.equal(loads, 2);
    await page.evaluate(AGE_LAST_RELOAD);
    await redeploy(nextBuild);
    await until(() => loads === 3, { what: 'the second reload, a minute after the first' });
  });

  test('keeps its figures while the new dashboard is not served as a whole', async () => {
    await open('/admin/system?kiosk');
    await page.evaluate('window.sameDocument = true');
    const broken = await mkdtemp(join(tmpdir(), 'nervecenter-broken-build-'));
    try {
      await cp(join(nextBuild, 'index.html'), join(broken, 'index.html'));
      await redeploy(broken);
      await until(() => collector.notFound > 0, { what: 'the question for its files' });
      await connection('live');
      assert.equal(await page.evaluate('window.sameDocument'), true);
      collector.assets = nextBuild;
      await page.locator('html[data-build=next]').waitFor();
    } finally {
      await rm(broken, { recursive: true, force: true });
    }
  });

  test('is told of to whoever sits in front of it, and nothing is taken from them', async () => {
    await open('/admin/system');
    await page.evaluate('window.sameDocument = true');
    await redeploy(nextBuild);
    const reload = page.getByRole('button', { name: 'Reload' });
    await reload.waitFor();
    assert.equal(await page.evaluate('window.sameDocument'), true);
    await reload.click();
    await page.locator('html[data-build=next]').waitFor();
  });
});

describe('a wall screen', () => {
  test('says in large letters that its session ended, and goes on by itself after a login', async () => {
    await open('/admin/system?kiosk');
    await collector.stop();
    collector.unauthorized = true;
    await collector.start(port);
    const ended = page.getByText('Login needed: the session of this browser has ended.');
    await ended.waitFor();
    const size = await page.evaluate<number>(LETTERS);
    assert.ok(size >= 20, `${size} px`);
    await page.locator('[data-panel=health]').getByText('46.3%').first().waitFor();
    collector.unauthorized = false;
    await connection('live');
    await ended.waitFor({ state: 'detached' });
  });

  test('stays as large as it is, snapshot after snapshot', async () => {
    await open('/admin/system?kiosk');
    const session = await page.context().newCDPSession(page);
    const heapBytes = async () => {
      await session.send('HeapProfiler.collectGarbage');
      return (await session.send('Runtime.getHeapUsage')).usedSize;
    };
    const push = async (count: number) => {
      for (let sent = 0; sent < count; sent += BATCH) {
        for (let one = 0; one < BATCH; one++) collector.push();
        await seen(collector.snapshot.rag.total_queries + sent);
      }
    };
    /** The last of them is drawn. */
    const seen = async (queries: number) => {
      const total_queries = queries + 1;
      collector.push({ rag: { ...collector.snapshot.rag, total_queries } });
      await page
        .locator('[data-panel=rag]')
        .getByText(total_queries.toLocaleString('en-US'), { exact: true })
        .first()
        .waitFor();
    };
    await push(WARM_UP);
    const before = await heapBytes();
    await push(SNAPSHOTS);
    const left = ((await heapBytes()) - before) / SNAPSHOTS;
    assert.ok(left < LEFT_BYTES_MAX, `${Math.round(left)} B left behind by each snapshot`);
  });
});

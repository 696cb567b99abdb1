// Every page and state of the dashboard as pictures, from fixtures and without a server: the same at every run.
//
//   npm run screenshots                  all of them, into docs/screenshots
//   npm run screenshots -- events 390    those whose name has all these words
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import type { Browser, BrowserContext, Page, Route } from 'playwright-core';
import { build } from 'vite';
import { LOGIN_HTML, LOGIN_SCRIPT, LOGIN_STYLE } from '../src/collector/server/login/login-page.ts';
import { launchBrowser } from '../test/support/browser.ts';
import { smallerPng } from './png.ts';
import { SHOTS, type Shot } from './shots.ts';

const ROOT = join(import.meta.dirname, '..');
const TARGET = join(ROOT, 'docs/screenshots');
const SOURCE = join(ROOT, 'dashboards/web');
const ORIGIN = 'http://localhost';
/** A Sunday afternoon, in UTC. */
const NOW = new Date('2026-11-22T15:04:05.000Z');
const WIDTHS = [1440, 1024, 390] as const;
const THEMES = ['dark', 'light'] as const;
const HEIGHT_MIN = 700;
const HEIGHT_OF_TOP = 1000;
/** What is further below says nothing new. */
const HEIGHT_MAX = 2200;
const TYPES: Readonly<Record<string, string>> = {
  '': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};
const LOGIN: Readonly<Record<string, readonly [string, string]>> = {
  '/login': ['text/html', LOGIN_HTML],
  '/login.js': ['text/javascript', LOGIN_SCRIPT],
  '/login.css': ['text/css', LOGIN_STYLE],
};
// What runs inside the page is text: these types know no DOM.
const CONTENT_HEIGHT = 'Math.ceil(document.documentElement.scrollHeight)';
const IS_SETTLED = `document.fonts.status === 'loaded' && document.querySelector('main :is(h2, a, form)') !== null`;
const BUSY = 'main [aria-busy=true]';

interface Look {
  readonly width: (typeof WIDTHS)[number];
  readonly theme: (typeof THEMES)[number];
}

/** The dashboard with its fixtures, which the one for users has not. */
async function buildInto(outDir: string): Promise<void> {
  await build({
    configFile: join(SOURCE, 'vite.config.ts'),
    logLevel: 'warn',
    define: { 'import.meta.env.DEV': 'true' },
    build: { outDir },
  });
}

async function answer(route: Route, assets: string): Promise<void> {
  const request = route.request();
  const path = new URL(request.url()).pathname;
  if (request.method() === 'POST')
    return route.fulfill({
      status: 401,
      json: { detail: 'This is not the token. It was printed at the start.' },
    });
  const [type, text] = LOGIN[path] ?? [null, null];
  if (type !== null) return route.fulfill({ contentType: type, body: text });
  const isFile = extname(path) !== '';
  const body = await readFile(join(assets, isFile ? path.replace('/admin/', '') : 'index.html'));
  return route.fulfill({ contentType: TYPES[extname(path)] ?? 'application/octet-stream', body });
}

async function contextOf(browser: Browser, assets: string, { width, theme }: Look): Promise<BrowserContext> {
  const context = await browser.newContext({
    viewport: { width, height: HEIGHT_MIN },
    locale: 'en-GB',
    timezoneId: 'UTC',
    reducedMotion: 'reduce',
  });
  await context.clock.setFixedTime(NOW);
  await context.addInitScript(`localStorage.setItem('nervecenter.theme', '${theme}')`);
  await context.route(`${ORIGIN}/**`, (route) => answer(route, assets));
  return context;
}

async function take(page: Page, shot: Shot, { width, theme }: Look): Promise<void> {
  const name = nameOf(shot, { width, theme });
  await page.setViewportSize({ width, height: HEIGHT_MIN });
  await page.goto(`${ORIGIN}${shot.path}`);
  await page.waitForFunction(IS_SETTLED);
  if (!shot.staysBusy) await page.locator(BUSY).first().waitFor({ state: 'detached' });
  await shot.prepare?.(page);
  const height = Math.min(
    shot.isTopOnly ? HEIGHT_OF_TOP : HEIGHT_MAX,
    Math.max(HEIGHT_MIN, await page.evaluate<number>(CONTENT_HEIGHT)),
  );
  await page.setViewportSize({ width, height });
  await page.evaluate('new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))');
  const picture = await page.screenshot({ animations: 'disabled', caret: 'hide' });
  await writeFile(join(TARGET, `${name}.png`), smallerPng(picture));
}

function nameOf({ page, state }: Shot, { width, theme }: Look): string {
  return `${page}-${state}-${width}-${theme}`;
}

async function takeAll(words: readonly string[]): Promise<number> {
  await mkdir(TARGET, { recursive: true });
  const assets = await mkdtemp(join(tmpdir(), 'nervecenter-screenshots-'));
  const browser = await launchBrowser();
  let taken = 0;
  try {
    await buildInto(assets);
    for (const width of WIDTHS)
      for (const theme of THEMES) {
        const context = await contextOf(browser, assets, { width, theme });
        const page = await context.newPage();
        for (const shot of SHOTS) {
          const parts = nameOf(shot, { width, theme }).split('-');
          if (!words.every((word) => parts.includes(word))) continue;
          await take(page, shot, { width, theme });
          taken++;
        }
        await context.close();
      }
  } finally {
    await browser.close();
    await rm(assets, { recursive: true, force: true });
  }
  return taken;
}

console.log(`${await takeAll(process.argv.slice(2))} pictures in docs/screenshots`);

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import type { Browser, Page, Route } from 'playwright-core';
import { build } from 'vite';
import { LOGIN_HTML, LOGIN_SCRIPT, LOGIN_STYLE } from '../src/collector/server/login/login-page.ts';
import { launchBrowser } from '../test/support/browser.ts';
import type { Shot } from './shots.ts';

const SOURCE = join(import.meta.dirname, '..', 'dashboards/web');
const ORIGIN = 'http://localhost';
/** A Sunday afternoon, in UTC. */
const NOW = new Date('2026-11-22T15:04:05.000Z');
/** Of a window before anything is drawn. */
export const HEIGHT_MIN = 700;
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
const IS_SETTLED = `document.fonts.status === 'loaded' && document.querySelector('main :is(h2, a, form)') !== null`;
const BUSY = 'main [aria-busy=true]';
const NEXT_FRAMES = 'new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))';

export const WIDTHS = [1440, 1024, 390] as const;
export const THEMES = ['dark', 'light'] as const;
export type Theme = (typeof THEMES)[number];

/** The dashboard in a browser, drawn from its fixtures: without a server, and the same at every run. */
export class FixtureDashboard {
  readonly #assets: string;
  readonly #browser: Browser;

  private constructor(assets: string, browser: Browser) {
    this.#assets = assets;
    this.#browser = browser;
  }

  /** Builds the dashboard with its fixtures, which the one for users has not. */
  static async open(): Promise<FixtureDashboard> {
    const assets = await mkdtemp(join(tmpdir(), 'nervecenter-fixtures-'));
    await build({
      configFile: join(SOURCE, 'vite.config.ts'),
      logLevel: 'error',
      define: { 'import.meta.env.DEV': 'true' },
      build: { outDir: assets },
    });
    return new FixtureDashboard(assets, await launchBrowser());
  }

  /** A page in a browser's session of its own; closing its context closes it. */
  async newPage(theme: Theme): Promise<Page> {
    const context = await this.#browser.newContext({
      viewport: { width: WIDTHS[0], height: HEIGHT_MIN },
      locale: 'en-GB',
      timezoneId: 'UTC',
      reducedMotion: 'reduce',
    });
    await context.clock.setFixedTime(NOW);
    await context.addInitScript(`localStorage.setItem('nervecenter.theme', '${theme}')`);
    await context.route(`${ORIGIN}/**`, (route) => answer(route, this.#assets));
    return context.newPage();
  }

  async close(): Promise<void> {
    await this.#browser.close();
    await rm(this.#assets, { recursive: true, force: true });
  }
}

/** Loads what a shot is of and does what is to be done before; then all of it is drawn. */
export async function show(page: Page, shot: Shot): Promise<void> {
  await page.goto(`${ORIGIN}${shot.path}`);
  await page.waitForFunction(IS_SETTLED);
  if (!shot.staysBusy) await page.locator(BUSY).first().waitFor({ state: 'detached' });
  await shot.prepare?.(page);
}

/** Gives the window another size and waits until all is drawn anew. */
export async function resize(page: Page, width: number, height: number): Promise<void> {
  await page.setViewportSize({ width, height });
  await page.evaluate(NEXT_FRAMES);
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

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { SCENARIOS } from '../../dashboards/web/src/fixtures/scenarios.ts';
import {
  FixtureDashboard,
  resize,
  show,
  THEMES,
  type Theme,
  WIDTHS,
} from '../../scripts/fixture-dashboard.ts';
import { SHOTS, type Shot } from '../../scripts/shots.ts';

const PAGES = join(import.meta.dirname, '../../dashboards/web/src/pages/index.ts');
const HEIGHT = 900;
// What runs inside the page is text: the tests' own types know no DOM.
const LOOK = '[document.documentElement.dataset.theme, document.documentElement.scrollWidth]';
const BLANK_CHARTS = `[...document.querySelectorAll('main canvas')].filter((chart) => {
  const copy = new OffscreenCanvas(chart.width, chart.height).getContext('2d');
  copy.drawImage(chart, 0, 0);
  return !copy.getImageData(0, 0, chart.width, chart.height).data.some((part) => part > 0);
}).length`;
const LOGIN_PATH = '/login';
/** The browser's own words for the answer to a wrong token. */
const REFUSED = 'Failed to load resource: the server responded with a status of 401 (Unauthorized)';

let dashboard: FixtureDashboard;

beforeAll(async () => {
  dashboard = await FixtureDashboard.open();
});

afterAll(() => dashboard?.close());

/** Everything a page complains of from now on. */
function complaintsOf(page: Page): string[] {
  const complaints: string[] = [];
  page.on('pageerror', ({ message }) => complaints.push(message));
  page.on('requestfailed', (request) => complaints.push(`${request.url()} failed`));
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  return complaints;
}

/** As if it had been chosen in another tab. */
async function choose(page: Page, theme: Theme): Promise<void> {
  await page.evaluate(`localStorage.setItem('nervecenter.theme', '${theme}')`);
  await page.evaluate(`dispatchEvent(new StorageEvent('storage', { key: 'nervecenter.theme' }))`);
}

async function checkLooks(page: Page, shot: Shot, theme: Theme): Promise<void> {
  for (const width of WIDTHS) {
    await resize(page, width, HEIGHT);
    const place = `${theme} at ${width}`;
    assert.ok(await page.locator('h1').isVisible(), place);
    const shown = page.getByText(shot.shows).locator('visible=true');
    assert.ok((await shown.count()) > 0, `${place}: “${shot.shows}” is not shown`);
    assert.deepEqual(await page.evaluate(LOOK), [theme, width], place);
    assert.equal(await page.evaluate(BLANK_CHARTS), 0, place);
  }
}

/** What its pictures show: both themes, every width. */
async function checkShot(shot: Shot): Promise<void> {
  const isLogin = shot.path === LOGIN_PATH;
  // The login page takes its theme when it is loaded.
  const sessions: readonly (readonly Theme[])[] = isLogin ? THEMES.map((theme) => [theme]) : [THEMES];
  for (const themes of sessions) {
    const page = await dashboard.newPage(themes[0] ?? 'dark');
    try {
      const complaints = complaintsOf(page);
      await show(page, shot);
      for (const theme of themes) {
        await choose(page, theme);
        await checkLooks(page, shot, theme);
      }
      assert.deepEqual(complaints, isLogin && shot.state === 'refused' ? [REFUSED] : []);
    } finally {
      await page.context().close();
    }
  }
}

describe('every view is drawn from its fixture, in both themes and at every width', () => {
  for (const shot of SHOTS) test(`${shot.page}: ${shot.state}`, () => checkShot(shot));
});

test('no page and no scenario is without a view', () => {
  const pages = [...readFileSync(PAGES, 'utf8').matchAll(/path: '([^']+)'/g)].map(([, path = '']) => path);
  assert.ok(pages.length > 0);
  const shown = SHOTS.map(({ path }) => new URL(path, 'http://localhost'));
  assert.deepEqual(
    pages.filter((page) => !shown.some(({ pathname }) => pathname === page)),
    [],
  );
  const scenarios = new Set(shown.map(({ searchParams }) => searchParams.get('fixture')));
  assert.deepEqual(
    Object.keys(SCENARIOS).filter((scenario) => !scenarios.has(scenario)),
    [],
  );
});

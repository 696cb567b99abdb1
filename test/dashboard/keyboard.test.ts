import assert from 'node:assert/strict';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, test } from 'vitest';
import { busy } from '../../dashboards/web/src/fixtures/busy.ts';
import { launchBrowser } from '../support/browser.ts';
import { type BuiltDashboard, builtDashboard } from './support/built-dashboard.ts';
import { FakeCollector } from './support/fake-collector.ts';

/** More than any page has before its charts. */
const STEPS_MAX = 80;

// What runs inside the page is text: the tests' own types know no DOM.
const FOCUS = `(() => {
  const at = document.activeElement;
  if (at === null || at === document.body) return null;
  const style = getComputedStyle(at);
  const box = at.getBoundingClientRect();
  const named = at.getAttribute('aria-label') ?? at.labels?.[0]?.textContent ?? at.textContent;
  return {
    name: (named ?? '').replace(/\\s+/g, ' ').trim(),
    isVisible: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2,
    isInView: box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
    isInDialog: at.closest('dialog') !== null,
  };
})()`;

interface Focus {
  readonly name: string;
  /** It has an outline of at least 2 px. */
  readonly isVisible: boolean;
  readonly isInView: boolean;
  readonly isInDialog: boolean;
}

let dashboard: BuiltDashboard;
let browser: Browser;
let collector: FakeCollector;
let origin: string;
let page: Page;

beforeAll(async () => {
  [dashboard, browser] = await Promise.all([builtDashboard(), launchBrowser()]);
});

afterAll(async () => {
  await browser?.close();
  await dashboard?.remove();
});

beforeEach(async () => {
  collector = new FakeCollector(dashboard.directory, busy);
  origin = `http://127.0.0.1:${await collector.start()}`;
});

afterEach(async () => {
  await page?.context().close();
  await collector.stop();
});

async function open(path: string, reducedMotion: 'reduce' | 'no-preference' = 'reduce'): Promise<void> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, reducedMotion });
  page = await context.newPage();
  page.setDefaultTimeout(60_000);
  await page.goto(`${origin}${path}`);
  await page.locator('[data-connection=live]').waitFor();
  await page.locator('main canvas').first().waitFor();
}

const focus = () => page.evaluate<Focus | null>(FOCUS);

async function press(key: string): Promise<Focus> {
  await page.keyboard.press(key);
  const at = await focus();
  assert.ok(at !== null, `the focus is lost after ${key}`);
  assert.ok(at.isVisible, `the focus is not seen on “${at.name}”`);
  assert.ok(at.isInView, `“${at.name}” is out of view`);
  return at;
}

/** Tabs on until the focus is on what is called so; what it passed on its way. */
async function tabTo(name: string | RegExp): Promise<string[]> {
  const passed: string[] = [];
  while (passed.length < STEPS_MAX) {
    const at = await press('Tab');
    passed.push(at.name);
    if (typeof name === 'string' ? at.name === name : name.test(at.name)) return passed;
  }
  throw new Error(`${name} was not reached, but ${passed.join(', ')}`);
}

describe('by keyboard alone', () => {
  test('from the link that skips, through navigation, menu, time and a chart’s table', async () => {
    await open('/admin/rag');
    assert.deepEqual(await tabTo('Skip to the page'), ['Skip to the page']);
    const pages = await tabTo('Alerts');
    assert.deepEqual(pages, [
      'System Health',
      'RAG',
      'LLM',
      'API',
      'WebSocket',
      'History',
      'Events',
      'Alerts',
    ]);
    await tabTo('Nerve Center');
    await page.keyboard.press('Enter');
    await tabTo('RAG');
    await press('Escape');
    assert.equal((await focus())?.name, 'Nerve Center');
    const header = await tabTo('6 h');
    assert.ok(header.includes('Show State Monitor'), header.join());
    await page.keyboard.press('Space');
    await page.waitForURL(/range=6h/);
    await tabTo(/^Export /);
    await page.keyboard.press('Enter');
    await tabTo('Save as CSV');
    await press('Escape');
    assert.match((await focus())?.name ?? '', /^Export /);
    await tabTo('Table');
    await page.keyboard.press('Enter');
    await page
      .getByRole('region', { name: /, as a table$/ })
      .getByRole('columnheader')
      .first()
      .waitFor();
    assert.match((await press('Tab')).name, /as a table$/);
  });

  test('the link that skips leads to the page’s heading', async () => {
    await open('/admin/rag');
    await tabTo('Skip to the page');
    await page.keyboard.press('Enter');
    await page.locator('#page-heading:focus').waitFor();
    const next = await press('Tab');
    assert.ok(!['System Health', 'RAG'].includes(next.name), next.name);
  });

  test('a dialog keeps the focus, and gives it back by Escape', async () => {
    await open('/admin/rag');
    await tabTo('Custom…');
    await page.keyboard.press('Enter');
    const dialog = page.getByRole('dialog', { name: 'Custom range' });
    await dialog.waitFor();
    // Two fields of five parts each with their pickers, and two buttons: this goes round more than once.
    for (let step = 0; step < 30; step++) {
      await page.keyboard.press('Tab');
      const at = await focus();
      assert.ok(at === null || at.isInDialog, `the focus is behind the dialog, on “${at?.name}”`);
    }
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'hidden' });
    assert.equal((await focus())?.name, 'Custom…');
    await page.keyboard.press('Shift+Tab');
    assert.equal((await focus())?.name, '90 d');
  });
});

test('nothing moves by itself for those who ask for it', async () => {
  const MOVING = `[...document.querySelectorAll('*')].filter((one) => {
    const { animationName, animationDuration, transitionDuration } = getComputedStyle(one);
    const lasts = (text) => text.split(',').some((part) => parseFloat(part) > 0);
    return (animationName !== 'none' && lasts(animationDuration)) || lasts(transitionDuration);
  }).length`;
  for (const path of ['/admin/system', '/admin/rag', '/admin/events']) {
    await open(path);
    assert.equal(await page.evaluate(MOVING), 0, path);
    await page.context().close();
  }
  await open('/admin/system', 'no-preference');
  assert.ok((await page.evaluate<number>(MOVING)) > 0);
});

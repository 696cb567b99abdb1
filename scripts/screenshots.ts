// Every page and state of the dashboard as pictures, from fixtures and without a server: the same at every run.
//
//   npm run screenshots                  all of them, into screenshots/; those that documents show into docs/screenshots too
//   npm run screenshots -- events 390    those whose name has all these words
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { FixtureDashboard, HEIGHT_MIN, resize, show, THEMES, WIDTHS } from './fixture-dashboard.ts';
import { SHOTS, type Shot } from './shots.ts';

const ROOT = join(import.meta.dirname, '..');
const TARGET = join(ROOT, 'screenshots');
/** These are kept in the repository, cut to what a window shows: together they stay below a megabyte. */
const OF_DOCUMENTS: ReadonlySet<string> = new Set([
  'system-busy-1440-dark',
  'llm-busy-1440-dark',
  'rag-busy-1440-light',
  'events-trace-1440-dark',
  'system-critical-390-dark',
]);
const DOCUMENTS_TARGET = join(ROOT, 'docs/screenshots');
const HEIGHT_OF_TOP = 1000;
/** What is further below says nothing new. */
const HEIGHT_MAX = 2200;
// What runs inside the page is text: these types know no DOM.
const CONTENT_HEIGHT = 'Math.ceil(document.documentElement.scrollHeight)';

async function take(page: Page, shot: Shot, width: number, name: string): Promise<void> {
  await page.setViewportSize({ width, height: HEIGHT_MIN });
  await show(page, shot);
  const content = Math.max(HEIGHT_MIN, await page.evaluate<number>(CONTENT_HEIGHT));
  const heightMax = shot.isTopOnly ? HEIGHT_OF_TOP : HEIGHT_MAX;
  await save(page, join(TARGET, `${name}.png`), { width, height: Math.min(heightMax, content) });
  if (!OF_DOCUMENTS.has(name)) return;
  const size = { width, height: Math.min(HEIGHT_OF_TOP, content) };
  await save(page, join(DOCUMENTS_TARGET, `${name}.png`), size);
}

async function save(
  page: Page,
  path: string,
  { width, height }: { readonly width: number; readonly height: number },
): Promise<void> {
  await resize(page, width, height);
  await page.screenshot({ path, animations: 'disabled', caret: 'hide' });
}

async function takeAll(words: readonly string[]): Promise<number> {
  await mkdir(TARGET, { recursive: true });
  const dashboard = await FixtureDashboard.open();
  let taken = 0;
  try {
    for (const theme of THEMES) {
      const page = await dashboard.newPage(theme);
      for (const width of WIDTHS)
        for (const shot of SHOTS) {
          const parts = [shot.page, shot.state, String(width), theme];
          if (!words.every((word) => parts.includes(word))) continue;
          await take(page, shot, width, parts.join('-'));
          taken++;
        }
      await page.context().close();
    }
  } finally {
    await dashboard.close();
  }
  return taken;
}

console.log(`${await takeAll(process.argv.slice(2))} pictures in screenshots`);

import type { Page } from 'playwright-core';

/** One state of one page; its picture is called after both. */
export interface Shot {
  readonly page: string;
  readonly state: string;
  readonly path: string;
  /** What somebody does before the picture is taken. */
  readonly prepare?: (page: Page) => Promise<void>;
  /** Only what a window shows without scrolling. */
  readonly isTopOnly?: boolean;
  /** It never gets an answer: that is what it shows. */
  readonly staysBusy?: boolean;
}

const PAGES = ['system', 'rag', 'llm', 'api', 'websocket', 'history', 'events', 'alerts'] as const;
const EVENT = '01935a1c-7a2b-7000-8008-000000000012';
const TRACE = '0af7651916cd43dd8448000000000012';

const shot = (page: string, state: string): Shot => ({
  page,
  state,
  path: `/admin/${page}?fixture=${state}`,
});
/** What the state is about stands at the top. */
const top = (page: string, state: string): Shot => ({ ...shot(page, state), isTopOnly: true });
const pending = (page: string, state: string): Shot => ({ ...top(page, state), staysBusy: true });

const OF_EVERY_PAGE = PAGES.flatMap((page) => [shot(page, 'busy'), top(page, 'empty')]);

/** Of the pages that tell them each in its own way. */
const OF_SOME_PAGES = ['system', 'rag', 'events'].flatMap((page) => [
  pending(page, 'loading'),
  top(page, 'storage'),
]);

/** Of the live page, where they are told first. */
const OF_THE_COLLECTOR = [
  shot('system', 'critical'),
  shot('system', 'failing'),
  ...['stale', 'dropped', 'folded', 'unpriced', 'login', 'polling'].map((state) => top('system', state)),
  pending('system', 'disconnected'),
];

const OF_ONE_PAGE: readonly Shot[] = [
  top('rag', 'failing'),
  top('llm', 'unpriced'),
  { ...top('llm', 'compare'), path: '/admin/llm?fixture=busy&compare=1' },
  { ...shot('api', 'route'), path: '/admin/api?fixture=busy&route=%2Fapi%2Fask' },
  {
    ...top('events', 'trace'),
    path: `/admin/events?fixture=busy&signal=llm-call&event=${EVENT}&trace=${TRACE}`,
  },
  { ...top('events', 'event'), path: `/admin/events?fixture=busy&signal=llm-call&event=${EVENT}` },
  { ...top('alerts', 'form'), path: '/admin/alerts?fixture=busy', prepare: openAlertForm },
  { ...top('rag', 'table'), path: '/admin/rag?fixture=busy', prepare: openFirstTable },
  { ...top('system', 'menu'), path: '/admin/system?fixture=busy', prepare: openMenu },
  { ...top('system', 'monitor'), path: '/admin/system?fixture=busy', prepare: openMonitor },
  { ...shot('system', 'kiosk'), path: '/admin/system?fixture=busy&kiosk' },
  { ...top('login', 'empty'), path: '/login' },
  { ...top('login', 'refused'), path: '/login', prepare: logInWrong },
  { ...top('nowhere', 'busy'), path: '/admin/nowhere?fixture=busy' },
];

/** In the order in which they are taken. */
export const SHOTS: readonly Shot[] = [
  ...OF_EVERY_PAGE,
  ...OF_SOME_PAGES,
  ...OF_THE_COLLECTOR,
  ...OF_ONE_PAGE,
];

async function openAlertForm(page: Page): Promise<void> {
  await page.getByLabel('New rule').selectOption({ index: 1 });
  await page.getByRole('form', { name: 'Alert rule' }).waitFor();
}

async function openFirstTable(page: Page): Promise<void> {
  await page.getByText('Table', { exact: true }).first().click();
}

async function openMenu(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Nerve Center' }).click();
}

async function openMonitor(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Show State Monitor' }).click();
}

async function logInWrong(page: Page): Promise<void> {
  await page.getByLabel('Admin token').fill('not-the-token');
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByText('This is not the token').waitFor();
}

import type { Page } from 'playwright-core';

/** One state of one page; its picture is called after both. */
export interface Shot {
  readonly page: string;
  readonly state: string;
  readonly path: string;
  /** A text that tells that it is this state of this page. */
  readonly shows: string;
  /** What somebody does before the picture is taken. */
  readonly prepare?: (page: Page) => Promise<void>;
  /** Only what a window shows without scrolling. */
  readonly isTopOnly?: boolean;
  /** It never gets an answer: that is what it shows. */
  readonly staysBusy?: boolean;
}

/** What each page shows of an app that is used, and of one that is not. */
const PAGES: Readonly<Record<string, { readonly busy: string; readonly empty: string }>> = {
  system: { busy: '1,204,881', empty: 'No RAG query yet' },
  rag: { busy: 'Where a query spends its time', empty: 'No RAG query seen yet' },
  llm: { busy: 'Cost over time', empty: 'No LLM call seen yet' },
  api: { busy: '/api/ask/stream', empty: 'No request in this time' },
  websocket: { busy: '843.2 MB', empty: 'No WebSocket session ended in this time' },
  history: { busy: 'p95 duration of requests', empty: 'No requests in this time' },
  events: { busy: 'POST /api/ask', empty: 'No such event in this time' },
  alerts: { busy: '742 ms', empty: 'No rule yet: nobody is told of anything.' },
};
const EVENT = '01935a1c-7a2b-7000-8008-000000000012';
const TRACE = '0af7651916cd43dd8448000000000012';

const shot = (page: string, state: string, shows: string): Shot => ({
  page,
  state,
  shows,
  path: `/admin/${page}?fixture=${state}`,
});
/** What the state is about stands at the top. */
const top = (page: string, state: string, shows: string): Shot => ({
  ...shot(page, state, shows),
  isTopOnly: true,
});
const pending = (page: string, state: string, shows: string): Shot => ({
  ...top(page, state, shows),
  staysBusy: true,
});
/** The top of a page of the app that is used, and how somebody got there. */
const used = (page: string, state: string, rest: Pick<Shot, 'shows'> & Partial<Shot>): Shot => ({
  ...top(page, state, rest.shows),
  path: `/admin/${page}?fixture=busy`,
  ...rest,
});

const OF_EVERY_PAGE = Object.entries(PAGES).flatMap(([page, { busy, empty }]) => [
  shot(page, 'busy', busy),
  top(page, 'empty', empty),
]);

/** Of the pages that tell them each in its own way. */
const OF_SOME_PAGES = [
  pending('system', 'loading', 'Waiting for the first snapshot…'),
  top('system', 'storage', 'Storage unreachable: 12,204 events wait'),
  ...['rag', 'events'].flatMap((page) => [
    pending(page, 'loading', 'Loading…'),
    top(page, 'storage', 'The database cannot be reached, so there is no history at the moment.'),
  ]),
];

/** Of the live page, where they are told first. */
const OF_THE_COLLECTOR = [
  shot('system', 'critical', 'Memory above 90 %'),
  shot('system', 'failing', 'This panel could not be drawn.'),
  top('system', 'stale', 'waiting for data, 12 s old'),
  top('system', 'dropped', 'Dropping events: 1,204 in the last 5 min'),
  top('system', 'folded', '2,311 times a name was counted as “other”'),
  shot('system', 'restarted', 'What was counted before this start is being read'),
  top('system', 'unpriced', 'Calls without a known price, in no cost figure: 4,154'),
  top('system', 'login', 'Login needed: the session of this browser has ended.'),
  top('system', 'polling', 'polling · 2 s old · next attempt in 21 s'),
  pending('system', 'disconnected', '47 s old · next attempt in 8 s'),
];

const OF_ONE_PAGE: readonly Shot[] = [
  top('rag', 'failing', 'The question took longer than 10 s.'),
  top('llm', 'unpriced', 'claude-sonnet-4-5'),
  top('llm', 'young', 'since the first row: 22 Nov 2026, 15:02:50'),
  top('websocket', 'young', 'rag-app · web-1 · 4211'),
  used('llm', 'compare', { path: '/admin/llm?fixture=busy&compare=1', shows: 'before: $183.65' }),
  {
    ...shot('api', 'route', 'Requests by status'),
    path: '/admin/api?fixture=busy&route=%2Fapi%2Fask',
  },
  used('events', 'trace', {
    path: `/admin/events?fixture=busy&signal=llm-call&trace=${TRACE}&item=${EVENT}`,
    shows: '8 items in 1,520 ms',
  }),
  used('events', 'long-trace', {
    path: `/admin/events?fixture=busy&trace=${'b'.repeat(32)}`,
    shows: 'There are more: the 2,000 that began first are shown.',
  }),
  used('events', 'no-trace', {
    path: `/admin/events?fixture=busy&trace=${'0'.repeat(32)}`,
    shows: 'Nothing of this trace is stored',
  }),
  used('events', 'event', {
    path: `/admin/events?fixture=busy&signal=llm-call&event=${EVENT}`,
    shows: EVENT,
  }),
  used('alerts', 'form', { prepare: openAlertForm, shows: 'At least so many events' }),
  used('rag', 'table', { prepare: openFirstTable, shows: 'vector search' }),
  used('system', 'menu', { prepare: openMenu, shows: 'Nerve Center' }),
  used('system', 'monitor', { prepare: openMonitor, shows: 'Restarts seen' }),
  { ...shot('system', 'kiosk', '1,204,881'), path: '/admin/system?fixture=busy&kiosk' },
  { ...top('login', 'empty', 'Token'), path: '/login' },
  { ...top('login', 'refused', 'This is not the token.'), path: '/login', prepare: logInWrong },
  used('nowhere', 'busy', { shows: 'There is no page at this address.' }),
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
  // The navigation has the first of these links.
  await page.getByRole('link', { name: 'System Health' }).nth(1).waitFor();
}

async function openMonitor(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Show State Monitor' }).click();
}

async function logInWrong(page: Page): Promise<void> {
  await page.getByLabel('Token').fill('not-the-token');
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByText('This is not the token').waitFor();
}

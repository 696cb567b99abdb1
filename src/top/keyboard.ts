/** What the person at the keyboard has chosen. */
export interface View {
  readonly page: number;
  readonly routeOrder: number;
  readonly modelOrder: number;
  /** Lines scrolled away at the top of the page's body. */
  readonly scroll: number;
  readonly paused: boolean;
  readonly help: boolean;
}

export const PAGES = ['Overview', 'API', 'RAG', 'LLM', 'System'] as const;
export const ROUTE_ORDERS = ['requests', 'p95', 'errors', 'name'] as const;
export const MODEL_ORDERS = ['cost', 'calls', 'p95', 'errors', 'name'] as const;

export const FIRST_VIEW: View = {
  page: 0,
  routeOrder: 0,
  modelOrder: 0,
  scroll: 0,
  paused: false,
  help: false,
};

/** What the keys do, for the help and in its order. */
export const KEYS: readonly (readonly [keys: string, meaning: string])[] = [
  ['1 … 5', PAGES.join(', ')],
  ['Tab, Shift-Tab', 'next page, page before'],
  ['↑ ↓, PgUp PgDn', 'scroll a page that is longer than the terminal'],
  ['s', `order of routes (${ROUTE_ORDERS.join(', ')}) and on page 4 of models (${MODEL_ORDERS.join(', ')})`],
  ['p', 'hold the picture, or let it go on'],
  ['r', 'try to connect now'],
  ['?', 'this help; any key closes it'],
  ['q, Ctrl-C', 'quit'],
];

export type KeyEffect =
  | { readonly kind: 'view'; readonly view: View }
  | { readonly kind: 'quit' }
  | { readonly kind: 'suspend' }
  | { readonly kind: 'reconnect' };

const SCROLL_PAGE_LINES = 10;
const LLM_PAGE = PAGES.indexOf('LLM');
/** More at once is a paste, not typing. */
const KEYS_PER_CHUNK_MAX = 32;
/** What terminals send for special keys begins with it. */
const ESC = '\u001b';
const KEY = new RegExp(`${ESC}\\[[\\d;]*[A-Za-z~]|${ESC}O[A-Z]|.`, 'gsu');

/** The single keys in what came from the terminal. */
export function keysIn(input: string): readonly string[] {
  return (input.slice(0, KEYS_PER_CHUNK_MAX * 4).match(KEY) ?? []).slice(0, KEYS_PER_CHUNK_MAX);
}

/** What one key does. `scrollMax` is how far the page can be scrolled. */
export function pressed(view: View, key: string, scrollMax: number): KeyEffect {
  if (key === 'q' || key === 'Q' || key === '\x03') return { kind: 'quit' };
  if (key === '\x1a') return { kind: 'suspend' };
  if (view.help) return changed(view, { help: false });
  if (key === 'r') return { kind: 'reconnect' };
  return changed(view, changesOf(view, key, scrollMax));
}

function changed(view: View, changes: Partial<View>): KeyEffect {
  return { kind: 'view', view: { ...view, ...changes } };
}

function changesOf(view: View, key: string, scrollMax: number): Partial<View> {
  const scrolled = (lines: number) => ({ scroll: Math.min(Math.max(view.scroll + lines, 0), scrollMax) });
  const turned = (step: number) => ({ page: (view.page + step + PAGES.length) % PAGES.length, scroll: 0 });
  if (/^[1-5]$/.test(key)) return { page: Number(key) - 1, scroll: 0 };
  if (key === '\t' || key === '\x1b[C') return turned(1);
  if (key === '\x1b[Z' || key === '\x1b[D') return turned(-1);
  if (key === '\x1b[A' || key === 'k') return scrolled(-1);
  if (key === '\x1b[B' || key === 'j') return scrolled(1);
  if (key === '\x1b[5~') return scrolled(-SCROLL_PAGE_LINES);
  if (key === '\x1b[6~' || key === ' ') return scrolled(SCROLL_PAGE_LINES);
  if (key === 's') return nextOrder(view);
  if (key === 'p') return { paused: !view.paused };
  return key === '?' || key === 'h' ? { help: true } : {};
}

function nextOrder(view: View): Partial<View> {
  return view.page === LLM_PAGE
    ? { modelOrder: (view.modelOrder + 1) % MODEL_ORDERS.length }
    : { routeOrder: (view.routeOrder + 1) % ROUTE_ORDERS.length };
}

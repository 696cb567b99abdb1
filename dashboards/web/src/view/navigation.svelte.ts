import type { PageEntry } from './page.ts';
import { presetOf, type Range } from './range.ts';
import { keptSearch, readView, type View, writeView } from './view.ts';

const BASE = '/admin';
const DEFAULT_RANGE = presetOf('live').id;

/** The address as runes: which page is shown and how. Needs no server: the History API moves it. */
export class Navigation {
  readonly pages: readonly PageEntry[];
  #url: URL;
  /** `null`: there is no such page. */
  readonly page: PageEntry | null = $derived.by(() => this.#pageAt(this.#url.pathname));
  readonly view: View = $derived.by(() => readView(this.#url.searchParams, this.#defaultRange()));
  /** How many times another page was gone to; the shell moves the focus by it. */
  arrivals = $state(0);

  constructor(pages: readonly PageEntry[]) {
    this.pages = pages;
    this.#url = $state.raw(new URL(location.href));
  }

  /** Follows the browser's buttons and the links of the page; the function it returns stops that. */
  start(): () => void {
    const follow = () => this.#arrive(new URL(location.href));
    const click = (event: MouseEvent) => this.#click(event);
    addEventListener('popstate', follow);
    document.addEventListener('click', click);
    return () => {
      removeEventListener('popstate', follow);
      document.removeEventListener('click', click);
    };
  }

  /** The address of a page, with the range, zone and kiosk mode of this one. */
  hrefOf(page: PageEntry, changes: Partial<View> = {}): string {
    const search = new URLSearchParams(keptSearch(this.#url.searchParams));
    const view = { ...readView(search, page.range), ...changes };
    return withSearch(page.path, writeView(view, page.range));
  }

  /** The address of this page, shown another way. */
  hrefWith(changes: Partial<View>): string {
    return withSearch(this.#url.pathname, writeView({ ...this.view, ...changes }, this.#defaultRange()));
  }

  /** Shows this page another way. A step that the back button undoes, unless it `replace`s the last. */
  show(changes: Partial<View>, how: 'push' | 'replace' = 'push'): void {
    const next = new URL(this.hrefWith(changes), this.#url);
    if (next.href === this.#url.href) return;
    if (how === 'push') history.pushState({ zoomed: false }, '', next);
    else history.replaceState(history.state, '', next);
    this.#url = next;
  }

  /** Sets one of the page's own parameters; `null` takes it away. */
  setOwn(name: string, value: string | null, how: 'push' | 'replace' = 'push'): void {
    const { [name]: _old, ...others } = this.view.own;
    this.show({ own: value === null ? others : { ...others, [name]: value } }, how);
  }

  /** A stretch that was dragged over a chart: `zoomOut` leads back. */
  zoom(range: Range): void {
    this.show({ range });
    history.replaceState({ zoomed: true }, '');
  }

  /** Back to before the last zoom, or to the range the page opens with. */
  zoomOut(): void {
    const state: unknown = history.state;
    const zoomed = typeof state === 'object' && state !== null && 'zoomed' in state && state.zoomed === true;
    if (zoomed) history.back();
    else if (this.view.range.kind === 'between')
      this.show({ range: { kind: 'last', id: this.#defaultRange() } });
  }

  /** Goes to an address of the dashboard. */
  goTo(href: string): void {
    const next = new URL(href, this.#url);
    if (next.href !== this.#url.href) history.pushState({ zoomed: false }, '', next);
    this.#arrive(next);
    scrollTo(0, 0);
  }

  #arrive(next: URL): void {
    const isOther = next.pathname !== this.#url.pathname;
    this.#url = next;
    if (isOther) this.arrivals++;
  }

  #click(event: MouseEvent): void {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.target instanceof Element ? event.target.closest('a') : null;
    if (link === null || link.target !== '' || link.hasAttribute('download')) return;
    const url = new URL(link.href, this.#url);
    const isOurs = url.origin === this.#url.origin && this.#pageAt(url.pathname) !== null;
    // A link into the page itself is the browser's.
    if (
      !isOurs ||
      link.hasAttribute('data-reload') ||
      (url.hash !== '' && url.pathname === this.#url.pathname)
    )
      return;
    event.preventDefault();
    this.goTo(url.href);
  }

  #pageAt(pathname: string): PageEntry | null {
    const path = pathname.replace(/\/+$/, '');
    if (path === BASE) return this.pages[0] ?? null;
    return this.pages.find((page) => page.path === path) ?? null;
  }

  #defaultRange() {
    return this.page?.range ?? DEFAULT_RANGE;
  }
}

function withSearch(pathname: string, search: string): string {
  return search === '' ? pathname : `${pathname}?${search}`;
}

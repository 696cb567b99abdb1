import { ABORTED } from '../../core/llm/labels.ts';
import { UNFINISHED } from '../../core/signals/request.ts';
import { MINUTE_MS, type Milliseconds, milliseconds } from '../../core/units.ts';
import type { Agent } from '../instrumentation.ts';
import type { WireEnding, WireExchange, WireObserver, WireRequest } from './exchange.ts';

/** Exchanges followed at the same time; at the bound the oldest is closed with what is known of it. */
export const EXCHANGES_MAX = 2000;
/** An exchange on which nothing happens for so long was left behind by the app (undici itself gives up after 5 minutes). */
const IDLE_MAX_MS = 10 * MINUTE_MS;

const ABANDONED: WireEnding = { outcome: 'aborted', errorType: 'abandoned' };
const STOPPED: WireEnding = { outcome: 'aborted', errorType: ABORTED };
const PROCESS_ENDED: WireEnding = { outcome: 'aborted', errorType: UNFINISHED };

/** What one observer wants to see of an exchange. */
interface View {
  readonly observer: WireObserver;
  readonly exchange: WireExchange;
}

/** What the exchanges of one hub share with it. */
interface Shelf {
  readonly open: Set<FollowedExchange>;
  unreadable(error: unknown): void;
}

/**
 * One exchange as its source sees it. Everything is passed on to whoever observes it; nothing here throws, and after its
 * end, or after it was closed by age, nothing happens any more.
 */
export class FollowedExchange {
  readonly #shelf: Shelf;
  #views: readonly View[];

  constructor(shelf: Shelf, views: readonly View[]) {
    this.#shelf = shelf;
    this.#views = views;
    shelf.open.add(this);
  }

  /** Whether nobody looks any more: it came to its end or was closed. */
  get closed(): boolean {
    return this.#views.length === 0;
  }

  get activeMs(): Milliseconds {
    return milliseconds(Math.max(...this.#views.map(({ exchange }) => exchange.activeMs)));
  }

  /** Runs what looks at the app's objects; a mistake there must not become the app's. */
  guarded(look: () => void): void {
    try {
      look();
    } catch (error) {
      this.#shelf.unreadable(error);
    }
  }

  // What comes with every call makes no closure: each is a function more that is cold between the app's own work.

  sent(chunk: Buffer): void {
    for (const { exchange } of this.#views) {
      try {
        exchange.sent(chunk);
      } catch (error) {
        this.#shelf.unreadable(error);
      }
    }
  }

  headers(statusCode: number, header: (name: string) => string | null): void {
    for (const { exchange } of this.#views) {
      try {
        exchange.headers(statusCode, header);
      } catch (error) {
        this.#shelf.unreadable(error);
      }
    }
  }

  /** Comes hundreds of times per stream: no iterator is made for it either. */
  received(chunk: Buffer): void {
    const views = this.#views;
    try {
      for (let i = 0; i < views.length; i++) views[i]?.exchange.received(chunk);
    } catch (error) {
      this.#shelf.unreadable(error);
    }
  }

  /** The last byte of the response came. */
  completed(): void {
    for (const { exchange } of this.#close()) {
      try {
        exchange.completed();
      } catch (error) {
        this.#shelf.unreadable(error);
      }
    }
  }

  /** It ended before the last byte of the response. */
  failed(ending: WireEnding): void {
    this.#fail(this.#close(), ending);
  }

  /** One observer stops; the others go on. */
  leave(observer: WireObserver): void {
    const mine = this.#views.filter((view) => view.observer === observer);
    this.#views = this.#views.filter((view) => view.observer !== observer);
    if (this.closed) this.#shelf.open.delete(this);
    this.#fail(mine, STOPPED);
  }

  #close(): readonly View[] {
    const views = this.#views;
    this.#views = [];
    this.#shelf.open.delete(this);
    return views;
  }

  #fail(views: readonly View[], ending: WireEnding): void {
    for (const { exchange } of views) this.guarded(() => exchange.failed(ending));
  }
}

/** Where the sources, one per HTTP client, meet those who want to see requests: the table of open exchanges. */
export class WireHub {
  readonly #agent: Agent;
  readonly #shelf: Shelf;
  #observers: readonly WireObserver[] = [];

  constructor(agent: Agent) {
    this.#agent = agent;
    this.#shelf = { open: new Set(), unreadable: (error) => this.unreadable(error) };
  }

  get observed(): boolean {
    return this.#observers.length > 0;
  }

  /** Exchanges followed now, at most 2,000. */
  get size(): number {
    return this.#shelf.open.size;
  }

  add(observer: WireObserver): void {
    this.#observers = [...this.#observers, observer];
  }

  /** The observer sees its open exchanges end and nothing afterwards. */
  remove(observer: WireObserver): void {
    this.#observers = this.#observers.filter((other) => other !== observer);
    for (const exchange of [...this.#shelf.open]) exchange.leave(observer);
  }

  /** The process ends: what is open comes to no other end. */
  end(): void {
    for (const exchange of [...this.#shelf.open]) exchange.failed(PROCESS_ENDED);
  }

  /** Called for every request the app makes, before anything of it is touched: `undefined` when nobody is interested. */
  open(request: WireRequest): FollowedExchange | undefined {
    const views = this.#interested(request);
    if (views === undefined) return undefined;
    this.#makeRoom();
    return new FollowedExchange(this.#shelf, views);
  }

  /** Closes what the app left behind. */
  sweep(): void {
    const oldestMs = this.#agent.clock.monotonicMs() - IDLE_MAX_MS;
    for (const exchange of this.#shelf.open) if (exchange.activeMs < oldestMs) exchange.failed(ABANDONED);
  }

  /** Says once that an exchange could not be followed; the app never hears of it. */
  unreadable(error: unknown): void {
    this.#agent.failed('wire:internal', 'a request could not be followed', error);
  }

  #interested(request: WireRequest): View[] | undefined {
    let views: View[] | undefined;
    for (const observer of this.#observers) {
      const exchange = observer.open(request);
      if (exchange === null) continue;
      views ??= [];
      views.push({ observer, exchange });
    }
    return views;
  }

  #makeRoom(): void {
    if (this.#shelf.open.size < EXCHANGES_MAX) return;
    const [oldest] = this.#shelf.open;
    this.#agent.gaveUp('exchanges_full');
    this.#agent.warnOnce(
      'wire:exchanges-max',
      `more than ${EXCHANGES_MAX} observed calls at once: the oldest are recorded as abandoned before they end`,
    );
    oldest?.failed(ABANDONED);
  }
}

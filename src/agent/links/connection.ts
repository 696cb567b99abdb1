import type { Config } from '../../config/config.ts';
import { backoffMs } from '../../core/backoff.ts';
import { describeError, NervecenterError } from '../../core/errors.ts';
import type { AgentMessage, CollectorMessage, Source } from '../../core/frame.ts';
import { rendezvousPath } from '../../link/rendezvous.ts';
import type { CollectorLink, LinkEvents } from './link.ts';
import { connectSocketLink } from './socket-link.ts';
import { startWorkerLink } from './worker-link.ts';

/** A collector that went away may be restarting; many agents must not come back in the same instant. */
const RECONNECT = { firstMs: 100, ceilingMs: 30_000 };
/** To look whether another process collects costs next to nothing, and what waits here meanwhile is bounded. */
const LOOK_INTERVAL_MS = 1000;
/** A link that held for so long is followed by a quick attempt again; one that breaks at once must not be. */
const STEADY_MS = 10_000;
/**
 * A taken port is worth a word only when it stays taken: processes that start together race for it, and a collector that
 * stops holds it while it stores its last rows. So many attempts take some three seconds.
 */
const PORT_TAKEN_ATTEMPTS = 5;
const ASKS_MAX = 100;
const ASK_TIMEOUT_MS = 5000;

interface ConnectionOptions {
  readonly config: Config;
  /** Who sends, as far as it is known by now. */
  readonly source: () => Source;
  readonly env: NodeJS.ProcessEnv;
  readonly say: (line: string) => void;
  /** A batch is the collector's now. */
  readonly onAccepted: (batch: number) => void;
  /** A collector is there and takes what is sent. */
  readonly onOpen: () => void;
  readonly onLost: () => void;
}

/**
 * The agent's connection to a collector: the one of another process that holds the port, else one hosted here in a
 * worker thread. When it is lost, another is looked for, for as long as the app lives.
 */
export class Connection {
  readonly #options: ConnectionOptions;
  readonly #asks = new Map<number, (value: unknown) => void>();
  #link: CollectorLink | null = null;
  /** When the collector said welcome; `null` until it does: it may yet find that it cannot start. */
  #welcomedMs: number | null = null;
  /** Counts links, so that what a lost one still says is not taken for the word of its successor. */
  #links = 0;
  #nextAsk = 1;
  #failures = 0;
  /** In a row, with no collector in between. */
  #portTaken = 0;
  /** Until then others' collectors are joined and none is hosted here. */
  #hostAtMs = Number.NEGATIVE_INFINITY;
  #saidNotice = '';
  #closed = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  get isOpen(): boolean {
    return this.#welcomedMs !== null;
  }

  /** Joins a collector, or hosts one. Idempotent; never rejects. */
  async open(): Promise<void> {
    if (this.#link !== null || this.#closed) return;
    try {
      const joined = await this.#join();
      if (joined === null && performance.now() < this.#hostAtMs) {
        this.#lookLater();
        return;
      }
      const link = joined ?? this.#host();
      this.#link = link;
      if (this.#closed) this.close();
      else link?.send({ type: 'hello', source: this.#options.source() });
    } catch (error) {
      this.#sayOnce(`the collector cannot be started: ${describeError(error)}`);
      this.#retryLater();
    }
  }

  /** Lost when there is no link: the caller keeps what must not be lost. */
  send(message: AgentMessage): void {
    this.#link?.send(message);
  }

  /**
   * Asks the collector something only it knows.
   *
   * @throws NervecenterError `NC_UNAVAILABLE` when no collector answers within 5 s.
   */
  ask(what: 'snapshot' | 'health'): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const refuse = () =>
        reject(
          new NervecenterError(
            'NC_UNAVAILABLE',
            `No collector answered. Ask again once nervecenter has started.`,
          ),
        );
      if (this.#link === null || this.#asks.size >= ASKS_MAX) {
        refuse();
        return;
      }
      const ask = this.#nextAsk++;
      const timer = setTimeout(() => {
        this.#asks.delete(ask);
        refuse();
      }, ASK_TIMEOUT_MS);
      this.#asks.set(ask, (value) => {
        clearTimeout(timer);
        resolve(value);
      });
      this.#link.send({ type: 'ask', ask, what });
    });
  }

  /** See `CollectorLink.flushSync`. Nothing can be sent afterwards. */
  flushSync(messages: readonly AgentMessage[], deadlineMs: number): void {
    this.#closed = true;
    this.#link?.flushSync(messages, deadlineMs);
    this.#link = null;
    this.#welcomedMs = null;
  }

  close(): void {
    this.#closed = true;
    this.#link?.close();
    this.#link = null;
    this.#welcomedMs = null;
  }

  async #join(): Promise<CollectorLink | null> {
    const { local, port } = this.#options.config;
    // Who only sends does it alone: whoever has the port sends elsewhere, or nowhere.
    const path = local === 'on' ? rendezvousPath(port) : null;
    return path === null ? null : connectSocketLink(path, this.#events());
  }

  #host(): CollectorLink | null {
    const { config, source, env } = this.#options;
    return this.#closed ? null : startWorkerLink({ config, source: source(), env, ...this.#events() });
  }

  #events(): LinkEvents {
    const link = ++this.#links;
    return {
      onMessage: (message) => {
        if (link === this.#links) this.#received(message);
      },
      onClose: (error) => {
        if (link === this.#links) this.#lost(error);
      },
    };
  }

  #received(message: CollectorMessage): void {
    switch (message.type) {
      case 'welcome':
        this.#welcomedMs = performance.now();
        this.#portTaken = 0;
        this.#options.onOpen();
        break;
      case 'accepted':
        this.#options.onAccepted(message.batch);
        break;
      case 'answer':
        this.#asks.get(message.ask)?.(message.value);
        this.#asks.delete(message.ask);
        break;
      case 'started':
        this.#saidNotice = '';
        this.#options.say(message.notice);
        break;
      case 'failed':
        if (!message.portTaken || ++this.#portTaken >= PORT_TAKEN_ATTEMPTS) this.#sayOnce(message.notice);
        this.#link?.close();
        this.#lost();
        break;
    }
  }

  #sayOnce(notice: string): void {
    if (notice === this.#saidNotice) return;
    this.#saidNotice = notice;
    this.#options.say(`[nervecenter] ${notice}\n`);
  }

  #lost(error?: unknown): void {
    if (this.#link === null || this.#closed) return;
    if (error !== undefined)
      this.#sayOnce(`the collector broke and is started again: ${describeError(error)}`);
    if (this.#welcomedMs !== null && performance.now() - this.#welcomedMs >= STEADY_MS) this.#failures = 0;
    this.#link = null;
    this.#welcomedMs = null;
    this.#options.onLost();
    this.#retryLater();
  }

  #retryLater(): void {
    this.#hostAtMs = performance.now() + backoffMs(++this.#failures, Math.random(), RECONNECT);
    this.#lookLater();
  }

  #lookLater(): void {
    const delayMs = Math.min(LOOK_INTERVAL_MS, Math.max(0, this.#hostAtMs - performance.now()));
    setTimeout(() => void this.open(), delayMs).unref();
  }
}

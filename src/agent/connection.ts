import type { Config } from '../config.ts';
import type { AgentMessage, CollectorMessage, Source } from '../core/frame.ts';
import { NervecenterError } from '../errors.ts';
import { rendezvousPath } from '../link/rendezvous.ts';
import type { CollectorLink, LinkEvents } from './links/link.ts';
import { connectSocketLink } from './links/socket-link.ts';
import { startWorkerLink } from './links/worker-link.ts';

/** A collector that went away may be restarting; many agents must not come back in the same instant. */
const RECONNECT_MS_MIN = 100;
const RECONNECT_MS_MAX = 30_000;
const ASKS_MAX = 100;
const ASK_TIMEOUT_MS = 5000;

interface ConnectionOptions {
  readonly config: Config;
  readonly source: Source;
  readonly env: NodeJS.ProcessEnv;
  readonly say: (line: string) => void;
  /** A batch is the collector's now. */
  readonly onAccepted: (batch: number) => void;
  /** A link is open: it knows nothing yet. */
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
  #nextAsk = 1;
  #failures = 0;
  #refusedPort = false;
  #closed = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  get isOpen(): boolean {
    return this.#link !== null;
  }

  /** Joins a collector, or hosts one. Idempotent; never rejects. */
  async open(): Promise<void> {
    if (this.#link !== null || this.#closed) return;
    const joined = await this.#join();
    if (!joined && !this.#closed) this.#host();
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
  }

  close(): void {
    this.#closed = true;
    this.#link?.close();
    this.#link = null;
  }

  async #join(): Promise<boolean> {
    const path = rendezvousPath(this.#options.config.port);
    if (path === null) return false;
    const link = await connectSocketLink(path, this.#events());
    if (link === null) return false;
    if (this.#closed) link.close();
    else this.#opened(link);
    return true;
  }

  #host(): void {
    const { config, source, env } = this.#options;
    this.#opened(startWorkerLink({ config, source, env, ...this.#events() }));
  }

  #opened(link: CollectorLink): void {
    this.#link = link;
    link.send({ type: 'hello', source: this.#options.source });
    this.#options.onOpen();
  }

  #events(): LinkEvents {
    return { onMessage: (message) => this.#received(message), onClose: () => this.#lost() };
  }

  #received(message: CollectorMessage): void {
    switch (message.type) {
      case 'accepted':
        this.#failures = 0;
        this.#options.onAccepted(message.batch);
        break;
      case 'answer':
        this.#asks.get(message.ask)?.(message.value);
        this.#asks.delete(message.ask);
        break;
      case 'started':
        this.#refusedPort = false;
        this.#options.say(message.notice);
        break;
      case 'failed':
        // Two processes that start together race for the port; the loser finds the winner's socket at the next attempt.
        if (!message.portTaken || this.#failures > 0) this.#sayOnce(message.notice);
        this.#link?.close();
        this.#lost();
        break;
    }
  }

  #sayOnce(notice: string): void {
    if (this.#refusedPort) return;
    this.#refusedPort = true;
    this.#options.say(`[nervecenter] ${notice}\n`);
  }

  #lost(): void {
    if (this.#link === null || this.#closed) return;
    this.#link = null;
    this.#options.onLost();
    const delay = Math.min(RECONNECT_MS_MAX, RECONNECT_MS_MIN * 2 ** this.#failures++);
    setTimeout(() => void this.open(), delay * (0.5 + Math.random() / 2)).unref();
  }
}

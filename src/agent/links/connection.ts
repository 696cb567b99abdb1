import { AsyncLocalStorage } from 'node:async_hooks';
import type { Config } from '../../config/config.ts';
import { leavingOf } from '../../config/place.ts';
import { describeError, NervecenterError } from '../../core/errors.ts';
import type { AgentMessage, CollectorMessage, Source } from '../../core/frame.ts';
import type { Place } from '../../core/place.ts';
import type { RingWriter } from '../../link/ring/ring-writer.ts';
import { Asks } from './asks.ts';
import { Hosting } from './hosting.ts';
import type { CollectorLink, LinkEvents } from './link.ts';
import { type Found, lookForCollector } from './look.ts';
import { sendingPieces } from './piece-sender.ts';
import { isSibling, joinedLine, ownDashboardLine } from './sharing-lines.ts';
import { startWorkerLink } from './worker-link.ts';

/** To look whether another process collects costs next to nothing, and what waits here meanwhile is bounded. */
const LOOK_INTERVAL_MS = 1000;
/**
 * A taken port is worth a word only when it stays taken: processes that start together race for it, and a collector that
 * stops holds it while it stores its last rows. So many attempts take some three seconds.
 */
const PORT_TAKEN_ATTEMPTS = 5;
/** A collector that runs alone listens as soon as the one it takes over from has stored its rows. */
const HAND_OVER_MS = 10_000;
/** It is restarted by somebody; who has no place of its own for rows waits for it. */
const RESTART_MS = 30_000;

export interface ConnectionOptions {
  readonly config: Config;
  readonly source: Source;
  readonly place: Place;
  readonly env: NodeJS.ProcessEnv;
  readonly say: (line: string) => void;
  /** What is to be handed over. */
  readonly ring: RingWriter;
  /** A collector is there and takes what is sent. @param awaitsNext it waits for a frame as long as the one before says. */
  readonly onOpen: (awaitsNext: boolean) => void;
  /** Who started the app was told where the dashboard is that is hosted here. */
  readonly onNotice: () => void;
}

/** What an agent has to do with a collector, however it comes to it. */
export type AgentConnection = Pick<
  Connection,
  'isOpen' | 'open' | 'join' | 'send' | 'handOver' | 'ask' | 'flushSync' | 'close'
>;

/**
 * The agent's connection to a collector: the one of another process that holds the port, else one hosted here in a
 * worker thread. When it is lost, another is looked for, for as long as the app lives.
 */
export class Connection {
  readonly #options: ConnectionOptions;
  readonly #asks = new Asks();
  #link: CollectorLink | null = null;
  /** When the collector said welcome; `null` until it does: it may yet find that it cannot start. */
  #welcomedMs: number | null = null;
  /** Counts links, so that what a lost one still says is not taken for the word of its successor. */
  #links = 0;
  readonly #hosting = new Hosting();
  /** There is something to record: where nobody collects, a collector is hosted here. */
  #awake = false;
  /** In a row, with no collector in between. */
  #portTaken = 0;
  /** Ports at which none could be hosted, other than the configured one. */
  readonly #taken = new Set<number>();
  #hostedPort: number | null = null;
  readonly #notices: Notices;
  /** What goes on here belongs to no request of the app. */
  readonly #outside = AsyncLocalStorage.snapshot();
  #looking: Promise<void> = Promise.resolve();
  /** What was joined runs alone, and rows have no other place. */
  #restarts = false;
  #closed = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#notices = new Notices(options.say);
  }

  get isOpen(): boolean {
    return this.#welcomedMs !== null;
  }

  /** Joins a collector, or hosts one, from now on whenever there is none. Idempotent; never rejects. */
  open(): Promise<void> {
    this.#awake = true;
    return this.join();
  }

  /** Joins a collector that is there already. One look at a time: of two, each would find its own. Never rejects. */
  join(): Promise<void> {
    const look = async () => {
      if (this.#link !== null || this.#closed) return;
      try {
        this.#openBy(await collectorFor(this.#options, this.#taken, () => this.#events()));
        if (this.#closed) this.close();
      } catch (error) {
        this.#options.ring.unshare(); // With a thread that was never there.
        this.#notices.say(`the collector cannot be started: ${describeError(error)}`);
        this.#retryLater(0);
      }
    };
    this.#looking = this.#outside(() => this.#looking.then(look));
    return this.#looking;
  }

  #openBy(found: Found): void {
    const leftMs = this.#hosting.leftMs(found.refusal !== null);
    if (found.joined !== null) this.#joined(found.joined);
    else if (this.#awake && leftMs === 0) this.#host(found);
    else if (this.#awake || this.#hosting.begun) this.#lookLater(leftMs);
  }

  /** Lost when there is no link: the caller keeps what must not be lost. */
  send(message: AgentMessage): void {
    this.#link?.send(message);
  }

  /** See `CollectorLink.handOver`. */
  handOver(): void {
    if (this.isOpen) this.#link?.handOver();
  }

  /**
   * Asks the collector something only it knows.
   *
   * @throws NervecenterError `NC_UNAVAILABLE` when no collector answers within 5 s.
   */
  ask(what: 'snapshot' | 'health'): Promise<unknown> {
    const link = this.#link;
    return this.#asks.ask(what, link && ((message) => link.send(message)));
  }

  /**
   * See `CollectorLink.flushSync`. Events without a collector are left in the spool, where there is one. Nothing can be sent
   * afterwards.
   */
  flushSync(messages: readonly AgentMessage[], deadlineMs: number): void {
    const told = this.#options.ring.unaccepted().length > 0;
    if (this.#link === null && !this.#closed && told && keepsAnything(this.#options.config))
      this.#link = startHosted(this.#options, { port: 0, spoolOnly: true }, this.#events());
    this.#closed = true;
    const problem = this.#link?.flushSync(messages, deadlineMs) ?? '';
    if (problem !== '') this.#notices.say(problem);
    this.#link = null;
    this.#welcomedMs = null;
  }

  close(): void {
    this.#closed = true;
    this.#link?.close();
    this.#link = null;
    this.#welcomedMs = null;
  }

  #joined({ link, holder, takesBytes, awaitsNext }: NonNullable<Found['joined']>): void {
    const { config, source, ring } = this.#options;
    this.#link = sendingPieces(link, ring, takesBytes);
    if (holder !== undefined && !isSibling(holder, source)) this.#notices.say(joinedLine(holder));
    this.#restarts = holder?.alone === true && !config.storageChosen;
    this.#welcomed(awaitsNext);
  }

  /** @throws NervecenterError `NC_PORT_TAKEN` when every port that could be taken is. */
  #host({ refusal, freePort }: Found): void {
    if (this.#closed) return;
    const { config } = this.#options;
    if (freePort === null) throw allTaken(config.port);
    if (refusal !== null) this.#notices.say(ownDashboardLine(refusal, config));
    this.#hostedPort = freePort;
    this.#link = startHosted(this.#options, { port: freePort, spoolOnly: false }, this.#events());
  }

  #welcomed(awaitsNext: boolean): void {
    this.#welcomedMs = performance.now();
    this.#portTaken = 0;
    this.#options.onOpen(awaitsNext);
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
        this.#welcomed(message.awaitsNext === true);
        break;
      case 'handing-over':
        // It stores what it has accepted; the rest is for the one that takes over.
        this.#lost();
        this.#hosting.awaits(HAND_OVER_MS);
        break;
      case 'accepted':
        this.#link?.accepted(message.batch);
        break;
      case 'answer':
        this.#asks.answered(message.ask, message.value);
        break;
      case 'started':
        this.#notices.forget();
        this.#options.say(message.notice);
        this.#options.onNotice();
        break;
      case 'failed':
        this.#failed(message);
        break;
    }
  }

  #failed({ notice, portTaken }: Extract<CollectorMessage, { type: 'failed' }>): void {
    const { port } = this.#options.config;
    const movedOn = portTaken && this.#hostedPort !== null && this.#hostedPort !== port;
    if (movedOn) this.#taken.add(this.#hostedPort ?? port);
    else if (!portTaken || ++this.#portTaken >= PORT_TAKEN_ATTEMPTS) this.#notices.say(notice);
    this.#link?.close();
    this.#lost();
  }

  #lost(error?: unknown): void {
    if (this.#link === null || this.#closed) return;
    this.#options.ring.unshare();
    if (error !== undefined)
      this.#notices.say(`the collector broke and is started again: ${describeError(error)}`);
    const heldMs = this.#welcomedMs === null ? 0 : performance.now() - this.#welcomedMs;
    this.#link = null;
    this.#welcomedMs = null;
    this.#retryLater(heldMs);
    if (this.#restarts) this.#hosting.awaits(RESTART_MS);
    this.#restarts = false;
  }

  #retryLater(heldMs: number): void {
    this.#hosting.failed(heldMs);
    this.#lookLater(this.#hosting.leftMs(true));
  }

  #lookLater(leftMs: number): void {
    const delayMs = leftMs === 0 ? LOOK_INTERVAL_MS : Math.min(LOOK_INTERVAL_MS, leftMs);
    setTimeout(() => void this.join(), delayMs).unref();
  }
}

/** Whether what is left for the next collector has a place to be left in. */
function keepsAnything({ local, storage, otlpTargets }: Config): boolean {
  return (local === 'on' && storage === 'on') || otlpTargets.length > 0;
}

/** Who only sends does it alone: whoever has the port sends elsewhere, or nowhere. */
async function collectorFor(
  { config, source, place }: ConnectionOptions,
  taken: ReadonlySet<number>,
  events: () => LinkEvents,
): Promise<Found> {
  const { local, port } = config;
  if (local === 'off') return { joined: null, refusal: null, freePort: port };
  const leaving = leavingOf(config);
  const hello = { type: 'hello', source, place, ...(leaving === null ? {} : { leaving }) } as const;
  return lookForCollector({ port, taken, hello, events });
}

/** @param own `spoolOnly`: nobody looks at it, it only leaves what there is to the next one. */
function startHosted(
  { config, source, place, env, ring }: ConnectionOptions,
  { port, spoolOnly }: { readonly port: number; readonly spoolOnly: boolean },
  events: LinkEvents,
): CollectorLink {
  const link = startWorkerLink({
    config: { ...config, port },
    source,
    place,
    env,
    ring,
    spoolOnly,
    ...events,
  });
  link.send({ type: 'hello', source });
  return link;
}

/** Says what it is given once in a row. */
class Notices {
  readonly #say: (line: string) => void;
  #said = '';

  constructor(say: (line: string) => void) {
    this.#say = say;
  }

  say(notice: string): void {
    if (notice === this.#said) return;
    this.#said = notice;
    this.#say(`[nervecenter] ${notice}\n`);
  }

  forget(): void {
    this.#said = '';
  }
}

function allTaken(port: number): NervecenterError {
  return new NervecenterError(
    'NC_PORT_TAKEN',
    `${port} and the ports after it are taken by dashboards that this app does not share. Set NERVECENTER_PORT to a free port, or to 0 for any.`,
  );
}

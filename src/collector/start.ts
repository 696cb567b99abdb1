import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { Config } from '../config/config.ts';
import { describeError } from '../core/errors.ts';
import type { Point, Source } from '../core/frame.ts';
import { isLasting } from '../core/measured.ts';
import { type NervecenterEvent, SIGNALS, type SignalName } from '../core/signals/index.ts';
import type { PricedLlmCallEvent } from '../core/signals/llm-call.ts';
import type { StorageState } from '../core/snapshot.ts';
import { type Milliseconds, milliseconds, SECOND_MS } from '../core/units.ts';
import { rendezvousPath } from '../link/rendezvous.ts';
import { DeltaMeterProvider } from '../metrics/meter-provider.ts';
import { SnapshotReader } from '../metrics/snapshot-reader.ts';
import { newEventId } from '../platform/ids.ts';
import { packageRoot } from '../platform/paths.ts';
import { ownAdminToken } from './admin-token.ts';
import type { AgentLink } from './agent-link.ts';
import { readAlertFile } from './alerts/file.ts';
import { AlertService } from './alerts/service.ts';
import { EventMeter } from './event-meter.ts';
import { hostMeasure } from './host/measure.ts';
import { createHostSampler } from './host/sampler.ts';
import { Live, type PipelineCounts } from './live/live.ts';
import type { Log } from './log.ts';
import { createPricer, type Pricer } from './pricing/pricer.ts';
import { type AgentHandlers, receiveFrom } from './receivers/agents.ts';
import { SentBatches } from './receivers/sent-batches.ts';
import { listenForAgents, type SocketReceiver } from './receivers/socket.ts';
import { createCollectorServer } from './server/server.ts';
import { createAlertStore } from './sinks/postgres/alert-store.ts';
import { oneAtATime } from './sinks/postgres/connect/lend.ts';
import { createEvents } from './sinks/postgres/history/events.ts';
import { createHistory } from './sinks/postgres/history/history.ts';
import { keepRollups } from './sinks/postgres/rollup/upkeep.ts';
import { Maintenance } from './sinks/postgres/schema/maintenance.ts';
import type { SentBatch } from './sinks/postgres/spool/batch.ts';
import { createStorage, type Storage, type StorageCounts } from './sinks/postgres/storage.ts';
import type { Measuring } from './sinks/postgres/write/held-batch.ts';
import { startNotice } from './start-notice.ts';

const NOTHING_STORED: StorageCounts = {
  accepted: 0,
  stored: 0,
  queued: 0,
  inFlight: 0,
  dropped: {},
  spoolBytes: 0,
};
/** A server that is there tells at once. */
const SENT_AGAIN_PATIENCE_MS = 5 * SECOND_MS;
/** Rows of `system_metrics`: one per gauge and 15 s. */
const SYSTEM_ROWS_INTERVAL_MS = 15 * SECOND_MS;

export interface CollectorOptions {
  readonly config: Config;
  readonly log: Log;
  /** The agent that hosts this collector, `null` when it runs alone. */
  readonly host: Source | null;
}

export interface Collector {
  /** Where the dashboard, the API and the stream are. */
  readonly url: string;
  /** Resolves, once storage was tried for the first time, to what to tell whoever started the collector. */
  readonly ready: Promise<string>;
  /** Serves an agent; `onGoodbye` is called when it says that it leaves. */
  attach(link: AgentLink, onGoodbye?: () => void): void;
  /** Stores what is queued, for at most `deadlineMs`, then stops everything. Idempotent. */
  shutdown(deadlineMs: number): Promise<void>;
}

/**
 * The composition root of the collector: starts its parts in order and stops them in reverse. It serves as soon as it
 * listens; storage starts beside it, and storage that cannot be reached keeps nothing else from working.
 *
 * @throws NervecenterError `NC_PORT_TAKEN` or `NC_CONFIG_INVALID`, with nothing left running.
 */
export async function startCollector({ config, log, host }: CollectorOptions): Promise<Collector> {
  const tokens = config.adminTokens.length > 0 ? config.adminTokens : [ownAdminToken(config.dataDir)];
  const pricer = createPricer({ overridesPath: config.pricesPath, log });
  const sentBatches = new SentBatches();
  const own = new DeltaMeterProvider();
  const reader = new SnapshotReader([own]);
  const meter = new EventMeter();
  const measuring: Measuring = {
    measure: (events) => meter.measure(events),
    show: (points) => live.add(points),
  };
  const storage =
    config.storage === 'on'
      ? createStorage({
          config,
          log,
          measuring,
          onEarlier: (earlier) => {
            live.addEarlier(earlier);
            sentBatches.add(earlier.sent);
            ledger.totals = 'known';
            sentBatches.completed();
          },
        })
      : null;
  const stored = storage && workBesideWriter(storage, config, log);
  const ledger = new EventLedger(storage, measuring, pricer.version);
  const live = new Live({
    service: config.service,
    bootId: randomUUID(),
    windowMs: config.windowMs,
    now: () => milliseconds(Date.now()),
    pipeline: () => ledger.counts(),
  });
  const alerts = createAlerts({ config, log }, live, stored);
  const ticker = new Ticker(live);
  const server = createCollectorServer({
    config,
    adminTokens: tokens,
    sources: {
      snapshot: () => live.snapshot(),
      latestSnapshotJson: () => ticker.latestJson(),
      health: () => live.health(),
      metricFamilies: () => {
        live.add(reader.collectNow());
        return live.metricFamilies();
      },
      alerts,
      ...stored?.sources,
    },
    meter: own.getMeter(),
    assetsDir: join(packageRoot(), 'dist', 'dashboard'),
    log,
  });
  const { url } = await server.start();

  const sampler = createHostSampler({ dataDir: config.dataDir });
  const measureHost = hostMeasure(own.getMeter());
  const refused = refusals(ledger, log);
  const attach = (link: AgentLink, onGoodbye = () => {}) =>
    receiveFrom(link, agentHandlers({ live, ledger, pricer, sentBatches, refused, onGoodbye }));
  const stopTicking = ticker.start({
    intervalMs: config.intervalMs,
    sampleHost: async () => {
      const host = await sampler.sample();
      live.setHost(host);
      measureHost(host);
      live.add(reader.collectNow());
    },
    publish: (json) => server.broadcast(json),
    storeSystem: () => void ledger.offer(systemEvents(live)),
    log,
  });
  const socket = await listenForOthers(config.port, attach, log);
  const storageUsable = tryStorage(storage, ledger, log);
  // What may have been accepted before waits for storage to tell, but not for ever: a server may be down for long.
  const patience = setTimeout(() => sentBatches.completed(), SENT_AGAIN_PATIENCE_MS).unref();
  void storageUsable.then((usable) => {
    if (!usable || storage === null) sentBatches.completed();
  });
  void storageUsable.then(() => alerts.start());

  let stopping: Promise<void> | null = null;
  const stop = async (deadlineMs: number) => {
    stopTicking();
    clearTimeout(patience);
    sentBatches.completed();
    sampler.stop();
    await socket?.shutdown();
    await alerts.stop();
    stored?.stop();
    await storage?.shutdown(deadlineMs);
    await server.shutdown();
  };
  return {
    url,
    ready: storageUsable.then((usable) => startNotice({ config, url, tokens, storage, usable, host })),
    attach,
    shutdown: (deadlineMs) => {
      stopping ??= stop(deadlineMs);
      return stopping;
    },
  };
}

interface HandlerParts {
  readonly live: Live;
  readonly ledger: EventLedger;
  readonly pricer: Pricer;
  readonly sentBatches: SentBatches;
  readonly refused: AgentHandlers['refused'];
  readonly onGoodbye: () => void;
}

/** What a call cost is found here, so that pricing costs the app nothing. */
function withCost(event: NervecenterEvent, pricer: Pricer): NervecenterEvent {
  if (event.signal !== 'llm-call') return event;
  const priced: PricedLlmCallEvent = { ...event, cost: pricer.price(event) };
  return priced;
}

/** Whether storage can be used at all, once it was tried for the first time. */
async function tryStorage(storage: Storage | null, ledger: EventLedger, log: Log): Promise<boolean> {
  try {
    await storage?.start();
    return true;
  } catch (error) {
    log('storage', describeError(error));
    return false;
  } finally {
    ledger.starting = false;
  }
}

/** What reads and tends stored rows: all of it takes turns on the one connection that the writer leaves. */
function workBesideWriter(storage: Storage, config: Config, log: Log) {
  const lend = oneAtATime((work) => storage.lend(work));
  const retentionMs = (signal: SignalName) => config.retentionMs[SIGNALS[signal].retention.key];
  const stopRollups = keepRollups({ lend, now: () => Date.now(), retentionMs }, log);
  const maintenance = new Maintenance({ lend, policy: config, now: () => milliseconds(Date.now()), log });
  maintenance.start();
  return {
    sources: { history: createHistory(lend), events: createEvents(lend) },
    alertStore: createAlertStore(lend),
    stop() {
      stopRollups();
      void maintenance.stop(); // What is under way ends with its connection, which storage closes.
    },
  };
}

/** Thresholds on what is stored and on health. @throws NervecenterError `NC_CONFIG_INVALID` when the file cannot be used. */
function createAlerts(
  { config, log }: Pick<CollectorOptions, 'config' | 'log'>,
  live: Live,
  stored: ReturnType<typeof workBesideWriter> | null,
): AlertService {
  return new AlertService({
    store: stored?.alertStore ?? null,
    history: stored?.sources.history ?? null,
    issues: () => live.health().issues,
    fileRules: readAlertFile(config.alertsPath),
    service: config.service,
    intervalMs: config.intervalMs,
    log,
  });
}

/** Lets the agents of other processes in. Where that cannot be, this one still serves its own. */
async function listenForOthers(
  port: number,
  attach: (link: AgentLink) => void,
  log: Log,
): Promise<SocketReceiver | null> {
  const path = rendezvousPath(port);
  if (path === null) return null;
  return listenForAgents(path, (link) => attach(link)).catch((error: unknown) => {
    log('link', `other processes cannot join this dashboard: ${describeError(error)}`);
    return null;
  });
}

function agentHandlers(parts: HandlerParts): AgentHandlers {
  const { live, ledger, pricer, sentBatches, refused, onGoodbye } = parts;
  return {
    sentBatches,
    join: (source) => live.join(source),
    leave: (instanceId) => live.leave(instanceId),
    frame: (instanceId, { points, dropped }) => {
      ledger.addPoints(points.filter(isLasting));
      live.merge(instanceId, { points: points.filter((point) => !isLasting(point)), dropped });
    },
    events: (events, batch) =>
      ledger.offer(
        events.map((event) => withCost(event, pricer)),
        events[0]?.sender === undefined ? undefined : [events[0].sender.instanceId, batch],
      ),
    refused,
    ask: (what) => (what === 'health' ? live.health() : live.snapshot()),
    goodbye: (instanceId) => {
      live.end(instanceId);
      onGoodbye();
    },
  };
}

/** Counts what agents send in a shape that cannot be used, and says so once per kind. */
function refusals(ledger: EventLedger, log: Log): AgentHandlers['refused'] {
  const said = new Set<string>();
  return (what, count) => {
    if (what === 'events') ledger.refuse(count);
    if (said.has(what)) return;
    said.add(what);
    log('link', `a process sent ${what} that cannot be used (of another version?); they are left out.`);
  };
}

function systemEvents(live: Live): NervecenterEvent[] {
  const timeMs = milliseconds(Date.now());
  return live
    .systemReadings()
    .map((reading) => ({ signal: 'system', id: newEventId(timeMs), timeMs, ...reading }));
}

/** What became of the events, as the pipeline of the snapshot shows it. */
class EventLedger {
  readonly #storage: Storage | null;
  readonly #measuring: Measuring;
  readonly #pricesVersion: string;
  #refused = 0;
  /** Whether what was counted before this start is known; without storage nothing was. */
  totals: 'loading' | 'known';
  /** Storage that is not there yet is no failure: until it was tried once it counts as well. */
  starting: boolean;

  constructor(storage: Storage | null, measuring: Measuring, pricesVersion: string) {
    this.#storage = storage;
    this.#measuring = measuring;
    this.#pricesVersion = pricesVersion;
    this.starting = storage !== null;
    this.totals = storage === null ? 'known' : 'loading';
  }

  /** @param sent whose batch they are, and which. */
  async offer(events: readonly NervecenterEvent[], sent?: SentBatch): Promise<void> {
    if (this.#storage !== null) await this.#storage.offer(events, sent);
    else this.#measuring.show(this.#measuring.measure(events));
  }

  /** What an agent measured itself. */
  addPoints(points: readonly Point[]): void {
    if (this.#storage !== null) this.#storage.addPoints(points);
    else this.#measuring.show(points);
  }

  /** Events that came in a shape nobody can store. */
  refuse(count: number): void {
    this.#refused += count;
  }

  counts(): PipelineCounts {
    const counts = this.#storage?.counts() ?? NOTHING_STORED;
    const storage: StorageState = this.starting ? 'ok' : (this.#storage?.state ?? 'off');
    return {
      offered: counts.accepted + this.#refused,
      events_stored: counts.stored,
      events_queued: counts.queued,
      events_in_flight: counts.inFlight,
      dropped: this.#refused === 0 ? counts.dropped : { ...counts.dropped, malformed: this.#refused },
      durable: this.#storage?.durable ?? true,
      spool_bytes: counts.spoolBytes,
      storage,
      totals: this.totals,
      prices_version: this.#pricesVersion,
    };
  }
}

interface TickOptions {
  readonly intervalMs: Milliseconds;
  readonly sampleHost: () => Promise<void>;
  readonly publish: (snapshotJson: string) => void;
  readonly storeSystem: () => void;
  readonly log: Log;
}

/** Makes a snapshot per interval and serialises it once, whatever the number of viewers. */
class Ticker {
  readonly #live: Live;
  #json: string | null = null;

  constructor(live: Live) {
    this.#live = live;
  }

  latestJson(): string {
    this.#json ??= JSON.stringify(this.#live.snapshot());
    return this.#json;
  }

  /** Ticks until the returned function is called. */
  start({ intervalMs, sampleHost, publish, storeSystem, log }: TickOptions): () => void {
    let sampling = false;
    let lastSystemRowsMs = Number.NEGATIVE_INFINITY;
    const tick = async () => {
      if (sampling) return; // A hanging file system must not pile up samples; the next tick tries again.
      sampling = true;
      try {
        await sampleHost();
        this.#live.tick();
        this.#json = JSON.stringify(this.#live.snapshot());
        publish(this.#json);
        if (performance.now() - lastSystemRowsMs >= SYSTEM_ROWS_INTERVAL_MS - intervalMs / 2) {
          lastSystemRowsMs = performance.now();
          storeSystem();
        }
      } catch (error) {
        log('live', `snapshot failed: ${describeError(error)}`);
      } finally {
        sampling = false;
      }
    };
    void tick();
    const timer = setInterval(() => void tick(), intervalMs);
    return () => clearInterval(timer);
  }
}

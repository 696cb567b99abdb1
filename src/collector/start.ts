import { randomUUID } from 'node:crypto';
import type { Meter } from '@opentelemetry/api';
import type { Config } from '../config/config.ts';
import { placeOf } from '../config/place.ts';
import { describeError } from '../core/errors.ts';
import type { Source } from '../core/frame.ts';
import type { Leaving, Place } from '../core/place.ts';
import { type NervecenterEvent, SIGNALS, type SignalName } from '../core/signals/index.ts';
import { milliseconds, SECOND_MS } from '../core/units.ts';
import { meetingPlace } from '../link/rendezvous.ts';
import { DeltaMeterProvider } from '../metrics/meter-provider.ts';
import { SnapshotReader } from '../metrics/snapshot-reader.ts';
import { newEventId } from '../platform/ids.ts';
import type { AgentLink } from './agent-link.ts';
import { readAlertFile } from './alerts/file.ts';
import { AlertService } from './alerts/service.ts';
import { Condition } from './condition.ts';
import { EventLedger, EventMeter } from './event-ledger.ts';
import { Acceptance, sentOf, startExport } from './exporting.ts';
import { type Accepting, attaching, otlpSink, refusals } from './handlers.ts';
import { hostMeasure } from './host/measure.ts';
import { createHostSampler } from './host/sampler.ts';
import { Live } from './live/live.ts';
import type { Log } from './log.ts';
import { startNotice, stopNotice, toldLogin } from './notices.ts';
import { type OtlpReceiver, type OtlpReceiverOptions, startOtlpReceiver, takesOtlpOverTls } from './otlp.ts';
import { createPricer, type Pricer } from './pricing/pricer.ts';
import { ownResource } from './prometheus/target-info.ts';
import { AgentProcesses } from './receivers/agent-processes.ts';
import { listenWithPrecedence, mayMakeRoom } from './receivers/claim.ts';
import { SentBatches } from './receivers/sent-batches.ts';
import { waitForSentBefore } from './receivers/sent-before.ts';
import { Sharing } from './receivers/sharing.ts';
import { listenForAgents, type SocketReceiver } from './receivers/socket.ts';
import type { CollectorServer } from './server/server.ts';
import { createServing } from './serving.ts';
import type { OtlpExporter } from './sinks/otlp/exporter.ts';
import { createAccessStore } from './sinks/postgres/access-store.ts';
import { createAlertStore } from './sinks/postgres/alert-store.ts';
import { takingTurns } from './sinks/postgres/connect/lend.ts';
import { createEvents } from './sinks/postgres/history/events.ts';
import { createHistory } from './sinks/postgres/history/history.ts';
import { createTraces } from './sinks/postgres/history/traces.ts';
import { createUndecided } from './sinks/postgres/history/undecided.ts';
import { keepRollups } from './sinks/postgres/rollup/upkeep.ts';
import { Maintenance } from './sinks/postgres/schema/maintenance.ts';
import { keepSpansBounded } from './sinks/postgres/schema/span-budget.ts';
import { createStorage, type Storage } from './sinks/postgres/storage.ts';
import type { Earlier } from './sinks/postgres/totals/earlier.ts';
import { keepTotalsBounded } from './sinks/postgres/totals/fold.ts';
import type { Measuring } from './sinks/postgres/write/held-batch.ts';
import { Ticker } from './ticker.ts';
import { TlsIdentity } from './tls/identity.ts';
import { startUserHiding } from './users/hiding.ts';
import { userHidingOf } from './users/otlp-body.ts';
import type { Pseudonyms } from './users/pseudonyms.ts';

/** Of a shutdown's time: most of it is for what waits, once it does no more. */
const SENT_AGAIN_SHARE = 0.3;
/** Likewise: what is under way by then still has to be put back into its spool. */
const EXPORT_SHARE = 0.8;
/** Of an app that only sends. */
const NOTHING_HOSTED = { storage: 'off', port: 0, alertsPath: null } as const;
/** How long it is waited, at a time, for what waits to be stored. */
const SETTLED_MS = 30 * SECOND_MS;

export interface CollectorOptions {
  readonly config: Config;
  readonly log: Log;
  /** The agent that hosts this collector, `null` when it runs alone. */
  readonly host: Source | null;
  /** What those who join have to agree with. @default what the configuration says */
  readonly place?: Place;
  /** A collector that runs alone wants the port. Called once. @default it is not made room for */
  readonly onClaimed?: () => void;
}

export interface Collector {
  /** Where the dashboard, the API and the stream are; empty where none are hosted. */
  readonly url: string;
  /** Resolves, once storage was tried for the first time, to what to tell whoever started the collector. */
  readonly ready: Promise<string>;
  /** Serves an agent; `onGoodbye` is called when it says that it leaves. */
  attach(link: AgentLink, onGoodbye?: () => void): void;
  /** Stores what is queued, for at most `deadlineMs`, then stops everything. Idempotent. */
  shutdown(deadlineMs: number): Promise<void>;
  /** What of its work outlives it and how to see that again, for whoever stopped it; empty where there is nothing to tell. */
  kept(): string;
}

/**
 * The composition root of the collector: starts its parts in order and stops them in reverse. It serves as soon as it
 * listens; storage starts beside it, and storage that cannot be reached keeps nothing else from working. In an app that
 * hosts nothing (`NERVECENTER_LOCAL`) it only sends.
 *
 * @throws NervecenterError `NC_PORT_TAKEN` or `NC_CONFIG_INVALID`, with nothing left running.
 */
export async function startCollector(options: CollectorOptions): Promise<Collector> {
  const { config: asked, log, host } = options;
  const hosted = host === null || asked.local === 'on';
  const config: Config = hosted ? asked : { ...asked, ...NOTHING_HOSTED };
  const files = hosted || takesOtlpOverTls(config) ? config.tls : null;
  const tls = files && new TlsIdentity({ files, log });
  const pricer = createPricer({ overridesPath: config.pricesPath, log });
  const own = new DeltaMeterProvider();
  const meter = own.getMeter();
  const reader = new SnapshotReader([own]);
  const sentBatches = new SentBatches();
  const hiding = await startUserHiding(config, log);
  const users = hiding?.pseudonyms ?? null;
  const { storage, ledger, live, resource } = acceptance({ ...options, config, sentBatches, pricer });
  const stored = storage && workBesideWriter(storage, config, log);
  const alerts = hosted ? createAlerts({ config, log }, live, { stored, users }) : null;
  const ticker = new Ticker(live);
  let exporter: OtlpExporter | null = null;
  const collectOwn = () => {
    const points = reader.collectNow();
    live.add(points);
    exporter?.addPoints(points);
  };
  const shown = { config, live, resource, ticker, stored: stored?.sources, meter, tls, collectOwn, log };
  const serving = alerts && createServing({ ...shown, alerts, shared: stored?.accessStore ?? null });
  const server = serving?.server ?? null;
  const parts = { live, ledger, pricer, sentBatches, users, agents: new AgentProcesses() };
  const doored = { config, tls, log, meter, host, stored: stored?.undecided ?? null, ...parts };
  const doors = await openDoors(server, doored);
  const { url, otlp, accept } = doors;
  exporter = doors.exporter;
  const hostWatch = watchHost({ config, live, own, collectOwn });
  const takeLeft = (leaving: Leaving) => storage?.takeLeft(leaving);
  const sharing = sharingOf(options, doors, server);
  const attach = attaching({ ...parts, accept, exporter, sharing, takeLeft, refused: refusals(ledger, log) });
  const stopTicking = ticker.start({
    intervalMs: config.intervalMs,
    sampleHost: hostWatch.sample,
    publish: (json) => server?.broadcast(json),
    storeSystem: () => void accept.offer(systemEvents(live)),
    log,
  });
  const socket = await listenForOthers(config.port, attach, log);
  const storageUsable = tryStorage(storage, ledger, log);
  const stopWaiting = waitForSentBefore(sentBatches, storage, storageUsable);
  void storageUsable.then(() => alerts?.start());
  const stopAgreeing = hiding?.agree(stored?.lend, storageUsable);
  const began = { stopTicking, hostWatch, otlp, socket, stopWaiting, alerts, serving, stopAgreeing, stored };
  return {
    url,
    ready: storageUsable.then((usable) => startNotice({ config, url, otlp, server, storage, usable, host })),
    attach,
    shutdown: once(stopping({ ...began, accept, storage, exporter, server })),
    kept: () => (hosted ? stopNotice({ counts: ledger.counts(), storage }) : ''),
  };
}

interface Running {
  readonly stopTicking: () => void;
  readonly hostWatch: { stop(): void };
  readonly otlp: Pick<OtlpReceiver, 'shutdown'>;
  readonly socket: Awaited<ReturnType<typeof listenForOthers>>;
  readonly stopWaiting: ReturnType<typeof waitForSentBefore>;
  readonly alerts: ReturnType<typeof createAlerts> | null;
  readonly serving: ReturnType<typeof createServing> | null;
  readonly stopAgreeing: (() => void) | undefined;
  readonly stored: ReturnType<typeof workBesideWriter> | null;
  readonly accept: Acceptance;
  readonly storage: Storage | null;
  readonly exporter: OtlpExporter | null;
  readonly server: CollectorServer | null;
}

/** In the reverse of the order in which they started. */
function stopping(parts: Running): Collector['shutdown'] {
  const { storage, exporter } = parts;
  return async (deadlineMs) => {
    const endsAt = performance.now() + deadlineMs;
    const leftMs = () => Math.max(0, endsAt - performance.now());
    parts.stopTicking();
    parts.hostWatch.stop();
    await parts.otlp.shutdown();
    await parts.socket?.shutdown();
    await parts.stopWaiting(deadlineMs * SENT_AGAIN_SHARE);
    await parts.alerts?.stop();
    parts.serving?.stopKeeping();
    parts.stopAgreeing?.();
    parts.stored?.stop();
    await parts.accept.idle();
    await Promise.all([storage?.shutdown(leftMs()), exporter?.shutdown(leftMs() * EXPORT_SHARE)]);
    await parts.server?.shutdown();
  };
}

function sharingOf(
  { config, host, place = placeOf(config), onClaimed }: CollectorOptions,
  { url, otlp }: { readonly url: string; readonly otlp: OtlpReceiver },
  server: CollectorServer | null,
): Sharing {
  const takesOtlp = otlp.http !== null || otlp.grpc !== null;
  const holder = { service: config.service, pid: process.pid, url, alone: host === null, takesOtlp };
  return new Sharing({ holder, login: () => toldLogin({ config, url, server }), place, onClaimed });
}

/** What was begun is what everybody who asks later waits for. */
function once(stop: (deadlineMs: number) => Promise<void>): Collector['shutdown'] {
  let stopping: Promise<void> | null = null;
  return (deadlineMs) => {
    stopping ??= stop(deadlineMs);
    return stopping;
  };
}

interface AcceptanceParts extends Pick<CollectorOptions, 'config' | 'log'> {
  readonly sentBatches: SentBatches;
  readonly pricer: Pricer;
}

/** Where events are accepted: measured, stored where there is storage, and shown; with what was counted before. */
function acceptance({ config, log, sentBatches, pricer }: AcceptanceParts) {
  const bootId = randomUUID();
  const meter = new EventMeter();
  const measuring: Measuring = {
    measure: (events) => meter.measure(events),
    show: (points) => live.add(points),
  };
  const onEarlier = (earlier: Earlier) => {
    live.addEarlier(earlier);
    sentBatches.add(earlier.sent);
    ledger.totals = 'known';
    sentBatches.completed(true);
  };
  const storage = config.storage === 'on' ? createStorage({ config, log, measuring, onEarlier }) : null;
  const ledger = new EventLedger(storage, measuring, pricer.version);
  if (storage === null) sentBatches.completed(true);
  const live = new Live({
    service: config.service,
    bootId,
    windowMs: config.windowMs,
    now: () => milliseconds(Date.now()),
    pipeline: () => ledger.counts(),
  });
  return { storage, ledger, live, resource: ownResource(config.service, bootId) };
}

interface HostParts {
  readonly config: Config;
  readonly live: Live;
  readonly own: DeltaMeterProvider;
  readonly collectOwn: () => void;
}

interface DoorOptions extends CollectorOptions, Omit<Accepting, 'accept' | 'exporter'> {
  readonly meter: Meter;
  readonly tls: TlsIdentity | null;
  readonly stored: OtlpReceiverOptions['stored'];
}

/** Opens all doors, in and out, or, where one of them cannot be opened, none. */
async function openDoors(server: CollectorServer | null, options: DoorOptions) {
  const { config, tls, log, meter, host, stored, ...parts } = options;
  let exporter: OtlpExporter | null = null;
  let otlp: OtlpReceiver | null = null;
  try {
    // What comes back to it by another way than the ids of those it passed through: no batch of its own is new to it.
    const onWriter = (writer: string) => parts.sentBatches.add([[writer, Number.MAX_SAFE_INTEGER]]);
    exporter = await startExport({ ...sentOf(config, host, parts.users), log, meter, onWriter });
    const accept = new Acceptance(parts.ledger, exporter, config, parts.users);
    const sink = otlpSink({ ...parts, accept, exporter });
    const ownId = exporter?.id ?? null;
    const hideUsers = parts.users === null ? undefined : userHidingOf(parts.users);
    const receiver = { config, tls, log, meter, sink, ownId, stored, hideUsers, alone: host === null };
    otlp = await startOtlpReceiver(receiver).catch(async (error: unknown) => {
      if (await mayMakeRoom(error, config)) return null;
      throw error;
    });
    // Last: the collector of an app that makes room for it must not have done so for nothing.
    const url = server === null ? '' : (await opened(server, options)).url;
    otlp ??= await startOtlpReceiver(receiver);
    return { url, otlp, exporter, accept };
  } catch (error) {
    await otlp?.shutdown();
    await exporter?.shutdown(0);
    await server?.shutdown();
    throw error;
  }
}

function opened(server: CollectorServer, { config, host }: DoorOptions) {
  return host === null ? listenWithPrecedence(() => server.start(), config) : server.start();
}

/** Samples the host, for the sections of the snapshot and as gauges. */
function watchHost({ config, live, own, collectOwn }: HostParts) {
  const sampler = createHostSampler({ dataDir: config.dataDir });
  const measureHost = hostMeasure(own.getMeter());
  return {
    sample: async () => {
      const host = await sampler.sample();
      live.setHost(host);
      measureHost(host);
      collectOwn();
    },
    stop: () => sampler.stop(),
  };
}

/** Whether storage can be used at all, once it was tried for the first time. */
async function tryStorage(storage: Storage | null, ledger: EventLedger, log: Log): Promise<boolean> {
  try {
    await storage?.start();
    return true;
  } catch (error) {
    log('storage', describeError(error));
    ledger.totals = 'known'; // Nobody will ever tell what was counted before: what is shown is all there is.
    return false;
  } finally {
    ledger.starting = false;
  }
}

/** What reads and tends stored rows, in turns on the one connection that the writer leaves. `lend` is for work of our own. */
function workBesideWriter(storage: Storage, config: Config, log: Log) {
  const { access, own: lend, questions } = takingTurns((work) => storage.lend(work));
  const retentionMs = (signal: SignalName) => config.retentionMs[SIGNALS[signal].retention.key];
  const stopRollups = keepRollups({ lend, now: () => Date.now(), retentionMs }, log);
  const now = () => milliseconds(Date.now());
  const maintenance = new Maintenance({ lend, policy: config, now, log });
  maintenance.start();
  const stopBounding = keepSpansBounded({ lend, maxBytes: config.spansMaxBytes, now, log });
  const folding = new Condition(log, 'storage');
  const stopFolding = keepTotalsBounded(lend, (error) => {
    // That there is no server is said elsewhere.
    if (storage.state === 'ok')
      folding.begin(`Totals of names that are gone stay apart: ${describeError(error)}`);
  });
  return {
    lend,
    sources: {
      history: createHistory(questions),
      events: createEvents(questions),
      trace: createTraces(questions),
    },
    alertStore: createAlertStore(lend, questions),
    // Who shares an embedded server shares its data directory.
    accessStore: config.postgres && createAccessStore(access),
    undecided: {
      ...createUndecided(lend),
      settled: async () => storage.state === 'ok' && (await storage.flush(SETTLED_MS)),
    },
    stop() {
      stopRollups();
      stopBounding();
      stopFolding();
      void maintenance.stop(); // What is under way ends with its connection, which storage closes.
    },
  };
}

/** Thresholds on what is stored and on health. @throws NervecenterError `NC_CONFIG_INVALID` when the file cannot be used. */
function createAlerts(
  { config, log }: Pick<CollectorOptions, 'config' | 'log'>,
  live: Live,
  {
    stored,
    users,
  }: {
    readonly stored: ReturnType<typeof workBesideWriter> | null;
    readonly users: Pick<Pseudonyms, 'of'> | null;
  },
): AlertService {
  return new AlertService({
    store: stored?.alertStore ?? null,
    history: stored && createHistory(stored.lend),
    issues: () => live.health().issues,
    fileRules: readAlertFile(config.alertsPath),
    hideUser: users?.of ?? null,
    service: config.service,
    intervalMs: config.intervalMs,
    webhookHosts: config.webhookHosts,
    log,
  });
}

/** Lets the agents of other processes in. Where that cannot be, this one still serves its own. */
async function listenForOthers(
  port: number,
  attach: (link: AgentLink) => void,
  log: Log,
): Promise<SocketReceiver | null> {
  if (port === 0) return null;
  try {
    return await listenForAgents(meetingPlace(port), (link) => attach(link));
  } catch (error) {
    log('link', describeError(error));
    return null;
  }
}

function systemEvents(live: Live): NervecenterEvent[] {
  const timeMs = milliseconds(Date.now());
  return live.systemReadings().map((one) => ({ signal: 'system', id: newEventId(timeMs), timeMs, ...one }));
}

import diagnosticsChannel from 'node:diagnostics_channel';
import { hostname } from 'node:os';
import { dirname, isAbsolute } from 'node:path';
import type { Config } from '../config/config.ts';
import { sendsSpans } from '../config/otlp/target.ts';
import { placeOf } from '../config/place.ts';
import { describeError } from '../core/errors.ts';
import type { Source } from '../core/frame.ts';
import { StageNames } from '../core/rag/stage-names.ts';
import { CACHE_NAME } from '../core/signals/cache.ts';
import { eventMeasure, type NervecenterEvent } from '../core/signals/index.ts';
import { STAGE_ATTRIBUTE } from '../core/signals/rag-query.ts';
import type { Health, Snapshot } from '../core/snapshot.ts';
import { milliseconds, SECOND_MS } from '../core/units.ts';
import { DeltaMeterProvider } from '../metrics/meter-provider.ts';
import { nodeCrypto } from '../platform/builtins.ts';
import { type AgentHandle, publishHandle } from './api/handle.ts';
import { refusals } from './api/input-refusals.ts';
import { Recorder } from './api/recorder.ts';
import { CacheMinutes } from './caches/minutes.ts';
import { CacheTally } from './caches/tally.ts';
import { Identity } from './context/identity.ts';
import { Deferred } from './deferred.ts';
import { beforeProcessEnds } from './exit.ts';
import { type HandOverTimes, handOverTimes } from './hand-over-times.ts';
import { routesOf } from './http/routes.ts';
import type { Agent, Clock } from './instrumentation.ts';
import { INSTRUMENTATIONS } from './instrumentations.ts';
import { type AgentConnection, Connection, type ConnectionOptions } from './links/connection.ts';
import { apiVersionOf, receiveAppMetrics } from './metrics/app-metrics.ts';
import { FrameSender } from './metrics/frame-sender.ts';
import { FRAME_INTERVAL_MS, FrameTimer } from './metrics/frame-timer.ts';
import { type Observations, observationsMeasure } from './metrics/observations.ts';
import { type MetricReaders, startReaders } from './metrics/readers.ts';
import { RuntimeSampler } from './metrics/runtime.ts';
import { talliesMeasure } from './metrics/tallies.ts';
import { SeenLibraries } from './modules/seen.ts';
import { Pipeline, requestOf } from './pipeline.ts';
import { runRagQuery } from './rag/rag.ts';
import { startChecked } from './self-check.ts';
import { startThreads } from './threads/start.ts';
import { ThreadConnection } from './threads/thread-connection.ts';
import { type AppTracing, startTracing } from './tracing.ts';
import { WebSocketTally } from './websocket/tally.ts';

/** A collector that runs anyway is joined by whoever lives so long, and then has at once what is recorded. */
const JOIN_DELAY_MS = 100;
/** What is over so soon after it has recorded something leaves it in the spool, and does not pay for a collector. */
const CONNECT_DELAY_MS = 100;
/** Who lives so long has an admin who wants to see that it does, though it records nothing. */
const IDLE_MS = 10 * SECOND_MS;
/** A program that serves others is worth showing before the first request. */
const LISTENING = 'tracing:net.server.listen:asyncEnd';
/** What the end of the process may wait for its last events to be stored. */
const FLUSH_DEADLINE_MS = 3000;

/** Why an event was lost: making or measuring it failed. */
const AGENT_ERROR = 'agent_error';

export interface AgentOptions {
  readonly config: Config;
  readonly env: NodeJS.ProcessEnv;
  /** `NODE_OPTIONS` of this process. */
  readonly nodeOptions: string;
  /** Whether this is a worker thread of the app, for which the agent of the main thread is the collector. */
  readonly inThread: boolean;
  /** The app's main script; its own dependencies are looked up from there. */
  readonly mainScript: string | undefined;
  readonly say: (text: string) => void;
}

const monotonicMs = () => milliseconds(performance.now());
const SYSTEM_CLOCK: Clock = {
  monotonicMs,
  epochMs: () => milliseconds(Date.now()),
};

/** The composition root of the agent. Returns how to stop everything it started. */
export function startAgent(options: AgentOptions): () => void {
  const { config, nodeOptions, inThread, say } = options;
  const clock = SYSTEM_CLOCK;
  const own = new DeltaMeterProvider();
  const appDirectory = appDirectoryOf(options);
  const pipeline = new Pipeline(eventMeasure(own.getMeter()));
  const readers = startReaders(own, { config, appDirectory, say, tells: (signal) => pipeline.tells(signal) });
  const observations = observationsMeasure(own.getMeter());
  const tallies = newTallies(observations, inThread);
  const source = lazily(() => sourceOf(config));
  const seen = new SeenLibraries(appDirectory);
  const connection = connectionOf(options, {
    sourceNow: () => ({ ...(tracing?.described(source()) ?? source()), ...seen.tell() }),
    onNotice: () => seen.noticed(),
    ring: pipeline.ring,
    onOpen: (awaitsNext) => {
      for (const teller of [frames, tallies.runtime]) teller?.opened();
      frameTimer.start(awaitsNext);
      times.now();
    },
  });
  const deferred = new Deferred(() => pipeline.drop(AGENT_ERROR, 1));
  const ends = new Set<() => void>();
  const wake = onceAwake(() => void (tracing?.ready() ?? Promise.resolve()).then(() => connection.open()));
  const times = handOverTimes({ inThread, deferred, connection, guarded: (work) => guarded(agent, work)() });
  const parts = { clock, config, pipeline, deferred, ends, tallies, observations, tracing: () => tracing };
  const agent = createAgent({ ...parts, exported: readers.export, say, times, wake });

  const metered = appDirectory !== null && apiVersionOf(appDirectory) !== null;
  const tracing = startTracing({ config, metrics: metered ? readers.provider : null, ...agent });
  // Where the SDK is ours, they reach us by that.
  const stopReceiving = appDirectory === null ? null : receiveAppMetrics(readers.provider, appDirectory);
  tallies.runtime?.start();
  const drop = (reason: string, count: number) => pipeline.drop(reason, count);
  const threads = startThreads({ config, nodeOptions, inThread, connection, emit: agent.emit, drop });
  const stopObserving = startObserving(agent, deferred);
  publishHandle(createHandle({ agent, connection, tallies, pipeline, own, config }));
  const measureTallies = talliesMeasure(own.getMeter(), tallies);
  const minutes = new CacheMinutes(agent, tallies.caches);
  const frames = new FrameSender({ clock, source: readers.frames, connection, pipeline, threads });
  const before = [() => deferred.run(), () => minutes.passed(), measureTallies, () => seen.sayLater(say)];
  const frameTimer = new FrameTimer({
    measure: guarded(agent, ...before),
    rests: () => tallies.runtime?.rests === true,
    send: (nextInMs) => guarded(agent, () => frames.send(nextInMs))(),
  });
  const stopTimers = startTimers({ wake, connection, frameTimer });
  const flush = () => {
    threads.drain();
    for (const end of ends) guarded(agent, end)();
    stopObserving();
    minutes.emit();
    measureTallies();
    connection.flushSync([frames.last(), { type: 'goodbye' }], FLUSH_DEADLINE_MS);
  };
  const keepExit = beforeProcessEnds(guarded(agent, flush), times.now);
  return () => {
    stopTimers();
    times.stop();
    stopObserving();
    keepExit();
    tallies.runtime?.stop();
    threads.stop();
    stopReceiving?.();
    tracing?.stop();
    readers.stop();
    publishHandle(undefined);
    connection.close();
  };
}

/** Where the app's own dependencies are looked up; `null` for `node -`, whose main script is no path. */
function appDirectoryOf({ mainScript }: AgentOptions): string | null {
  return mainScript !== undefined && isAbsolute(mainScript) ? dirname(mainScript) : null;
}

interface ConnectionParts extends Pick<ConnectionOptions, 'ring' | 'onOpen' | 'onNotice'> {
  /** What is known of this process grows. */
  readonly sourceNow: () => Source;
}

function connectionOf(
  { config, env, inThread, say }: AgentOptions,
  { sourceNow, ...told }: ConnectionParts,
): AgentConnection {
  if (inThread) return new ThreadConnection(told);
  const place = lazily(() => placeOf(config));
  return new Connection({
    config,
    get source() {
      return sourceNow();
    },
    get place() {
      return place();
    },
    env,
    say,
    ...told,
  });
}

/** @returns stops: what is still open, such as a call that streams, becomes an event when its instrumentation does. */
function startObserving(agent: Agent, deferred: Deferred): () => void {
  const stop = startChecked(agent, INSTRUMENTATIONS);
  return () => {
    stop();
    deferred.run();
  };
}

/** Calls `connect` a moment after the first of any number of calls. */
function onceAwake(connect: () => void): () => void {
  let awake = false;
  return () => {
    if (awake) return;
    awake = true;
    setTimeout(connect, CONNECT_DELAY_MS).unref();
  };
}

interface TimerParts extends Pick<AgentParts, 'wake'>, Pick<HandleParts, 'connection'> {
  readonly frameTimer: FrameTimer;
}

function startTimers({ wake, connection, frameTimer }: TimerParts): () => void {
  frameTimer.start(false);
  const timers = [setTimeout(() => void connection.join(), JOIN_DELAY_MS), setTimeout(wake, IDLE_MS)];
  for (const timer of timers) timer.unref();
  diagnosticsChannel.subscribe(LISTENING, wake);
  return () => {
    frameTimer.stop();
    for (const timer of timers) clearTimeout(timer);
    diagnosticsChannel.unsubscribe(LISTENING, wake);
  };
}

/** Node's module for digests and random bytes takes as long to load as all else: that is not done as the app starts. */
function lazily<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

function sourceOf(config: Config): Source {
  return {
    service: config.service,
    instanceId: nodeCrypto().randomUUID(),
    host: hostname(),
    pid: process.pid,
    instrumentations: [],
    frameIntervalMs: FRAME_INTERVAL_MS,
  };
}

/** What runs on a timer of ours or as the process ends must not change how: neither by an exception nor by a rejection. */
function guarded(agent: Agent, ...works: readonly (() => void | Promise<void>)[]): () => void {
  const failed = (error: unknown) => agent.warnOnce('agent', `the agent failed: ${describeError(error)}`);
  return () => {
    for (const work of works) {
      try {
        work()?.catch(failed);
      } catch (error) {
        failed(error);
      }
    }
  };
}

interface Tallies {
  readonly caches: CacheTally;
  readonly websockets: WebSocketTally;
  readonly runtime: RuntimeSampler | null;
}

function newTallies({ labelFolded }: Observations, inThread: boolean): Tallies {
  const caches = new CacheTally({ now: monotonicMs, onFolded: () => labelFolded(CACHE_NAME) });
  return { caches, websockets: new WebSocketTally(), runtime: inThread ? null : new RuntimeSampler() };
}

interface AgentParts {
  readonly clock: Clock;
  readonly config: Config;
  readonly pipeline: Pipeline;
  readonly deferred: Deferred;
  /** What is to be done before the process ends. */
  readonly ends: Set<() => void>;
  readonly tallies: Tallies;
  readonly observations: Observations;
  readonly exported: MetricReaders['export'];
  readonly tracing: () => AppTracing | null;
  readonly say: (text: string) => void;
  readonly times: HandOverTimes;
  /** There is something to record. */
  readonly wake: () => void;
}

/** Distinct things to warn about; a caller that makes them up must not grow the set for ever. */
const WARNINGS_MAX = 100;

function createAgent(parts: AgentParts): Agent {
  const { clock, config, pipeline, tracing, deferred, ends, tallies, observations } = parts;
  const { exported, say, times, wake } = parts;
  const warned = new Set<string>();
  const warnOnce = (key: string, message: string) => {
    if (warned.has(key) || warned.size >= WARNINGS_MAX) return;
    warned.add(key);
    say(`[nervecenter] ${message}\n`);
  };
  const emit = (event: NervecenterEvent) => {
    try {
      wake();
      pipeline.emit(tracing()?.sampled(event) ?? event);
      exported?.(event);
      times.told?.();
    } catch {
      pipeline.drop(AGENT_ERROR, 1); // Nothing of ours may reach the app.
    }
  };
  /** Somebody else wants the event as well. */
  const isShared = exported !== null || sendsSpans(config.otlpTargets) || times.told !== null;
  return {
    clock,
    settings: {
      errorMessages: config.errorMessages === 'on',
      includeUsage: config.includeUsage === 'on',
      caches: config.caches,
    },
    identity: new Identity(config.userHeaders, warnOnce),
    emit,
    emitRequest: (request) => {
      if (isShared) {
        emit(requestOf(request));
        return;
      }
      try {
        wake();
        pipeline.emitRequest(request);
      } catch {
        pipeline.drop(AGENT_ERROR, 1);
      }
    },
    later: (work) => {
      deferred.add(work);
      times.deferred();
    },
    beforeEnd: (work) => {
      ends.add(work);
      return () => ends.delete(work);
    },
    cacheLookup: (cacheName, hit, work) => tallies.caches.lookup(cacheName, hit, work),
    cacheSize: (cacheName, keys, bytes) => tallies.caches.size(cacheName, keys, bytes),
    ...observations,
    websockets: tallies.websockets,
    failed: (key, what, error) => warnOnce(key, `${what}: ${String(error)}`),
    warnOnce,
  };
}

interface HandleParts {
  readonly agent: Agent;
  readonly connection: AgentConnection;
  readonly tallies: Tallies;
  readonly pipeline: Pipeline;
  readonly own: DeltaMeterProvider;
  readonly config: Config;
}

function createHandle({ agent, connection, tallies, pipeline, own, config }: HandleParts): AgentHandle {
  const onInvalid = refusals(agent, own.getMeter());
  const onFolded = () => agent.labelFolded(STAGE_ATTRIBUTE);
  const stageNames = new StageNames({ now: () => agent.clock.monotonicMs(), onFolded });
  return {
    recorder: new Recorder({
      agent,
      stageNames,
      onInvalid,
      routes: routesOf(agent),
      onRefused: () => pipeline.drop('invalid', 1),
    }),
    identifyUser: (identify) => agent.identity.use(identify),
    ragQuery: (attributes, fn) => runRagQuery({ agent, stageNames, onInvalid }, attributes, fn),
    wsConnect: () => tallies.websockets.opened(),
    wsDisconnect: () => tallies.websockets.closed(),
    snapshot: () => connection.ask('snapshot') as Promise<Snapshot>,
    health: () => connection.ask('health') as Promise<Health>,
    streamIntervalMs: config.intervalMs,
    warnOnce: agent.warnOnce,
  };
}

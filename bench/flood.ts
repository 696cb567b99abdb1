// More spans than a collector can take, over HTTP and gRPC, from senders that never wait: what is taken is stored, what is not is
// refused, memory stays bounded, the dashboard is served all the while, and after it everything is as before.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Client } from 'pg';
import { WebSocket } from 'ws';
import { prepareHome } from '../src/collector/sinks/postgres/data-dir/home.ts';
import { runningServer } from '../src/collector/sinks/postgres/embedded/running.ts';
import type { Snapshot } from '../src/core/snapshot.ts';
import { MIB, SECOND_MS } from '../src/core/units.ts';
import { ObservedApp } from '../test/support/observed-app.ts';
import { ROWS_PER_TRACE, SPANS_PER_TRACE } from '../test/support/otlp/span-flood.ts';
import { until } from '../test/support/poll.ts';
import { reachableTempDir } from '../test/support/postgres.ts';
import { Child } from './child.ts';
import type { Figure } from './figure.ts';
import type { FloodOrder, FloodTally } from './flood-sender.ts';
import { quantile, round } from './measure.ts';

const SPANS_PER_SECOND = 100_000;
const SECONDS = 30;
/** As many as an SDK sends at once. */
const TRACES = 512 / SPANS_PER_TRACE;
const OPEN_MAX = { http: 300, grpc: 200 } as const;
/** Before it, over HTTP: more than is taken, by a sender that has so many batches without an answer and no more. */
const STEADY = { traces: TRACES, batchesPerSecond: 400, seconds: 20 };
const STEADY_OPEN_MAX = 4;
const STEADY_ROWS_PER_SECOND_MIN = 30_000;
const STEADY_RESIDENT_MAX = 150 * MIB;
/** What comes after the flood: every 50 ms one trace over each protocol. */
const AFTER = { traces: 1, batchesPerSecond: 20, seconds: 5 };
const PATIENCE = { timeoutMs: 10 * 60 * SECOND_MS, what: 'all is stored' };
/** What spans tell may be decided so long after they came. */
const DECIDED_MS = 12 * SECOND_MS;
/** The collector looks every 30 s whether it has memory to give back; the first time it may still be busy. */
const CALM_MS = 90 * SECOND_MS;
const LOOK_MS = 250;
const RESIDENT_MAX = 640 * MIB;
const RESIDENT_AFTER_MAX = 320 * MIB;
const HEALTH_MS_MAX = 1000;
const SNAPSHOT_GAP_MS_MAX = 7500;
const TOKEN = 'a-token-long-enough-for-a-benchmark';

type Protocol = keyof typeof OPEN_MAX;
type Tallies = Readonly<Record<Protocol, FloodTally>>;

export async function run(): Promise<Figure[]> {
  const home = reachableTempDir('nervecenter-bench-');
  const collector = new ObservedApp(join(import.meta.dirname, '..', 'dist', 'cli.js'), {
    flags: [],
    args: ['collector'],
    dataDir: home,
    env: { NERVECENTER_OTLP_PORT: '0', NERVECENTER_OTLP_GRPC_PORT: '0', NERVECENTER_ADMIN_TOKEN: TOKEN },
  });
  try {
    await collector.started();
    const viewer = new Viewer(collector);
    await wait(2 * SECOND_MS);
    const before = viewer.residentBytes();
    const steady = await sendSteadily(collector, viewer);
    await wait(DECIDED_MS);
    await until(() => viewer.drained(), PATIENCE);
    const stored = await rowsIn(join(home, 'data'));
    const perProtocol = SPANS_PER_SECOND / 2 / SPANS_PER_TRACE / TRACES;
    const flood = await send(collector, { traces: TRACES, batchesPerSecond: perProtocol, seconds: SECONDS });
    const seen = viewer.seen();
    const after = await send(collector, AFTER);
    const beganMs = performance.now();
    await until(() => viewer.drained(), PATIENCE);
    const drainMs = performance.now() - beganMs;
    await wait(DECIDED_MS);
    const { pipeline } = await until(() => viewer.drained(), PATIENCE);
    const rows = (await rowsIn(join(home, 'data'))) - stored;
    await wait(CALM_MS);
    const memory = { before, peak: seen.peakBytes, after: viewer.residentBytes() };
    await viewer.stop();
    return [
      steady,
      ofAnswers(flood),
      ofRows([flood, after], pipeline, rows, drainMs),
      ofMemory(memory),
      ofView(seen),
      ofAfter(after),
    ];
  } finally {
    await collector.stop();
  }
}

type Order = Omit<FloodOrder, 'protocol' | 'url' | 'openMax'>;

/** Half of it over HTTP, half over gRPC, from a process each. */
async function send(collector: ObservedApp, order: Order) {
  const [http, grpc] = await Promise.all([
    sendBy(collector, { ...order, protocol: 'http', openMax: OPEN_MAX.http }),
    sendBy(collector, { ...order, protocol: 'grpc', openMax: OPEN_MAX.grpc }),
  ]);
  return { http, grpc };
}

async function sendBy(collector: ObservedApp, order: Omit<FloodOrder, 'url'>): Promise<FloodTally> {
  const url = new RegExp(`(http://\\S+) \\(${order.protocol}\\)`, 'i').exec(collector.stderr)?.[1] ?? '';
  const sender = new Child('flood-sender.ts');
  try {
    return await sender.ask<FloodTally>({ ...order, url });
  } finally {
    await sender.stop();
  }
}

async function sendSteadily(collector: ObservedApp, viewer: Viewer): Promise<Figure> {
  const beganMs = performance.now();
  const { accepted, latenciesMs, refused } = await sendBy(collector, {
    ...STEADY,
    protocol: 'http',
    openMax: STEADY_OPEN_MAX,
  });
  await until(() => viewer.drained(), PATIENCE);
  const seconds = (performance.now() - beganMs) / SECOND_MS;
  const { peakBytes } = viewer.seen();
  const [rows, spans] = [ROWS_PER_TRACE, SPANS_PER_TRACE].map((each) =>
    Math.round((accepted * TRACES * each) / seconds),
  );
  return {
    what: `spans over HTTP from a sender that waits for answers, until all rows are in Postgres, all of it on this machine; resident memory of the collector`,
    budget: `>= ${STEADY_ROWS_PER_SECOND_MIN.toLocaleString('en')} rows/s; <= ${mib(STEADY_RESIDENT_MAX)}`,
    within: Number(rows) >= STEADY_ROWS_PER_SECOND_MIN && peakBytes <= STEADY_RESIDENT_MAX,
    ours: `${rows?.toLocaleString('en')} rows/s of ${spans?.toLocaleString('en')} spans/s; ${mib(peakBytes)}`,
    raw: `${accepted} batches in ${round(seconds)} s, answered in ${round(quantile(latenciesMs, 0.5))} ms (p99 ${round(quantile(latenciesMs, 0.99))}), ${Object.keys(refused).length} refused`,
  };
}

interface Seen {
  readonly peakBytes: number;
  readonly healthMs: readonly number[];
  readonly snapshotGapsMs: readonly number[];
}

/** Somebody who looks at the dashboard meanwhile, at the memory of its process, and asks whether it is well. */
class Viewer {
  readonly #collector: ObservedApp;
  readonly #stream: WebSocket;
  readonly #healthMs: number[] = [];
  readonly #snapshotsMs: number[] = [];
  readonly #looking: Promise<void>;
  #peakBytes = 0;
  #stopped = false;

  constructor(collector: ObservedApp) {
    this.#collector = collector;
    const url = `${collector.dashboardUrl.replace('http', 'ws')}/api/metrics/stream`;
    this.#stream = new WebSocket(url, { headers: { authorization: `Bearer ${TOKEN}` } });
    this.#stream.on('message', () => this.#snapshotsMs.push(performance.now()));
    this.#looking = this.#look();
  }

  residentBytes(): number {
    const status = readFileSync(`/proc/${this.#collector.child.pid}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) * 1024;
  }

  /** So far; at the end the time since the last snapshot counts as well. */
  seen(): Seen {
    const times = [...this.#snapshotsMs, performance.now()];
    return {
      peakBytes: this.#peakBytes,
      healthMs: [...this.#healthMs],
      snapshotGapsMs: times.slice(1).map((atMs, i) => atMs - (times[i] ?? atMs)),
    };
  }

  /** The snapshot, once all that was accepted is stored. */
  async drained(): Promise<Snapshot | null> {
    const { dashboardUrl } = this.#collector;
    const headers = { authorization: `Bearer ${TOKEN}` };
    const response = await fetch(`${dashboardUrl}/api/metrics/snapshot`, { headers });
    const snapshot = (await response.json()) as Snapshot;
    return snapshot.pipeline.events_queued + snapshot.pipeline.events_in_flight === 0 ? snapshot : null;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#stream.close();
    await this.#looking;
  }

  async #look(): Promise<void> {
    while (!this.#stopped) {
      const beganMs = performance.now();
      await (await fetch(`${this.#collector.dashboardUrl}/api/metrics/health`)).arrayBuffer();
      this.#healthMs.push(performance.now() - beganMs);
      this.#peakBytes = Math.max(this.#peakBytes, this.residentBytes());
      await wait(LOOK_MS);
    }
  }
}

async function rowsIn(dataDir: string): Promise<number> {
  const client = new Client(runningServer(prepareHome(dataDir)) ?? {});
  await client.connect();
  try {
    const counted = ['request_metrics', 'llm_call_metrics', 'spans'].map(
      (table) => `(SELECT count(*) FROM enterprise.${table})`,
    );
    const { rows } = await client.query<{ n: number }>(`SELECT (${counted.join(' + ')})::int AS n`);
    return rows[0]?.n ?? 0;
  } finally {
    await client.end();
  }
}

const sum = ({ http, grpc }: Tallies, of: (tally: FloodTally) => number) => of(http) + of(grpc);
const refusedOf = ({ refused }: FloodTally) => Object.values(refused).reduce((all, count) => all + count, 0);
const perSecond = (batches: number) =>
  Math.round((batches * TRACES * SPANS_PER_TRACE) / SECONDS).toLocaleString('en');
const mib = (bytes: number) => `${Math.round(bytes / MIB)} MiB`;

function ofAnswers(flood: Tallies): Figure {
  const [unclear, unheard] = [sum(flood, (of) => of.withoutRetry), sum(flood, (of) => of.unheard)];
  const raw = (protocol: Protocol) => {
    const { accepted, refused, bytes, latenciesMs } = flood[protocol];
    const answers = [`${accepted} accepted`, ...Object.entries(refused).map(([of, n]) => `${n} of ${of}`)];
    const time = `answered in ${round(quantile(latenciesMs, 0.5))} ms (p99 ${round(quantile(latenciesMs, 0.99))})`;
    return `${protocol}: ${answers.join(', ')} of ${bytes.toLocaleString('en')} bytes each, ${time}`;
  };
  return {
    what: `${SPANS_PER_SECOND.toLocaleString('en')} spans/s for ${SECONDS} s, half over HTTP, half over gRPC, by senders that never wait`,
    budget: 'each accepted, or refused with when to come back',
    within: unclear + unheard === 0,
    ours: `${perSecond(sum(flood, (of) => of.accepted))} spans/s accepted, ${perSecond(sum(flood, refusedOf))} refused; ${unclear} without when to come back, ${unheard} not heard of`,
    raw: `${perSecond(sum(flood, (of) => of.sent))} spans/s sent; ${raw('http')}; ${raw('grpc')}`,
  };
}

function ofRows(sent: readonly Tallies[], pipeline: Snapshot['pipeline'], rows: number, drainMs: number) {
  const [flood, after] = sent.map((tallies) => sum(tallies, (of) => of.accepted));
  const due = ((flood ?? 0) * TRACES + (after ?? 0) * AFTER.traces) * ROWS_PER_TRACE;
  const unheard = sum(sent[0] as Tallies, (of) => of.unheard) * TRACES * ROWS_PER_TRACE;
  const dropped = Object.values(pipeline.events_dropped).reduce((all, count) => all + count, 0);
  return {
    what: 'what was accepted, as rows',
    budget: 'all of it, or counted by reason',
    within: rows + dropped >= due && rows + dropped <= due + unheard,
    ours: `${rows.toLocaleString('en')} rows of ${due.toLocaleString('en')}, ${dropped.toLocaleString('en')} counted as dropped`,
    raw: `all stored ${round(drainMs / SECOND_MS)} s after the flood; ${JSON.stringify(pipeline.events_dropped)}`,
  };
}

function ofMemory({ before, peak, after }: Readonly<Record<'before' | 'peak' | 'after', number>>): Figure {
  return {
    what: 'resident memory of the collector in the flood, and 90 s after all is stored',
    budget: `<= ${mib(RESIDENT_MAX)}; <= ${mib(RESIDENT_AFTER_MAX)}`,
    within: peak <= RESIDENT_MAX && after <= RESIDENT_AFTER_MAX,
    ours: `${mib(peak)}; ${mib(after)}`,
    raw: `${mib(before)} before it`,
  };
}

function ofView({ healthMs, snapshotGapsMs }: Seen): Figure {
  const [p99, gap] = [quantile(healthMs, 0.99), Math.max(...snapshotGapsMs)];
  return {
    what: '`/api/metrics/health` in the flood, p99; longest time between two snapshots on the stream',
    budget: `<= ${HEALTH_MS_MAX} ms; <= ${SNAPSHOT_GAP_MS_MAX / SECOND_MS} s`,
    within: p99 <= HEALTH_MS_MAX && gap <= SNAPSHOT_GAP_MS_MAX,
    ours: `${round(p99)} ms; ${round(gap / SECOND_MS)} s`,
    raw: `p50 ${round(quantile(healthMs, 0.5))} ms of ${healthMs.length}; ${snapshotGapsMs.length} snapshots, one every 5 s`,
  };
}

function ofAfter(after: Tallies): Figure {
  const [sent, accepted] = [sum(after, (of) => of.sent), sum(after, (of) => of.accepted)];
  const latenciesMs = [...after.http.latenciesMs, ...after.grpc.latenciesMs];
  return {
    what: `requests right after it, ${2 * AFTER.batchesPerSecond} a second`,
    budget: 'each accepted the first time',
    within: accepted === sent,
    ours: `${accepted} of ${sent}`,
    raw: `answered in ${round(quantile(latenciesMs, 0.5))} ms (p99 ${round(quantile(latenciesMs, 0.99))})`,
  };
}

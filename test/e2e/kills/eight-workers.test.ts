import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'vitest';
import { PERCENTILE_ERROR_BOUND } from '../../../src/core/histogram.ts';
import type { Snapshot } from '../../../src/core/snapshot.ts';
import { freePort, WITHOUT_OTLP } from '../../support/free-port.ts';
import { ObservedApp, PRELOAD } from '../../support/observed-app.ts';
import { until } from '../../support/poll.ts';
import { reachableTempDir } from '../../support/postgres.ts';
import { assertAccounted, type End, NOT_HANDED_OVER_MS } from './accounts.ts';
import { Load, REQUEST_HEADER } from './load.ts';
import { requestsIn, type StoredRequest, storedIn } from './rows.ts';
import { Watcher } from './watcher.ts';

const CLI = join(import.meta.dirname, '..', '..', '..', 'dist', 'cli.js');
const FIXTURES = join(import.meta.dirname, 'fixtures');
const PRIMARY = join(FIXTURES, 'workers.cjs');
const APP = join(FIXTURES, 'delaying-app.cjs');
const TOKEN = 'a-token-long-enough-for-a-test';
const PATIENCE = { timeoutMs: 60_000 };
/** An address that no machine has (RFC 5737): apps that can only join. */
const NOBODYS_ADDRESS = '192.0.2.1';
const WORKERS = 8;
const CLUSTER = 'shop';
const SERVICES = ['search', 'mail', 'bill'] as const;
type Service = (typeof SERVICES)[number];
const ALL_SERVICES = [CLUSTER, ...SERVICES];
const REQUESTS_PER_ROUND = 150;
/** A snapshot's milliseconds have one decimal. */
const ROUNDING_MS = 0.05;

/** One collector, a cluster of eight workers and three services beside it, each on a port of its own. */
class Fleet {
  readonly #home = reachableTempDir();
  readonly #env: Readonly<Record<string, string>>;
  readonly #ports: Readonly<Record<Service, number>>;
  readonly #apps: ObservedApp[] = [];
  readonly #collector: ObservedApp;
  readonly #cluster: ObservedApp;
  readonly #services = new Map<Service, ObservedApp>();
  readonly #port: number;
  readonly watcher: Watcher;
  readonly ends: End[] = [];

  constructor(port: number, ports: Readonly<Record<Service, number>>) {
    this.#port = port;
    this.#ports = ports;
    const env = { NERVECENTER_PORT: String(port), NERVECENTER_ADMIN_TOKEN: TOKEN, ...WITHOUT_OTLP };
    this.#collector = new ObservedApp(CLI, { flags: [], args: ['collector'], dataDir: this.#home, env });
    this.#apps.push(this.#collector);
    this.#env = {
      ...env,
      NERVECENTER_DATA_DIR: this.dataDir,
      NERVECENTER_HOST: NOBODYS_ADDRESS,
      NERVECENTER_USER_HEADER: REQUEST_HEADER,
    };
    const clustered = { ...this.#env, OTEL_SERVICE_NAME: CLUSTER };
    this.#cluster = new ObservedApp(PRIMARY, {
      flags: [],
      args: [PRELOAD, String(WORKERS), APP],
      env: clustered,
    });
    this.#apps.push(this.#cluster);
    for (const service of SERVICES) this.start(service);
    this.watcher = new Watcher(port, TOKEN);
  }

  get dataDir(): string {
    return join(this.#home, 'data');
  }

  start(service: Service): void {
    const env = { ...this.#env, OTEL_SERVICE_NAME: service, PORT: String(this.#ports[service]) };
    const app = new ObservedApp(APP, { env });
    this.#services.set(service, app);
    this.#apps.push(app);
  }

  /** Half of it on the cluster. */
  async load(): Promise<Load> {
    await this.#collector.started();
    for (const app of this.#services.values()) await app.appUrl();
    const cluster = await this.#cluster.appUrl();
    return new Load(SERVICES.flatMap((service) => [cluster, `http://127.0.0.1:${this.#ports[service]}`]));
  }

  pidOf(service: Service): number {
    return this.#services.get(service)?.child.pid ?? 0;
  }

  kill(pid: number): void {
    const atMs = performance.now();
    this.ends.push({ pid, signal: 'SIGKILL', atMs, mayMissFromMs: atMs - NOT_HANDED_OVER_MS });
    process.kill(pid, 'SIGKILL');
  }

  async snapshotOf(service: string): Promise<Snapshot> {
    const url = `http://127.0.0.1:${this.#port}/api/metrics/snapshot?service=${service}`;
    return (await (await fetch(url, { headers: { authorization: `Bearer ${TOKEN}` } })).json()) as Snapshot;
  }

  assertQuiet(): void {
    for (const { stdout, stderr } of this.#apps) assert.doesNotMatch(stdout + stderr, /unhandled|Error/);
  }

  async stop(): Promise<void> {
    await this.watcher.stop();
    for (const app of this.#apps.toReversed()) await app.stop();
    rmSync(this.#home, { recursive: true, force: true });
  }
}

const upIn = ({ instances }: Snapshot, service: string): number[] =>
  instances.filter((instance) => instance.up && instance.service === service).map(({ pid }) => pid);

/** Waits until each of these has answered, and so many requests more are counted. */
async function goesOn({ watcher }: Fleet, { answers }: Load, pids: readonly number[]): Promise<void> {
  const answered = () => new Set([...answers.values()].map(({ pid }) => pid));
  await until(() => pids.every((pid) => answered().has(pid)), { ...PATIENCE, what: 'all of them answer' });
  const { api } = await watcher.when(() => true, 'a look');
  const enough = api.requests_total + REQUESTS_PER_ROUND;
  await watcher.when((now) => now.api.requests_total >= enough, 'the totals go on');
}

/** The value at rank 0.95 n of what is in ascending order. */
function assertP95(shown: Snapshot, requests: readonly StoredRequest[]): void {
  const [[, endpoint] = []] = Object.entries(shown.api.endpoints);
  assert.equal(Object.keys(shown.api.endpoints).length, 1, 'every request is of one route');
  assert.equal(endpoint?.requests, requests.length);
  const exact = requests[Math.ceil(requests.length * 0.95) - 1]?.duration_ms ?? Number.NaN;
  const error = Math.abs((endpoint?.latency_p95_ms ?? Number.NaN) - exact);
  assert.ok(
    error <= exact * PERCENTILE_ERROR_BOUND + ROUNDING_MS,
    `${endpoint?.latency_p95_ms} ms, and exactly ${exact} ms`,
  );
}

const totalsOf = ({ api, llm }: Snapshot) => [
  api.requests_total,
  llm.total_requests,
  llm.tokens_in_total,
  llm.tokens_out_total,
];

it('eight workers and three services, one of each killed under load: totals never fall, parts add up, the merged p95 is in its bound', async () => {
  const [port, search, mail, bill] = [await freePort(), await freePort(), await freePort(), await freePort()];
  const fleet = new Fleet(port, { search, mail, bill });
  const { watcher } = fleet;
  try {
    const load = await fleet.load();
    const full = (now: Snapshot) =>
      upIn(now, CLUSTER).length === WORKERS && SERVICES.every((service) => upIn(now, service).length === 1);
    const workers = upIn(await watcher.when(full, 'everybody is there'), CLUSTER);
    await goesOn(fleet, load, [...workers, ...SERVICES.map((service) => fleet.pidOf(service))]);

    const [worker = 0] = workers;
    fleet.kill(worker);
    const another = (now: Snapshot) => full(now) && !upIn(now, CLUSTER).includes(worker);
    await goesOn(fleet, load, upIn(await watcher.when(another, 'another worker'), CLUSTER));

    fleet.kill(fleet.pidOf('mail'));
    await goesOn(fleet, load, []);
    fleet.start('mail');
    await watcher.when(
      (now) => upIn(now, 'mail').includes(fleet.pidOf('mail')),
      'the service is there again',
    );
    await goesOn(fleet, load, [fleet.pidOf('mail')]);

    const stored = () => storedIn(fleet.dataDir);
    await assertAccounted({ load, watcher, ends: fleet.ends, stored, cutShort: () => true });
    const whole = await watcher.when(() => true, 'a last look');
    const requests = await requestsIn(fleet.dataDir);
    assertP95(whole, requests);
    const parts = await Promise.all(ALL_SERVICES.map((service) => fleet.snapshotOf(service)));
    for (const [i, part] of parts.entries())
      assertP95(
        part,
        requests.filter(({ service }) => service === ALL_SERVICES[i]),
      );
    const sums = totalsOf(whole).map((_, i) =>
      parts.reduce((sum, part) => sum + (totalsOf(part)[i] ?? 0), 0),
    );
    assert.deepEqual(sums, totalsOf(whole));
    fleet.assertQuiet();
  } finally {
    await fleet.stop();
  }
});

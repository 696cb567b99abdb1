import assert from 'node:assert/strict';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'vitest';
import type { Snapshot } from '../../../src/core/snapshot.ts';
import { freePort } from '../../support/free-port.ts';
import { ObservedApp, PRELOAD } from '../../support/observed-app.ts';
import { until } from '../../support/poll.ts';
import { reachableTempDir } from '../../support/postgres.ts';
import { assertAccounted, type End, NOT_HANDED_OVER_MS } from './accounts.ts';
import { Load, REQUEST_HEADER } from './load.ts';
import { storedIn } from './rows.ts';
import { Watcher } from './watcher.ts';

const FIXTURES = join(import.meta.dirname, 'fixtures');
const PRIMARY = join(FIXTURES, 'workers.cjs');
const WORKERS = '4';
const APP = join(FIXTURES, 'answering-app.cjs');
const TOKEN = 'a-token-long-enough-for-a-test';
const PATIENCE_MS = 60_000;
/** What the end of a process waits for its last rows at most. */
const LAST_ROWS_MS = 3000;
const ENDS = 10;
const HASTY_ENDS = 4;
/** Answered under a collector that knows the totals before it ends. */
const REQUESTS_PER_ROUND = 100;

/** Four workers under load, whose collector is somewhere among them. */
class Cluster {
  readonly #home = reachableTempDir();
  readonly #dataDir = join(this.#home, 'data');
  readonly #app: ObservedApp;
  readonly watcher: Watcher;
  readonly ends: End[] = [];

  constructor(port: number) {
    const env = {
      NERVECENTER_PORT: String(port),
      NERVECENTER_ADMIN_TOKEN: TOKEN,
      NERVECENTER_USER_HEADER: REQUEST_HEADER,
    };
    this.#app = new ObservedApp(PRIMARY, {
      flags: [],
      args: [PRELOAD, WORKERS, APP],
      dataDir: this.#home,
      env,
    });
    this.watcher = new Watcher(port, TOKEN);
  }

  async load(): Promise<Load> {
    return new Load([await this.#app.appUrl()]);
  }

  /** Ends the worker that hosts the collector, by SIGKILL and by SIGTERM in turn. */
  async endHost(mayMissFromMs: number): Promise<void> {
    const pid = await until(() => this.#host, { timeoutMs: PATIENCE_MS });
    const signal = this.ends.length % 2 === 0 ? 'SIGKILL' : 'SIGTERM';
    this.ends.push({ pid, signal, mayMissFromMs, atMs: performance.now() });
    process.kill(pid, signal);
  }

  /** Waits until all that is answered by now has its row. @returns when that was. */
  async handedOver(load: Load): Promise<number> {
    const [answered, atMs] = [[...load.answers.keys()], performance.now()];
    const areStored = async () => {
      const names = new Set((await storedIn(this.#dataDir)).requests);
      return answered.every((name) => names.has(name));
    };
    await until(areStored, { timeoutMs: PATIENCE_MS, what: 'what is answered is stored' });
    return atMs;
  }

  async assertAccounted(load: Load): Promise<void> {
    const { watcher, ends } = this;
    const stored = () => storedIn(this.#dataDir);
    await assertAccounted({ load, watcher, ends, stored, cutShort: (end) => this.#cutShort(end) });
    assert.doesNotMatch(this.#app.stdout + this.#app.stderr, /unhandled|Error/);
  }

  async stop(): Promise<void> {
    await this.watcher.stop();
    await this.#app.stop();
    rmSync(this.#home, { recursive: true, force: true });
  }

  /** Killed, or told to end on a machine too busy for its last rows. */
  #cutShort({ pid, signal, atMs }: End): boolean {
    const endedMs = new RegExp(`^ended ${pid} (\\d+)$`, 'm').exec(this.#app.stdout)?.[1];
    return signal === 'SIGKILL' || Number(endedMs) - performance.timeOrigin - atMs >= LAST_ROWS_MS;
  }

  /** The process that runs the embedded server is the one whose collector has the port. */
  get #host(): number | null {
    const { pid } = JSON.parse(readFileSync(join(this.#dataDir, 'postgres.lock'), 'utf8')) as { pid: number };
    return this.ends.some((end) => end.pid === pid) ? null : pid;
  }
}

async function withCluster(work: (cluster: Cluster, load: Load) => Promise<void>): Promise<void> {
  const cluster = new Cluster(await freePort());
  try {
    const load = await cluster.load();
    await work(cluster, load);
    await cluster.assertAccounted(load);
  } finally {
    await cluster.stop();
  }
}

const knows = ({ pipeline }: Snapshot): boolean => pipeline.totals === 'known';

it(`totals never fall while the worker that hosts the collector of a cluster ends ${ENDS} times under load`, async () => {
  await withCluster(async (cluster) => {
    for (let bootId = ''; cluster.ends.length < ENDS; ) {
      const { boot_id, api } = await cluster.watcher.when(
        (now) => now.boot_id !== bootId && knows(now),
        'another collector knows the totals',
      );
      bootId = boot_id;
      const enough = api.requests_total + REQUESTS_PER_ROUND;
      await cluster.watcher.when((now) => now.api.requests_total >= enough, 'the totals go on');
      await cluster.endHost(performance.now() - NOT_HANDED_OVER_MS);
    }
  });
});

it(`totals never fall while it ends ${HASTY_ENDS} times, mostly before it knows what was counted before`, async () => {
  await withCluster(async (cluster, load) => {
    const { boot_id } = await cluster.watcher.when(
      (now) => knows(now) && now.api.requests_total >= REQUESTS_PER_ROUND,
      'a collector counts',
    );
    // What a host had of before is lost with it when it is killed: nobody may have taken it since the first one ended.
    const sinceMs = await cluster.handedOver(load);
    for (let bootId = boot_id; cluster.ends.length < HASTY_ENDS; ) {
      await cluster.endHost(sinceMs);
      const next = await cluster.watcher.when((now) => now.boot_id !== bootId, 'another collector');
      bootId = next.boot_id;
    }
  });
});

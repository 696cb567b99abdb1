import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, it } from 'vitest';
import type { PostgresConfig } from '../../../src/config/config.ts';
import type { Snapshot } from '../../../src/core/snapshot.ts';
import { freePort, WITHOUT_OTLP } from '../../support/free-port.ts';
import { ObservedApp } from '../../support/observed-app.ts';
import { newSeed, randomNumbers } from '../../support/otlp/mishaps.ts';
import { until } from '../../support/poll.ts';
import { reachableTempDir, startPostgres, type TestPostgres } from '../../support/postgres.ts';
import { Load, REQUEST_HEADER } from '../kills/load.ts';
import { falls, Watcher } from '../kills/watcher.ts';

const CLI = join(import.meta.dirname, '..', '..', '..', 'dist', 'cli.js');
const APP = join(import.meta.dirname, 'fixtures', 'named-requests.cjs');
const TOKEN = 'a-token-long-enough-for-a-test';
/**
 * How often each of the four collectors is killed by itself, at random moments. `NERVECENTER_TEST_KILLS=50 npx vitest run
 * test/e2e/otlp/kills.test.ts` kills those that get events and those that get spans 100 times each, which takes a quarter of an
 * hour; bench/RESULTS.md says what came of it.
 */
const KILLS = Number(process.env['NERVECENTER_TEST_KILLS'] ?? 3);
/** How often the app is killed meanwhile, and afterwards together with all collectors. */
const KILLS_OF_APP = Math.max(1, Math.floor(KILLS / 10));
/** What was undecided for long is read last, and a busy machine reads a hundred traces a second. */
const PATIENCE_MS = 240_000;
const TIMEOUT_MS = 2 * PATIENCE_MS + KILLS * 60_000;
/** So many lives that are too short to decide what spans told the ones before, and one that is long enough. */
const SHORT_LIVES = 20;
/** An app that is killed has not handed over the last quarter of a second; the rest is for a busy machine. */
const NOT_HANDED_OVER_MS = 5000;
/** One life in three ends while it starts. */
const HASTY_ONE_IN = 3;
const HASTY_MS_MAX = 1500;
const STEADY_MS_MAX = 700;
/** Counted by a collector before it is killed. */
const REQUESTS_PER_LIFE = 10;

/** How what the app sees comes to a collector. */
const WAYS = [
  { name: 'events-http', protocol: 'http/protobuf', nervecenter: true },
  { name: 'events-grpc', protocol: 'grpc', nervecenter: true },
  { name: 'spans-http', protocol: 'http/protobuf', nervecenter: false },
  { name: 'spans-grpc', protocol: 'grpc', nervecenter: false },
] as const;
type Way = (typeof WAYS)[number];

/** A request that has a row, and how many calls and queries have one in its trace. */
interface StoredRequest {
  readonly name: string;
  readonly calls: number;
  readonly queries: number;
}

const STORED = `SELECT r.user_email AS name,
    (SELECT count(*)::int FROM enterprise.llm_call_metrics c WHERE c.trace_id = r.trace_id) AS calls,
    (SELECT count(*)::int FROM enterprise.rag_metrics q WHERE q.trace_id = r.trace_id) AS queries
  FROM enterprise.request_metrics r`;
const ROWS = `SELECT (SELECT count(*)::int FROM enterprise.request_metrics) AS requests,
    (SELECT count(*)::int FROM enterprise.llm_call_metrics) AS calls,
    (SELECT count(*)::int FROM enterprise.rag_metrics) AS queries`;

const seed = newSeed();
const random = randomNumbers(seed);
const known = ({ pipeline }: Snapshot): boolean => pipeline.totals === 'known';

let home: string;
let postgres: TestPostgres;
let subjects: Subject[];

/** A collector that is killed and started again, on the same data directory and database. */
class Subject {
  readonly way: Way;
  readonly port: number;
  readonly database: PostgresConfig;
  readonly watcher: Watcher;
  readonly #env: Readonly<Record<string, string>>;
  #collector: ObservedApp;
  #bootId = '';

  private constructor(way: Way, database: PostgresConfig, [port, own]: readonly [number, number]) {
    this.way = way;
    this.port = port;
    this.database = database;
    this.#env = {
      ...(database.env as Record<string, string>),
      ...WITHOUT_OTLP,
      NERVECENTER_PORT: String(own),
      NERVECENTER_ADMIN_TOKEN: TOKEN,
      [way.protocol === 'grpc' ? 'NERVECENTER_OTLP_GRPC_PORT' : 'NERVECENTER_OTLP_PORT']: String(port),
    };
    this.watcher = new Watcher(own, TOKEN);
    this.#collector = this.#start();
  }

  static async start(way: Way): Promise<Subject> {
    return new Subject(way, await postgres.createDatabase(), [await freePort(), await freePort()]);
  }

  async restart(): Promise<void> {
    this.#collector.child.kill('SIGKILL');
    await this.#collector.end();
    this.#collector = this.#start();
  }

  /** Kills it so many times, at random moments of lives that count something and of some that just begin. */
  async killAgainAndAgain(): Promise<void> {
    for (let life = 0; life < KILLS; life++) {
      if (life % SHORT_LIVES === SHORT_LIVES - 1) await this.#decides();
      else if (life % HASTY_ONE_IN === 1) await pause(random() * HASTY_MS_MAX);
      else {
        await this.counts();
        await pause(random() * STEADY_MS_MAX);
      }
      await this.restart();
    }
  }

  async stop(): Promise<void> {
    await this.watcher.stop();
    this.#collector.child.kill('SIGKILL');
    await this.#collector.end();
  }

  /** Resolves once this life of it has counted some requests. */
  async counts(): Promise<void> {
    const { boot_id, api } = await this.watcher.when(
      (now) => now.boot_id !== this.#bootId && known(now),
      `${this.way.name} knows its totals`,
    );
    this.#bootId = boot_id;
    const enough = api.requests_total + REQUESTS_PER_LIFE;
    await this.watcher.when((now) => now.api.requests_total >= enough, `${this.way.name} goes on`);
  }

  /** Resolves once it has counted the calls of all requests that are counted by now. */
  async #decides(): Promise<void> {
    const { api } = await this.watcher.when(known, `${this.way.name} knows its totals`);
    const enough = api.requests_total;
    await this.watcher.when((now) => now.llm.total_requests >= enough, `${this.way.name} decides`);
  }

  #start(): ObservedApp {
    return new ObservedApp(CLI, {
      flags: [],
      args: ['collector'],
      dataDir: join(home, this.way.name),
      cwd: home,
      env: this.#env,
    });
  }
}

/** The app that sends, killed and started again on the port and the data directory it had. */
class Sender {
  readonly url: string;
  /** When each process that was killed had not handed over what it answered from then on. */
  readonly mayMissFromMs = new Map<number, number>();
  readonly #env: Readonly<Record<string, string>>;
  #app: ObservedApp;

  constructor(port: number) {
    const targets = subjects.map(({ way, port: at }) => ({
      ...way,
      endpoint: `http://127.0.0.1:${at}`,
      timeoutMs: 2000,
      metricsIntervalMs: 1000,
    }));
    const path = join(home, 'targets.json');
    writeFileSync(path, JSON.stringify(targets));
    this.url = `http://127.0.0.1:${port}`;
    this.#env = {
      APP_PORT: String(port),
      OTEL_SERVICE_NAME: 'killed',
      NERVECENTER_OTLP_TARGETS: path,
      NERVECENTER_USER_HEADER: REQUEST_HEADER,
    };
    this.#app = this.#start();
  }

  /** Until then what it sees waits in its own thread, and is lost with it. */
  async started(): Promise<void> {
    await this.#app.started();
  }

  async restart(): Promise<void> {
    this.mayMissFromMs.set(this.#app.child.pid ?? 0, performance.now() - NOT_HANDED_OVER_MS);
    this.#app.child.kill('SIGKILL');
    await this.#app.end();
    this.#app = this.#start();
    await this.started();
  }

  async stop(): Promise<void> {
    await this.#app.stop();
  }

  #start(): ObservedApp {
    return new ObservedApp(APP, { dataDir: join(home, 'app'), cwd: home, env: this.#env });
  }
}

beforeAll(async () => {
  home = reachableTempDir();
  postgres = await startPostgres();
  subjects = await Promise.all(WAYS.map((way) => Subject.start(way)));
});
afterAll(async () => {
  for (const subject of subjects) await subject.stop();
  await postgres.stop();
  rmSync(home, { recursive: true, force: true });
});

/** The names of the requests whose rows must come. */
function dueOf({ answers }: Load, { mayMissFromMs }: Sender): string[] {
  const isDue = (pid: number, atMs: number) => atMs < (mayMissFromMs.get(pid) ?? Number.POSITIVE_INFINITY);
  return [...answers].flatMap(([name, { pid, atMs }]) => (isDue(pid, atMs) ? [name] : []));
}

async function assertEachOnce({ way, database, watcher }: Subject, load: Load, due: readonly string[]) {
  const read = <T extends object>(sql: string) =>
    postgres.using(database, async (client) => (await client.query<T>(sql)).rows);
  let missing = due;
  const isAllThere = async () => {
    const rows = await read<StoredRequest>(STORED);
    const whole = rows.filter(({ calls, queries }) => calls > 0 && queries > 0);
    const names = new Set(whole.map(({ name }) => name));
    missing = due.filter((name) => !names.has(name));
    return missing.length === 0;
  };
  await until(isAllThere, { timeoutMs: PATIENCE_MS }).catch(() => {
    const [first] = missing.map((name) => load.answers.get(name));
    assert.fail(
      `${way.name}: ${missing.length} of ${due.length} not stored, one of ${JSON.stringify(first)}`,
    );
  });
  const agree = async () => {
    const shown = await watcher.when(known, `${way.name} knows its totals`);
    const totals = {
      requests: shown.api.requests_total,
      calls: shown.llm.total_requests,
      queries: shown.rag.total_queries,
    };
    assert.deepEqual([totals], await read(ROWS), `${way.name}: shown and stored`);
    return true;
  };
  await until(agree, { timeoutMs: PATIENCE_MS });
  const stored = await read<StoredRequest>(STORED);
  const isTwice = ({ calls, queries }: StoredRequest) => calls > 1 || queries > 1;
  assert.deepEqual(stored.filter(isTwice), [], `${way.name}: nothing twice`);
  assert.equal(new Set(stored.map(({ name }) => name)).size, stored.length, 'a request has one row');
  const unheardOf = stored.filter(({ name }) => !load.answers.has(name) && !load.unanswered.has(name));
  assert.deepEqual(unheardOf, []);
  assert.deepEqual(falls(watcher.sights), [], `${way.name}: no total fell`);
  assert.deepEqual(watcher.latest?.pipeline.events_dropped, {});
}

it(
  `each request has its rows once wherever it is sent, though each collector is killed ${KILLS} times and more, and the app (seed ${seed})`,
  async () => {
    const sender = new Sender(await freePort());
    await sender.started();
    const load = new Load([sender.url], { clients: 3, pauseMs: 100 });
    try {
      const killed = Promise.all(subjects.map((subject) => subject.killAgainAndAgain()));
      let over = false;
      const ended = killed.finally(() => {
        over = true;
      });
      for (let kill = 0; kill < KILLS_OF_APP && !over; kill++) {
        const enough = load.answers.size + 10 * REQUESTS_PER_LIFE;
        await until(() => over || load.answers.size >= enough, { timeoutMs: PATIENCE_MS });
        await pause(random() * STEADY_MS_MAX);
        await sender.restart();
      }
      await ended;
      for (let kill = 0; kill < KILLS_OF_APP; kill++) {
        await Promise.all(subjects.map((subject) => subject.counts()));
        await pause(random() * STEADY_MS_MAX);
        await Promise.all([sender.restart(), ...subjects.map((subject) => subject.restart())]);
      }
      await load.stop();
      const due = dueOf(load, sender);
      await Promise.all(subjects.map((subject) => assertEachOnce(subject, load, due)));
    } finally {
      await load.stop();
      await sender.stop();
    }
  },
  TIMEOUT_MS,
);

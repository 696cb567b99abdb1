import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { prepareHome } from '../../src/collector/sinks/postgres/data-dir/home.ts';
import { runningServer } from '../../src/collector/sinks/postgres/embedded/running.ts';
import type { Snapshot } from '../../src/core/snapshot.ts';
import { freePort, WITHOUT_OTLP } from '../../test/support/free-port.ts';
import { until } from '../../test/support/poll.ts';
import { reachableTempDir } from '../../test/support/postgres.ts';
import { Child } from '../child.ts';
import type { MemoryNow } from './memory.ts';
import { EVENTS_OF_ROUND, type LoadOrder, type LoadTally, rowsOf } from './round.ts';

const AGENT = ['--require', join(import.meta.dirname, '..', '..', 'otel.js')];
const APP = join('soak', 'app.ts');
const TOKEN = 'bench-bench-bench-bench';
const ALL_STORED = { timeoutMs: 5 * 60_000, what: 'all is stored' };

export interface Held {
  readonly app: MemoryNow;
  readonly collector: MemoryNow;
}

/** How many events were made, and where they are. */
export interface Accounts {
  readonly made: number;
  readonly rows: number;
  readonly dropped: number;
  /** Tables that do not have as many rows as there are events of theirs. */
  readonly differing: readonly string[];
}

type Children = Readonly<Record<'provider' | 'collector' | 'app' | 'load', Child>>;

interface Places {
  readonly url: string;
  readonly port: number;
  readonly appArgs: readonly string[];
}

/** An app, the collector that it has joined, a provider of models and whoever uses them, a process each. */
export class Soak {
  readonly #home: string;
  readonly #url: string;
  readonly #port: number;
  readonly #children: Children;
  readonly #appArgs: readonly string[];
  readonly #tally: LoadTally = { requests: 0, questions: 0, sessions: 0 };

  constructor(home: string, { url, port, appArgs }: Places, children: Children) {
    this.#home = home;
    this.#url = url;
    this.#port = port;
    this.#appArgs = appArgs;
    this.#children = children;
  }

  /** What they hold, all garbage collected. */
  async held(): Promise<Held> {
    const { app, collector } = this.#children;
    return { app: await app.ask<MemoryNow>('held'), collector: await collector.ask<MemoryNow>('held') };
  }

  /** Has about so many events made, at this pace at most, and waits until that is done. */
  async make(events: number, eventsPerSecond: number): Promise<void> {
    const order: LoadOrder = {
      port: this.#port,
      rounds: Math.ceil(events / EVENTS_OF_ROUND),
      eventsPerSecond,
    };
    const tally = await this.#children.load.ask<LoadTally>(order);
    for (const kind of ['requests', 'questions', 'sessions'] as const) this.#tally[kind] += tally[kind];
  }

  /** What the same app holds, and how often it collects garbage, after as much of the same with nobody who observes it. */
  async unobserved(events: number, eventsPerSecond: number): Promise<MemoryNow> {
    const app = new Child(APP, { flags: ['--expose-gc'], args: this.#appArgs });
    try {
      const order: LoadOrder = {
        port: await app.next<number>(),
        rounds: Math.ceil(events / EVENTS_OF_ROUND),
        eventsPerSecond,
      };
      await this.#children.load.ask<LoadTally>(order);
      return await app.ask<MemoryNow>('held');
    } finally {
      await app.stop();
    }
  }

  /** Once nothing is on its way any more. */
  async settled(): Promise<Accounts> {
    const due = rowsOf(this.#tally);
    const made = Object.values(due).reduce((sum, count) => sum + count, 0);
    const pipeline = await until(async () => {
      const { pipeline: now } = await this.#snapshot();
      const dropped = sum(now.events_dropped);
      const isOver = now.events_queued + now.events_in_flight === 0 && now.events_stored + dropped >= made;
      return isOver ? { dropped } : null;
    }, ALL_STORED);
    const stored = await this.#rows(Object.keys(due));
    return {
      made,
      rows: sum(stored),
      dropped: pipeline.dropped,
      differing: Object.keys(due).filter((table) => stored[table] !== due[table]),
    };
  }

  async stop(): Promise<void> {
    const { provider, collector, app, load } = this.#children;
    for (const child of [load, app, collector, provider]) await child.stop();
    rmSync(this.#home, { recursive: true, force: true });
  }

  async #snapshot(): Promise<Snapshot> {
    const headers = { authorization: `Bearer ${TOKEN}` };
    const response = await fetch(`${this.#url}/api/metrics/snapshot`, { headers });
    return (await response.json()) as Snapshot;
  }

  async #rows(tables: readonly string[]): Promise<Record<string, number>> {
    const client = new Client(runningServer(prepareHome(join(this.#home, 'data'))) ?? {});
    await client.connect();
    try {
      const counts: Record<string, number> = {};
      for (const table of tables) {
        const { rows } = await client.query<{ n: number }>(
          `SELECT count(*)::int AS n FROM enterprise.${table}`,
        );
        counts[table] = rows[0]?.n ?? 0;
      }
      return counts;
    } finally {
      await client.end();
    }
  }
}

const sum = (counts: Readonly<Record<string, number>>) =>
  Object.values(counts).reduce((all, count) => all + count, 0);

export async function startSoak(): Promise<Soak> {
  const home = reachableTempDir('nervecenter-soak-');
  const env = {
    ...WITHOUT_OTLP,
    HOME: home,
    NERVECENTER_PORT: String(await freePort()),
    NERVECENTER_DATA_DIR: join(home, 'data'),
    NERVECENTER_ADMIN_TOKEN: TOKEN,
  };
  const provider = new Child('llm-provider.ts');
  const { port: providerPort } = await provider.next<{ port: number }>();
  const collector = new Child(join('soak', 'collector.ts'), { env, flags: ['--expose-gc'] });
  const url = await collector.next<string>();
  const appArgs = [`http://127.0.0.1:${providerPort}`];
  const app = new Child(APP, { env, flags: ['--expose-gc', ...AGENT], args: appArgs });
  const port = await app.next<number>();
  const load = new Child(join('soak', 'load.ts'));
  await load.next();
  return new Soak(home, { url, port, appArgs }, { provider, collector, app, load });
}

import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import type { PostgresConfig } from '../../../src/config/config.ts';
import type { Snapshot } from '../../../src/core/snapshot.ts';
import { Command } from '../../cli/command.ts';
import { freePort } from '../../support/free-port.ts';
import { ObservedApp } from '../../support/observed-app.ts';
import { GrpcRelay } from '../../support/otlp/grpc-relay.ts';
import { newSeed } from '../../support/otlp/mishaps.ts';
import { Relay } from '../../support/otlp/relay.ts';
import { until } from '../../support/poll.ts';
import { reachableTempDir, startPostgres, type TestPostgres, urlOf } from '../../support/postgres.ts';
import { type Provider, startProvider } from './provider.ts';
import { assertToldBySpans, countsOf, type Rows, rowsIn } from './told-rows.ts';

const APP = join(import.meta.dirname, 'fixtures', 'every-event.cjs');
const PATIENCE = { timeoutMs: 60_000 };

/** How what an app sees comes to a collector. */
const WAYS = [
  { name: 'events-http', protocol: 'http/protobuf', nervecenter: true, compression: 'gzip' },
  { name: 'events-grpc', protocol: 'grpc', nervecenter: true },
  { name: 'spans-http', protocol: 'http/json', nervecenter: false },
  { name: 'spans-grpc', protocol: 'grpc', nervecenter: false, compression: 'gzip' },
] as const;
type Way = (typeof WAYS)[number];

/** A collector behind a relay. */
interface Behind {
  readonly way: Way;
  readonly database: PostgresConfig;
  readonly collector: Command;
  readonly relay: Relay | GrpcRelay;
}

const seed = newSeed();
let home: string;
let postgres: TestPostgres;
let provider: Provider;
let own: PostgresConfig;
let app: ObservedApp;
let ends: Behind[];

beforeAll(async () => {
  home = reachableTempDir();
  postgres = await startPostgres();
  provider = await startProvider();
  ends = await Promise.all(WAYS.map(startBehind));
  own = await postgres.createDatabase();
  app = startApp();
});
afterAll(async () => {
  await app.stop();
  for (const { relay, collector } of ends) {
    await relay.stop();
    await collector.kill();
  }
  await provider.stop();
  await postgres.stop();
  rmSync(home, { recursive: true, force: true });
});

async function startBehind(way: Way, index: number): Promise<Behind> {
  const database = await postgres.createDatabase();
  const port = await freePort();
  const isGrpc = way.protocol === 'grpc';
  const collector = new Command(['collector'], {
    cwd: home,
    env: {
      ...(database.env as Record<string, string>),
      NERVECENTER_DATA_DIR: join(home, way.name),
      NERVECENTER_PORT: '0',
      [isGrpc ? 'NERVECENTER_OTLP_GRPC_PORT' : 'NERVECENTER_OTLP_PORT']: String(port),
    },
  });
  await collector.says(/ {2}stop /);
  const relay = await (isGrpc ? GrpcRelay : Relay).start(port, seed + index);
  return { way, database, collector, relay };
}

/** It stores its rows itself, and sends what they are made of every way. */
function startApp(): ObservedApp {
  const targets = ends.map(({ way, relay }) => ({
    ...way,
    endpoint: relay.url,
    timeoutMs: 1000,
    metricsIntervalMs: 1000,
  }));
  const path = join(home, 'targets.json');
  writeFileSync(path, JSON.stringify(targets));
  return new ObservedApp(APP, {
    env: {
      NERVECENTER_DATABASE_URL: urlOf(own),
      PROVIDER_URL: provider.url,
      OTEL_SERVICE_NAME: 'ways',
      NERVECENTER_LOCAL: 'on',
      NERVECENTER_OTLP_TARGETS: path,
      NERVECENTER_USER_HEADER: 'email=x-user,department=x-department',
    },
  });
}

/** One of everything. @returns how many requests the app has served by that, the one of the WebSocket not among them. */
async function useApp(url: string, name: string): Promise<number> {
  const headers = { 'x-user': `${name}@example.com`, 'x-department': 'sales' };
  const json = { ...headers, 'content-type': 'application/json' };
  const asked = await Promise.all([
    fetch(`${url}/items/7`, { headers }),
    fetch(`${url}/items`, { method: 'POST', headers: json, body: '{"a":1}' }),
    fetch(`${url}/nowhere`),
    fetch(`${url}/fails`, { headers }),
    fetch(`${url}/calls`, { headers }),
    fetch(`${url}/rag`, { headers }),
    fetch(`${url}/record`),
  ]);
  for (const response of asked) await response.arrayBuffer();
  await chatOverWebSocket(url.replace('http', 'ws'));
  return asked.length + 1; // The recorded one.
}

async function chatOverWebSocket(url: string): Promise<void> {
  const socket = new WebSocket(`${url}/chat`);
  await new Promise((resolve) => socket.addEventListener('open', resolve));
  const answered = new Promise((resolve) => socket.addEventListener('message', resolve));
  socket.send('hello');
  await answered;
  const closed = new Promise((resolve) => socket.addEventListener('close', resolve));
  socket.close(1000);
  await closed;
}

/** Totals that rows and figures have to agree on. */
function totalsOf({ api, llm, rag }: Snapshot) {
  return {
    requests: api.requests_total,
    calls: llm.total_requests,
    tokensIn: llm.tokens_in_total,
    tokensOut: llm.tokens_out_total,
    queries: rag.total_queries,
  };
}

async function snapshotOf({ collector }: Behind): Promise<Snapshot> {
  const { url, token } = await collector.dashboard();
  const response = await fetch(`${url}/api/metrics/snapshot`, {
    headers: { authorization: `Bearer ${token}` },
  });
  return (await response.json()) as Snapshot;
}

describe('what goes through a relay that cuts, delays and refuses', () => {
  let told: Rows;
  let totals: ReturnType<typeof totalsOf>;

  it(`has had everything happen to it (seed ${seed})`, async () => {
    const url = await app.appUrl();
    let requests = 0;
    for (let i = 0; ends.some(({ relay }) => relay.mishaps.rounds === 0); i++) {
      requests += await useApp(url, `user-${i}`);
      const before = ends.map(({ relay }) => relay.taken);
      await until(() => ends.every(({ relay }, at) => relay.taken > (before[at] ?? 0)), PATIENCE);
    }
    for (const { relay } of ends) relay.mishaps.end();
    told = await until(async () => {
      const rows = await rowsIn(postgres, own);
      return rows.request_metrics.length === requests ? rows : null;
    }, PATIENCE);
    totals = totalsOf(await app.snapshot());
    assert.equal(totals.requests, requests);
  });

  for (const [index, { name, nervecenter }] of WAYS.entries()) {
    it(`makes the same rows and totals as without it, each once: ${name} (seed ${seed})`, async () => {
      const [end] = ends.slice(index);
      assert.ok(end !== undefined);
      const has = await until(async () => {
        const rows = await rowsIn(postgres, end.database);
        const counts = countsOf(rows);
        return countsOf(told).every((count, table) => (counts[table] ?? 0) >= count) ? rows : null;
      }, PATIENCE);
      if (nervecenter) assert.deepEqual(has, told);
      else assertToldBySpans(has, told);
      assert.deepEqual(totalsOf(await snapshotOf(end)), totals);
    });
  }
});

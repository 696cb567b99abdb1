import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, test } from 'vitest';
import { EmbeddedPostgres } from '../../../../src/collector/sinks/postgres/embedded/embedded.ts';
import {
  createStorage,
  type Storage,
  type StorageCounts,
} from '../../../../src/collector/sinks/postgres/storage.ts';
import type { PostgresConfig } from '../../../../src/config/config.ts';
import { type NervecenterEvent, SIGNALS } from '../../../../src/core/signals/index.ts';
import { MIB, milliseconds } from '../../../../src/core/units.ts';
import { unseen } from '../../../support/measuring.ts';
import { until } from '../../../support/poll.ts';
import { reachableTempDir, startPostgres, type TestPostgres } from '../../../support/postgres.ts';
import { oneOfEach, requestEvent, requestEvents } from './events.ts';

const PATIENCE_MS = 60_000;
const SHUTDOWN_MS = 2000;

/** A storage whose counts are checked at every turn. */
class Audited {
  readonly storage: Storage;
  readonly lines: string[] = [];
  #offered = 0;

  constructor(postgres: PostgresConfig | null, dataDir = newDataDir(), queueMaxBytes = 64 * MIB) {
    this.storage = createStorage({
      ...unseen(),
      config: { postgres, dataDir, spoolMaxBytes: MIB },
      log: (_, message) => this.lines.push(message),
      queueMaxBytes,
    });
    audited.push(this);
  }

  offer(events: readonly NervecenterEvent[]): void {
    this.#offered += events.length;
    void this.storage.offer(events);
    this.check();
  }

  get fate(): Pick<StorageCounts, 'stored' | 'queued' | 'inFlight' | 'dropped'> {
    const { stored, queued, inFlight, dropped } = this.storage.counts();
    return { stored, queued, inFlight, dropped };
  }

  check(): void {
    const { accepted, stored, queued, inFlight, dropped } = this.storage.counts();
    assert.equal(accepted, this.#offered);
    const droppedTotal = Object.values(dropped).reduce((sum, count) => sum + count, 0);
    const accounted = stored + queued + inFlight + droppedTotal;
    assert.equal(accounted, this.#offered, 'accepted = stored + queued + in flight + dropped');
    assert.ok(Math.min(stored, queued, inFlight) >= 0);
  }

  async settled(): Promise<void> {
    await until(
      () => {
        this.check();
        const { queued, inFlight } = this.storage.counts();
        return queued + inFlight === 0;
      },
      { timeoutMs: PATIENCE_MS },
    );
  }
}

let server: TestPostgres;
let audited: Audited[] = [];
const dataDirs: string[] = [];

function newDataDir(): string {
  const directory = reachableTempDir();
  dataDirs.push(directory);
  return directory;
}

beforeAll(async () => {
  server = await startPostgres();
});
afterEach(async () => {
  for (const one of audited) {
    await one.storage.shutdown(SHUTDOWN_MS);
    one.check();
  }
  audited = [];
  for (const directory of dataDirs.splice(0)) rmSync(directory, { recursive: true, force: true });
});
afterAll(() => server.stop());

async function started(): Promise<{ database: PostgresConfig; checked: Audited; storage: Storage }> {
  const database = await server.createDatabase();
  const checked = new Audited(database);
  await checked.storage.start();
  return { database, checked, storage: checked.storage };
}

async function ids(database: PostgresConfig, table = 'request_metrics'): Promise<string[]> {
  return server.using(database, async (client) => {
    const { rows } = await client.query<{ id: string }>(`SELECT id FROM enterprise.${table} ORDER BY id`);
    return rows.map(({ id }) => id);
  });
}

const idsOf = (events: readonly NervecenterEvent[]) => events.map(({ id }) => id).sort();

test('an event of every signal becomes a row with its values', async () => {
  const { database, checked, storage } = await started();
  assert.equal(storage.state, 'ok');
  const events = oneOfEach();
  checked.offer(events);
  assert.equal(await storage.flush(PATIENCE_MS), true);
  assert.deepEqual(checked.fate, { stored: events.length, queued: 0, inFlight: 0, dropped: {} });
  for (const signal of Object.values(SIGNALS)) {
    const expected = events.filter((event) => event.signal === signal.name);
    assert.deepEqual(await ids(database, signal.table), idsOf(expected), signal.table);
  }
  await server.using(database, async (client) => {
    const request = await client.query('SELECT * FROM enterprise.request_metrics');
    assert.equal(request.rows[0].endpoint, '/ü/:näme,{"a"}');
    assert.equal(request.rows[0].user_email, 'o\'hara+"x"\\{}@example.com');
    assert.equal(request.rows[0].department, 'NULL');
    assert.equal(request.rows[0].timestamp.getTime(), events[0]?.timeMs);
    const llm = await client.query('SELECT * FROM enterprise.llm_call_metrics');
    assert.equal(llm.rows[0].prompt_tokens, 127);
    assert.equal(llm.rows[0].completion_tokens, 55);
    assert.equal(llm.rows[0].cost_usd, '0.001234');
    const rag = await client.query('SELECT stages, embedding_cache_hit FROM enterprise.rag_metrics');
    assert.deepEqual(rag.rows[0].stages, { embedding: 10, vector_search: 20, 'my "own" stage': 1 });
    assert.equal(rag.rows[0].embedding_cache_hit, null);
    const sessions = await client.query('SELECT bytes_in FROM enterprise.ws_session_metrics');
    assert.equal(sessions.rows[0].bytes_in, '6000000000');
  });
});

test('rows appear by themselves, without a flush', async () => {
  const { checked, storage } = await started();
  checked.offer([requestEvent()]);
  await checked.settled();
  assert.equal(storage.counts().stored, 1);
});

test('many events are stored in batches, and their sums agree', async () => {
  const { database, checked, storage } = await started();
  const events = requestEvents(3500);
  checked.offer(events);
  assert.equal(await storage.flush(PATIENCE_MS), true);
  const [row] = await server.using(database, async (client) => {
    const { rows } = await client.query(
      `SELECT count(*)::int AS count, sum(response_time_ms) AS ms, (SELECT count(*)::int FROM enterprise.nervecenter_batches) AS batches FROM enterprise.request_metrics`,
    );
    return rows;
  });
  assert.deepEqual(row, { count: 3500, ms: 3500 * 12.5, batches: 4 });
});

test('an event offered twice is stored once', async () => {
  const { database, checked, storage } = await started();
  const events = requestEvents(10);
  checked.offer([...events, ...events]);
  await storage.flush(PATIENCE_MS);
  checked.offer(events);
  await storage.flush(PATIENCE_MS);
  assert.deepEqual(await ids(database), idsOf(events));
  assert.equal(storage.counts().stored, 30);
});

test('events that a table cannot hold are found and dropped, all others stored', async () => {
  const { database, checked, storage } = await started();
  const good = requestEvents(900);
  const poison = [
    requestEvent({ statusCode: 200.5 }),
    requestEvent({ timeMs: milliseconds(Number.NaN) }),
    requestEvent({ timeMs: milliseconds(8.64e15) }),
    requestEvent({ id: 'not a uuid' }),
    requestEvent({ durationMs: null as never }),
    { signal: 'unheard-of' } as never,
  ];
  checked.offer([...good.slice(0, 300), ...poison, ...good.slice(300)]);
  assert.equal(await storage.flush(PATIENCE_MS), false, 'not everything could be stored');
  await checked.settled();
  assert.deepEqual(await ids(database), idsOf(good));
  assert.deepEqual(storage.counts().dropped, { rejected: poison.length });
  assert.equal(storage.state, 'ok');
  const said = checked.lines.filter((line) => line.includes('cannot hold'));
  assert.equal(said.length, 2, 'once per signal');
  assert.doesNotMatch(said.join(), /not a uuid/);
});

test('connections cut in the middle: everything is stored once', async () => {
  const { database, checked } = await started();
  const events: NervecenterEvent[] = [];
  const offerMore = () => {
    const more = requestEvents(500);
    events.push(...more);
    checked.offer(more);
  };
  let cuts = 0;
  let cutting = true;
  const cutter = server.using(database, async (client) => {
    while (cutting) {
      const { rowCount } = await client.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'nervecenter' AND state = 'active'`,
      );
      cuts += rowCount ?? 0;
    }
  });
  await until(
    () => {
      if (checked.storage.counts().queued < 2000) offerMore();
      return cuts >= 3;
    },
    { timeoutMs: PATIENCE_MS },
  );
  cutting = false;
  await cutter;
  await checked.settled();
  assert.deepEqual(await ids(database), idsOf(events));
  assert.equal(checked.storage.counts().stored, events.length);
});

test('the server stops and comes back: state, one line each, everything stored', async () => {
  const { database, checked, storage } = await started();
  const events = requestEvents(50);
  checked.offer(events.slice(0, 10));
  await storage.flush(PATIENCE_MS);
  await server.halt();
  checked.offer(events.slice(10));
  await until(() => storage.state === 'down', { timeoutMs: PATIENCE_MS });
  assert.equal(await storage.flush(50), false);
  checked.check();
  assert.equal(storage.counts().stored, 10);
  await server.resume();
  await checked.settled();
  await until(() => storage.state === 'ok');
  assert.deepEqual(await ids(database), idsOf(events));
  assert.equal(checked.lines.filter((line) => line.includes('trying again')).length, 1);
  assert.equal(checked.lines.filter((line) => line.includes('is back')).length, 1);
});

test('a full queue drops the oldest, says so once and counts', async () => {
  const database = await server.createDatabase();
  const checked = new Audited(database, newDataDir(), 100_000);
  const events = requestEvents(1000);
  for (let at = 0; at < events.length; at += 10) checked.offer(events.slice(at, at + 10));
  const { queued, dropped } = checked.storage.counts();
  assert.ok(queued > 50 && queued < 400, `${queued} events of some 500 bytes`);
  assert.equal(dropped['queue_full'], events.length - queued);
  await checked.storage.start();
  await checked.storage.flush(PATIENCE_MS);
  assert.deepEqual(await ids(database), idsOf(events.slice(-queued)));
  assert.equal(checked.lines.filter((line) => line.includes('dropping the oldest')).length, 1);
  assert.equal(
    checked.lines.filter((line) => line.includes(`${events.length - queued} events were dropped`)).length,
    1,
  );
});

test('a refused password is one clear sentence, and nothing is kept for it', async () => {
  const database = await server.createDatabase();
  const hba = join(server.clusterDir, 'pg_hba.conf');
  const rules = readFileSync(hba, 'utf8');
  await server.using(database, async (client) => {
    await client.query(`CREATE ROLE secretive LOGIN PASSWORD 'right'`);
    writeFileSync(hba, `local all secretive scram-sha-256\n${rules}`);
    await client.query('SELECT pg_reload_conf()');
  });
  const url = `postgresql:///${database.env['PGDATABASE']}?user=secretive&password=wr0ng&host=${server.clusterDir}`;
  const checked = new Audited({ connectionString: url, env: {} });
  checked.offer(requestEvents(3));
  await assert.rejects(checked.storage.start(), (error: Error & { code?: string }) => {
    assert.equal(error.code, 'NC_STORAGE_REFUSED');
    assert.match(
      error.message,
      /password authentication failed for user "secretive"\. Check user and password/,
    );
    assert.doesNotMatch(`${error.message}${checked.storage.description}`, /wr0ng/);
    return true;
  });
  assert.equal(checked.storage.state, 'down');
  checked.offer(requestEvents(2));
  const { stored, queued, inFlight, dropped } = checked.fate;
  assert.deepEqual([stored, inFlight], [0, 0]);
  // The first three may have reached the spool, where they stay for a start that is not refused.
  assert.ok(queued === 0 || queued === 3);
  assert.deepEqual(dropped, { unavailable: 5 - queued });
  writeFileSync(hba, rules);
});

test('a database that does not exist is refused with the remedy', async () => {
  const database = await server.createDatabase();
  const checked = new Audited({ connectionString: null, env: { ...database.env, PGDATABASE: 'nowhere' } });
  await assert.rejects(checked.storage.start(), /"nowhere" does not exist\. Create the database/);
});

test('a newer schema is refused', async () => {
  const { database } = await started();
  await server.using(database, (client) =>
    client.query(`INSERT INTO enterprise.nervecenter_migrations (number, name) VALUES (999, 'future')`),
  );
  await assert.rejects(new Audited(database).storage.start(), { code: 'NC_SCHEMA_NEWER' });
});

test('a server that is not there yet: start resolves, and it is found when it comes', async () => {
  const database = await server.createDatabase();
  await server.halt();
  const checked = new Audited(database);
  await checked.storage.start();
  assert.equal(checked.storage.state, 'down');
  const events = requestEvents(5);
  checked.offer(events);
  await server.resume();
  await checked.settled();
  assert.deepEqual(await ids(database), idsOf(events));
});

test('a host that cannot be reached does not hold up a shutdown, and what waits is counted', async () => {
  // Accepts and never answers.
  const silent = createServer((socket) => socket.resume());
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const address = silent.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const checked = new Audited({ connectionString: `postgres://user:secret@127.0.0.1:${port}/app`, env: {} });
  assert.equal(checked.storage.description, `Postgres 127.0.0.1:${port}/app`);
  const starting = checked.storage.start();
  checked.offer(requestEvents(4));
  await checked.storage.shutdown(100);
  await starting;
  assert.deepEqual(checked.fate, { stored: 0, queued: 4, inFlight: 0, dropped: {} }, 'kept in the spool');
  await new Promise((resolve) => silent.close(resolve));
});

test('shutdown stores what waits, may be called again, and later events are counted', async () => {
  const { database, checked, storage } = await started();
  const events = requestEvents(20);
  checked.offer(events);
  await Promise.all([storage.shutdown(PATIENCE_MS), storage.shutdown(1)]);
  assert.deepEqual(await ids(database), idsOf(events));
  checked.offer(requestEvents(3));
  assert.deepEqual(checked.fate, { stored: 20, queued: 0, inFlight: 0, dropped: { shutdown: 3 } });
});

test('shutdown before start keeps it from starting', async () => {
  const checked = new Audited(await server.createDatabase());
  await checked.storage.shutdown(SHUTDOWN_MS);
  await checked.storage.start();
  assert.equal(checked.storage.state, 'down');
});

test('embedded: the server is killed under load, comes back, and everything is stored once', async () => {
  const dataDir = reachableTempDir();
  const checked = new Audited(null, dataDir);
  try {
    await checked.storage.start();
    assert.match(checked.storage.description, /^embedded PostgreSQL 18 in /);
    const events = requestEvents(4000);
    checked.offer(events.slice(0, 2000));
    await until(() => checked.storage.counts().stored > 0);
    process.kill(
      Number.parseInt(readFileSync(join(dataDir, 'postgres/postmaster.pid'), 'utf8'), 10),
      'SIGKILL',
    );
    checked.offer(events.slice(2000));
    await checked.settled();
    assert.equal(checked.storage.counts().stored, events.length);
    await checked.storage.shutdown(SHUTDOWN_MS);

    const server = new EmbeddedPostgres({ dataDir, log: () => {} });
    const client = new Client(await server.start());
    await client.connect();
    const { rows } = await client.query('SELECT id FROM enterprise.request_metrics ORDER BY id');
    await client.end();
    await server.stop(SHUTDOWN_MS);
    assert.deepEqual(
      rows.map(({ id }) => id),
      idsOf(events),
    );
  } finally {
    await checked.storage.shutdown(SHUTDOWN_MS);
    rmSync(dataDir, { recursive: true, force: true });
  }
});

test('shutdown leaves no connection', async () => {
  const { database, storage } = await started();
  await storage.shutdown(SHUTDOWN_MS);
  await server.using(database, async (client) => {
    const connections = async () => {
      const { rows } = await client.query(
        `SELECT count(*)::int AS count FROM pg_stat_activity WHERE application_name = 'nervecenter' AND datname = current_database()`,
      );
      return rows[0].count as number;
    };
    await until(async () => (await connections()) === 0);
  });
});

import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { it, type TestContext } from 'vitest';
import { WebSocket } from 'ws';
import { prepareHome } from '../../../src/collector/sinks/postgres/data-dir/home.ts';
import { runningServer } from '../../../src/collector/sinks/postgres/embedded/running.ts';
import type { Snapshot } from '../../../src/core/snapshot.ts';
import { MIB } from '../../../src/core/units.ts';
import { Command } from '../../cli/command.ts';
import { messageOf } from '../../collector/receivers/otlp/messages.ts';
import { GrpcSender, PROTOBUF } from '../../collector/receivers/otlp/receiver.ts';
import { ROWS_PER_TRACE, SpanBatches } from '../../support/otlp/span-flood.ts';
import { until } from '../../support/poll.ts';
import { reachableTempDir } from '../../support/postgres.ts';

const PATIENCE = { timeoutMs: 60_000 };
const TOKEN = 'a-token-long-enough-for-a-test';
const NOTICE =
  /dashboard +(http:\/\/127\.0\.0\.1:\d+).*\n(?:.*\n)* {2}otlp +(http:\S+) \(HTTP\), (http:\S+) \(gRPC\)/;
const SPOOL_BYTES = 2 * MIB;
/** So many that the spool is full before a statement that waits is given up. */
const TRACES = 64;
/** More than the spool has room for, many times over. */
const BATCHES_MAX = 2000;
const REFUSED = 20;
const RESOURCE_EXHAUSTED = 8;

/** A collector with storage whose spool is small, and its database. */
class FloodedCollector {
  readonly #home = reachableTempDir();
  readonly #command: Command;
  readonly #clients: Client[] = [];
  readonly batches = new SpanBatches(TRACES);
  url = '';
  http = '';
  grpc = '';

  constructor({ onTestFinished }: TestContext) {
    const env = {
      ...{ NERVECENTER_PORT: '0', NERVECENTER_OTLP_PORT: '0', NERVECENTER_OTLP_GRPC_PORT: '0' },
      NERVECENTER_ADMIN_TOKEN: TOKEN,
      NERVECENTER_INTERVAL_MS: '1000',
      NERVECENTER_SPOOL_MAX_BYTES: String(SPOOL_BYTES),
    };
    this.#command = new Command(['collector'], { cwd: this.#home, env });
    onTestFinished(async () => {
      for (const client of this.#clients) await client.end();
      this.#command.child.kill('SIGTERM'); // It stops its database.
      await this.#command.end();
      rmSync(this.#home, { recursive: true, force: true });
    });
  }

  async started(): Promise<void> {
    const [, url = '', http = '', grpc = ''] = await this.#command.says(NOTICE);
    [this.url, this.http, this.grpc] = [url, http, grpc];
    await until(async () => (await this.snapshot()).pipeline.totals === 'known', PATIENCE);
  }

  async connection(): Promise<Client> {
    const client = new Client(runningServer(prepareHome(join(this.#home, '.nervecenter'))) ?? {});
    await client.connect();
    this.#clients.push(client);
    return client;
  }

  async snapshot(): Promise<Snapshot> {
    const headers = { authorization: `Bearer ${TOKEN}` };
    return (await (await fetch(`${this.url}/api/metrics/snapshot`, { headers })).json()) as Snapshot;
  }

  /** What the stream says next. */
  async streamed(): Promise<Snapshot> {
    const url = `${this.url.replace('http', 'ws')}/api/metrics/stream`;
    const socket = new WebSocket(url, { headers: { authorization: `Bearer ${TOKEN}` } });
    const messages: string[] = [];
    socket.on('message', (message) => messages.push(String(message)));
    const [, second = ''] = await until(() => (messages.length >= 2 ? messages : null), PATIENCE);
    socket.close();
    return (JSON.parse(second) as { data: Snapshot }).data;
  }

  /** The status, and when to come back. */
  async post(body = this.batches.next()): Promise<readonly [number, string | null]> {
    const response = await fetch(`${this.http}/v1/traces`, {
      method: 'POST',
      headers: PROTOBUF,
      body: new Uint8Array(body),
    });
    const answer = Buffer.from(await response.arrayBuffer());
    if (response.status === 200) assert.equal(answer.length, 0, 'nothing is left out of it');
    return [response.status, response.headers.get('retry-after')];
  }

  /** Posts until it is refused. @returns how many were accepted. */
  async flood(): Promise<number> {
    for (let accepted = 0; accepted < BATCHES_MAX; accepted++) {
      const [status, retryAfter] = await this.post();
      if (status === 200) continue;
      assert.deepEqual([status, retryAfter], [429, '1']);
      return accepted;
    }
    return assert.fail('everything was accepted');
  }
}

it('what is more than the spool has room for is refused, the rest is stored, and then all is as before', async (test) => {
  const collector = new FloodedCollector(test);
  await collector.started();
  const database = await collector.connection();
  // The server is there and takes nothing.
  await database.query('BEGIN; LOCK TABLE enterprise.request_metrics IN ACCESS EXCLUSIVE MODE');
  const accepted = await collector.flood();
  const again = await Promise.all(Array.from({ length: REFUSED }, () => collector.post()));
  assert.deepEqual(new Set(again.map(String)), new Set(['429,1']));
  const refused = await new GrpcSender(test, collector.grpc).send('traces', collector.batches.next());
  assert.ok(!Buffer.isBuffer(refused));
  assert.equal(refused.code, RESOURCE_EXHAUSTED);
  assert.equal(retrySecondsOf(refused.metadata.get('grpc-status-details-bin')[0]), 1);

  const { pipeline } = await collector.streamed();
  assert.equal(pipeline.storage, 'ok');
  assert.ok(pipeline.spool_bytes <= SPOOL_BYTES, `${pipeline.spool_bytes}`);
  assert.equal((await fetch(`${collector.url}/api/metrics/health`)).status, 200);

  await database.query('COMMIT');
  await until(async () => (await collector.post())[0] === 200, PATIENCE);
  const later = await Promise.all(Array.from({ length: REFUSED }, () => collector.post()));
  assert.deepEqual(new Set(later.map(String)), new Set(['200,']));
  const due = (accepted + 1 + later.length) * TRACES * ROWS_PER_TRACE;
  await until(async () => (await rowsIn(database)) >= due, PATIENCE);
  assert.equal(await rowsIn(database), due);
  const { pipeline: after } = await collector.snapshot();
  assert.deepEqual(after.events_dropped, {});
});

async function rowsIn(database: Client): Promise<number> {
  const { rows } = await database.query<{ n: number }>(
    `SELECT ((SELECT count(*) FROM enterprise.request_metrics) + (SELECT count(*) FROM enterprise.llm_call_metrics)
      + (SELECT count(*) FROM enterprise.spans))::int AS n`,
  );
  return rows[0]?.n ?? 0;
}

function retrySecondsOf(details: string | Buffer | undefined): number | undefined {
  const status = messageOf('RpcStatus', Buffer.from(details ?? '')) as { details?: { value: Buffer }[] };
  const info = messageOf('RetryInfo', status.details?.[0]?.value ?? Buffer.alloc(0)) as {
    retryDelay?: { seconds: number };
  };
  return info.retryDelay?.seconds;
}

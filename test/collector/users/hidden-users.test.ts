import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { PostgresConfig } from '../../../src/config/config.ts';
import type { NervecenterEvent } from '../../../src/core/signals/index.ts';
import { contents } from '../../commands/exporting.ts';
import { OtlpReceiver } from '../../support/otlp/receiver.ts';
import { until } from '../../support/poll.ts';
import { reachableTempDir, startPostgres, type TestPostgres } from '../../support/postgres.ts';
import { FedCollector } from '../restart/fed-collector.ts';
import { requestEvent } from '../sinks/postgres/events.ts';

const USER = 'ada@example.com';
let server: TestPostgres;
let cwd: string;

beforeAll(async () => {
  server = await startPostgres();
  cwd = reachableTempDir();
});
afterAll(async () => {
  await server.stop();
  rmSync(cwd, { recursive: true, force: true });
});

function requestOf(userEmail: string): NervecenterEvent {
  return { ...requestEvent(), userEmail, department: 'sales' } as NervecenterEvent;
}

async function fed(database: PostgresConfig, directory: string, env: Record<string, string> = {}) {
  const collector = await FedCollector.start(database, join(cwd, directory), {
    NERVECENTER_HASH_USERS: 'on',
    ...env,
  });
  await collector.collector.ready;
  return collector;
}

async function stored(database: PostgresConfig, rows: number): Promise<string[]> {
  return until(async () => {
    const users = await server.using(database, (client) =>
      client.query<{ user_email: string }>('SELECT user_email FROM enterprise.request_metrics ORDER BY id'),
    );
    return users.rows.length === rows ? users.rows.map(({ user_email }) => user_email) : undefined;
  });
}

test('no row, no rollup, no span and nothing that is sent has a user who is hidden', async ({
  onTestFinished,
}) => {
  const database = await server.createDatabase();
  const receiver = await OtlpReceiver.start({ foreign: true });
  onTestFinished(() => receiver.stop());
  const collector = await fed(database, 'one', {
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
    NERVECENTER_LOCAL: 'on',
    NERVECENTER_OTLP_PORT: '0',
  });
  const [, http = ''] = /otlp +(\S+) \(HTTP\)/.exec(await collector.collector.ready) ?? [];
  await collector.feed([requestOf(USER)]);
  const span = (n: number) => ({
    traceId: '0102030405060708090a0b0c0d0e0f10',
    spanId: `010203040506070${n}`,
    name: 'GET /ask',
    kind: 2,
    startTimeUnixNano: String(BigInt(Date.now()) * 1_000_000n),
    endTimeUnixNano: String(BigInt(Date.now() + 20) * 1_000_000n),
    attributes: [
      { key: 'user.email', value: { stringValue: USER } },
      { key: 'enduser.id', value: { stringValue: USER } },
      { key: 'http.request.method', value: { stringValue: 'GET' } },
      { key: 'http.route', value: { stringValue: '/ask' } },
      { key: 'http.response.status_code', value: { intValue: '500' } },
    ],
    status: { code: 2 },
  });
  const answer = await fetch(`${http}/v1/traces`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      resourceSpans: [
        {
          resource: { attributes: [{ key: 'service.name', value: { stringValue: 'shop' } }] },
          scopeSpans: [{ scope: { name: 'shop' }, spans: [span(1)] }],
        },
      ],
    }),
  });
  assert.equal(answer.status, 200, await answer.text());
  const users = await stored(database, 2);
  expect(users).toEqual([users[0], users[0]]);
  expect(users[0]).toMatch(/^user-[\da-f]{32}$/);
  await until(() => receiver.spans.length >= 2, { what: String(receiver.problems) });
  await collector.collector.shutdown(5000);
  const everything = JSON.stringify(await server.using(database, (client) => contents(client)));
  expect(everything).toContain(users[0]);
  expect(everything).toContain('sales');
  expect(everything).not.toContain(USER);
  const sent = JSON.stringify(receiver.requests, (_, value) =>
    typeof value === 'bigint' ? String(value) : value,
  );
  expect(sent).toContain(users[0]);
  expect(sent).not.toContain(USER);
});

test('the hash is the same after a restart, from another directory, and when the directory had a key of its own', async () => {
  const database = await server.createDatabase();
  let rows = 0;
  const own = await server.createDatabase();
  for (const [at, directory] of [
    [own, 'c'],
    [database, 'a'],
    [database, 'a'],
    [database, 'b'],
  ] as const) {
    const collector = await fed(at, directory);
    if (at === database) {
      await collector.feed([requestOf(USER)]);
      rows++;
      await stored(database, rows);
    }
    await collector.collector.shutdown(5000);
  }
  expect(new Set(await stored(database, 3)).size).toBe(1);

  // It has used another database, whose key it has kept.
  const moved = await fed(database, 'c');
  await until(() => moved.lines.some((line) => line.includes('the key that the database has')));
  await moved.feed([requestOf(USER)]);
  expect(new Set(await stored(database, 4)).size).toBe(1);
  await moved.collector.shutdown(5000);
});

test('a key that is set is used, and is not in the database', async () => {
  const database = await server.createDatabase();
  const collector = await fed(database, 'd', { NERVECENTER_HASH_KEY: 'a key that is set here' });
  await collector.feed([requestOf(USER)]);
  await stored(database, 1);
  await collector.collector.shutdown(5000);
  const { rows } = await server.using(database, (client) =>
    client.query('SELECT FROM enterprise.nervecenter_user_key'),
  );
  expect(rows).toEqual([]);
});

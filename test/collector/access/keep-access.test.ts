import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, type PoolClient } from 'pg';
import { afterAll, beforeAll, describe, it, type TestContext } from 'vitest';
import { AccessFiles } from '../../../src/collector/access/access-files.ts';
import { keepAccess } from '../../../src/collector/access/keep-access.ts';
import { createAccessStore } from '../../../src/collector/sinks/postgres/access-store.ts';
import { createAlertStore } from '../../../src/collector/sinks/postgres/alert-store.ts';
import { takingTurns } from '../../../src/collector/sinks/postgres/connect/lend.ts';
import { externalServer } from '../../../src/collector/sinks/postgres/connect/postgres-server.ts';
import { migrate } from '../../../src/collector/sinks/postgres/schema/migrate.ts';
import type { PostgresConfig } from '../../../src/config/config.ts';
import { AccessRegister } from '../../../src/core/access/register.ts';
import { ALL_BEFORE, type EndedSession } from '../../../src/core/access/store.ts';
import type { AccessToken } from '../../../src/core/access/token.ts';
import { NervecenterError } from '../../../src/core/errors.ts';
import { until } from '../../support/poll.ts';
import { startPostgres, type TestPostgres } from '../../support/postgres.ts';

const TOKEN: AccessToken = { name: 'ci', role: 'admin', digest: 'ab'.repeat(32), madeMs: 1000, usedMs: null };
const TOKEN_ID = TOKEN.digest.slice(0, 18);
const NOW_MS = Date.now();
const ended = (n: number): EndedSession => ({
  id: n.toString(16).padStart(36, '0'),
  openedMs: NOW_MS,
  untilMs: NOW_MS + 3_600_000,
});

function directory(test: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'nervecenter-test-'));
  test.onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** What a collector keeps in this data directory, and in a database if it has one. */
function collector(
  test: TestContext,
  dataDir: string,
  shared: ReturnType<typeof createAccessStore> | null = null,
) {
  const register = new AccessRegister();
  const logs: string[] = [];
  const files = new AccessFiles(dataDir);
  const log = (component: string, message: string) => logs.push(`${component}: ${message}`);
  const keeping = keepAccess({ register, files, shared, now: () => Date.now(), log });
  test.onTestFinished(() => keeping.stop());
  return { register, logs, stop: () => keeping.stop() };
}

describe('in a data directory', () => {
  it('a session that ended stays ended after a restart, and at once in who shares it', async (test) => {
    const dataDir = directory(test);
    const [first, beside] = [collector(test, dataDir), collector(test, dataDir)];
    await first.register.end(ended(1), NOW_MS);
    first.stop();
    assert.ok(collector(test, dataDir).register.isEnded(ended(1)), 'known before anybody can ask');
    await until(() => beside.register.isEnded(ended(1)));
    assert.deepEqual([first.logs, beside.logs], [[], []]);
  });

  it('tokens that a command adds and revokes are noticed, and their use is written down', async (test) => {
    const dataDir = directory(test);
    const { register } = collector(test, dataDir);
    const command = new AccessFiles(dataDir);
    await command.add(TOKEN);
    await until(() => register.token(TOKEN_ID) !== null);
    register.used(TOKEN_ID, NOW_MS);
    await until(async () => (await new AccessFiles(dataDir).tokens())[0]?.usedMs === NOW_MS);
    let told = 0;
    register.onEnd(() => told++);
    await command.remove('ci');
    await until(() => register.token(TOKEN_ID) === null);
    assert.equal(told, 1);
  });

  it('where tokens cannot be read for a while those known stay, which is said once, and they are read again', async (test) => {
    const dataDir = directory(test);
    await new AccessFiles(dataDir).add(TOKEN);
    const register = new AccessRegister();
    const logs: string[] = [];
    let reads = 0;
    let failing = false;
    const files = new AccessFiles(dataDir, (path) => {
      reads++;
      if (failing) throw Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' });
      return readFileSync(path, 'utf8');
    });
    const log = (_: string, message: string) => logs.push(message);
    const keeping = keepAccess({ register, files, shared: null, now: () => Date.now(), log });
    test.onTestFinished(() => keeping.stop());
    assert.notEqual(register.token(TOKEN_ID), null);
    failing = true;
    await new AccessFiles(dataDir).add({ ...TOKEN, name: 'another', digest: 'cd'.repeat(32) });
    const before = reads;
    await until(() => reads >= before + 4);
    assert.notEqual(register.token(TOKEN_ID), null);
    assert.equal(register.token('cd'.repeat(9)), null);
    assert.equal(logs.length, 1, logs.join());
    assert.match(logs[0] ?? '', /those known are used: .*EMFILE/);
    failing = false;
    await until(() => register.token('cd'.repeat(9)) !== null);
    assert.notEqual(register.token(TOKEN_ID), null);
    await until(() => logs.length === 2);
  });

  it('files of ended sessions go as soon as one entry stands for them all', async (test) => {
    const dataDir = directory(test);
    const { register } = collector(test, dataDir);
    for (let i = 1; i <= 20; i++) await register.end({ ...ended(i), openedMs: NOW_MS - i }, NOW_MS);
    assert.equal(readdirSync(join(dataDir, 'access', 'ended')).length, 20);
    const allBefore = { id: ALL_BEFORE, openedMs: NOW_MS - 5, untilMs: ended(1).untilMs };
    await register.end(allBefore, NOW_MS);
    const left = readdirSync(join(dataDir, 'access', 'ended')).map((file) => file.slice(0, 36));
    assert.deepEqual(left.sort(), [0, 1, 2, 3, 4].map((n) => ended(n).id).sort());
  });

  it('tokens are known although logouts cannot be read', (test) => {
    const dataDir = directory(test);
    mkdirSync(join(dataDir, 'access', 'tokens'), { recursive: true });
    writeFileSync(join(dataDir, 'access', 'ended'), '');
    const { name, ...fields } = TOKEN;
    writeFileSync(join(dataDir, 'access', 'tokens', `token-${name}.json`), JSON.stringify(fields));
    const { register } = collector(test, dataDir);
    assert.notEqual(register.token(TOKEN_ID), null);
  });

  it('that cannot be used is said once, and sessions end all the same', async (test) => {
    const file = join(directory(test), 'file');
    writeFileSync(file, '');
    const { register, logs } = collector(test, file);
    await register.end(ended(1), NOW_MS);
    await register.end(ended(2), NOW_MS);
    assert.ok(register.isEnded(ended(1)) && register.isEnded(ended(2)));
    assert.equal(logs.length, 1);
    assert.match(logs[0] ?? '', /^access: the data directory cannot be used, so a restart forgets logouts: /);
  });
});

describe('in a database that collectors share', () => {
  let server: TestPostgres;
  let database: PostgresConfig;
  const clients: Client[] = [];
  beforeAll(async () => {
    server = await startPostgres();
    database = await server.createDatabase();
    await server.using(database, (client) => migrate(client));
  });
  afterAll(async () => {
    for (const client of clients) await client.end();
    await server.stop();
  });

  /** A store that is away while it is told so. */
  async function storeOf(away: () => boolean = () => false) {
    const client = new Client(await externalServer(database).start());
    clients.push(client);
    await client.connect();
    return createAccessStore((work) => {
      if (!away()) return work(client);
      return Promise.reject(new NervecenterError('NC_UNAVAILABLE', 'away'));
    });
  }

  it('a session that ended at one is ended at the other, and in its data directory from then on', async (test) => {
    const [here, there] = [directory(test), directory(test)];
    const one = collector(test, here, await storeOf());
    const other = collector(test, there, await storeOf());
    await one.register.end(ended(10), NOW_MS);
    await until(() => other.register.isEnded(ended(10)));
    await until(() => existsSync(join(there, 'access', 'ended')));
    other.stop();
    const alone = collector(test, there, await storeOf(() => true));
    await until(() => alone.register.isEnded(ended(10)));
    assert.deepEqual(alone.logs, [], 'that the database is away is said by storage');
  });

  it('one that ended while the database was away is told it later', async (test) => {
    let away = true;
    const one = collector(test, directory(test), await storeOf(() => away));
    const other = collector(test, directory(test), await storeOf());
    await one.register.end(ended(11), NOW_MS);
    assert.equal(other.register.isEnded(ended(11)), false);
    away = false;
    await until(() => other.register.isEnded(ended(11)));
  });

  it('a database that was not read for a while is said once, whatever the reason, and so is its end', async (test) => {
    let away = true;
    const register = new AccessRegister();
    const logs: string[] = [];
    const log = (_: string, message: string) => logs.push(message);
    const shared = await storeOf(() => away);
    const files = new AccessFiles(directory(test));
    const keeping = keepAccess({ register, files, shared, now: () => Date.now(), log, overdueMs: 10 });
    test.onTestFinished(() => keeping.stop());
    await until(() => logs.length > 0);
    assert.match(logs[0] ?? '', /^tokens and logouts in the database have not been read for .*still opens$/);
    away = false;
    await until(() => logs[1] === 'tokens and logouts are read from the database again');
  });

  it('who floods it with questions keeps no token from being revoked, and no alert from being judged', async (test) => {
    const client = new Client(await externalServer(database).start());
    clients.push(client);
    await client.connect();
    const turns = takingTurns((work) => work(client as unknown as PoolClient));
    const command = await storeOf();
    await command.add({ ...TOKEN, name: 'flood', digest: 'ef'.repeat(32) });
    const { register } = collector(test, directory(test), createAccessStore(turns.access));
    await until(() => register.token('ef'.repeat(9)) !== null);
    let flooding = true;
    const flood = async () => {
      while (flooding) {
        const question = turns.questions((one) => one.query('SELECT pg_sleep(0.01)'));
        await question.catch(() => new Promise((resolve) => setImmediate(resolve)));
      }
    };
    const floods = Array.from({ length: 60 }, flood);
    try {
      await command.remove('flood');
      await until(() => register.token('ef'.repeat(9)) === null);
      const { seated } = await createAlertStore(turns.own, turns.questions).enter(randomUUID(), 1000);
      assert.equal(seated, true);
    } finally {
      flooding = false;
      await Promise.all(floods);
    }
  });

  it('tokens are there for all, and files beside it give none', async (test) => {
    const dataDir = directory(test);
    await new AccessFiles(dataDir).add({ ...TOKEN, name: 'of-a-file', digest: 'cd'.repeat(32) });
    const command = await storeOf();
    assert.equal(await command.add(TOKEN), true);
    assert.equal(await command.add({ ...TOKEN, role: 'viewer' }), false);
    const { register } = collector(test, dataDir, await storeOf());
    await until(() => register.token(TOKEN_ID) !== null);
    assert.equal(register.token('cd'.repeat(9)), null);
    register.used(TOKEN_ID, NOW_MS);
    await until(async () => (await command.tokens())[0]?.usedMs === NOW_MS);
    assert.deepEqual(await command.tokens(), [{ ...TOKEN, usedMs: NOW_MS }]);
    assert.equal(await command.remove('ci'), true);
    assert.equal(await command.remove('ci'), false);
    await until(() => register.token(TOKEN_ID) === null);
  });

  it('what need not be known any more is forgotten', async () => {
    const store = await storeOf();
    await store.end({ ...ended(20), untilMs: NOW_MS + 1000 });
    await store.end({ ...ended(21), openedMs: NOW_MS - 500 });
    await store.end({ ...ended(0), openedMs: NOW_MS - 1000 });
    await store.end({ ...ended(0), openedMs: NOW_MS - 400 });
    await store.end({ ...ended(0), openedMs: NOW_MS - 700 });
    await store.forget(NOW_MS + 1001);
    const left = (await (await storeOf()).ended()).filter(({ id }) =>
      [0, 20, 21].some((n) => id === ended(n).id),
    );
    assert.deepEqual(left, [{ ...ended(0), openedMs: NOW_MS - 400 }]);
  });

  it('a role that may not read them is told in one line', async (test) => {
    const away = createAccessStore(() =>
      Promise.reject(Object.assign(new Error('permission denied for table'), { code: '42501' })),
    );
    const { logs } = collector(test, directory(test), away);
    await until(() => logs.length > 0);
    assert.match(
      logs.join('\n'),
      /^access: tokens and logouts in the database cannot be read, .*permission denied/,
    );
  });
});

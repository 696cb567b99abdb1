import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { Client, type ClientConfig } from 'pg';
import { afterAll, beforeAll, test } from 'vitest';
import { installedBinaries } from '../../../../../src/collector/sinks/postgres/embedded/binaries.ts';
import {
  type EmbeddedOptions,
  EmbeddedPostgres,
} from '../../../../../src/collector/sinks/postgres/embedded/embedded.ts';
import { until } from '../../../../support/poll.ts';
import { reachableTempDir } from '../../../../support/postgres.ts';

const STOP_MS = 5000;
const PATIENCE_MS = 60_000;
const OWNER = join(import.meta.dirname, 'embedded-owner.ts');
const root = process.getuid?.() === 0;
const linux = process.platform === 'linux';

/** One cluster for the tests that only start and stop; making one takes longer than everything else. */
let directory: string;
let dataDir: string;
let clusterDir: string;
const children: ChildProcess[] = [];

beforeAll(async () => {
  directory = reachableTempDir();
  dataDir = join(directory, '.nervecenter');
  clusterDir = join(dataDir, 'postgres');
  await running(async (options) => {
    await query(options, 'CREATE TABLE kept (x int)');
  });
});
afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(directory, { recursive: true, force: true });
});

function embedded(options: Partial<EmbeddedOptions> = {}): { server: EmbeddedPostgres; lines: string[] } {
  const lines: string[] = [];
  return { server: new EmbeddedPostgres({ dataDir, log: (_, line) => lines.push(line), ...options }), lines };
}

async function running(
  work: (options: ClientConfig, server: EmbeddedPostgres, lines: string[]) => Promise<void>,
  options: Partial<EmbeddedOptions> = {},
): Promise<void> {
  const { server, lines } = embedded(options);
  try {
    await work(await server.start(), server, lines);
  } finally {
    await server.stop(STOP_MS);
  }
}

async function query(options: ClientConfig, sql: string): Promise<Record<string, unknown>[]> {
  const client = new Client(options);
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

const postmasterPid = (cluster = clusterDir): number =>
  Number(readFileSync(join(cluster, 'postmaster.pid'), 'utf8').split('\n')[0]);

/** `/proc/<pid>/stat` from the state on, `null` when the process is gone. */
function processStat(pid: number): string[] | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return null;
  }
}

function isRunning(pid: number): boolean {
  if (linux) return !['Z', 'X', undefined].includes(processStat(pid)?.[0]);
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** A child that owns an embedded server on the shared data directory, and its server's process. */
async function startOwner(): Promise<{ owner: ChildProcess; postmaster: number }> {
  const owner = spawn(process.execPath, [OWNER, dataDir], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(owner);
  assert.ok(owner.stdout);
  await once(owner.stdout, 'data');
  return { owner, postmaster: postmasterPid() };
}

function watchdogOf(postmaster: number): number {
  const found = readdirSync('/proc').find((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').endsWith(`nervecenter-watchdog\0${postmaster}\0`);
    } catch {
      return false;
    }
  });
  assert.ok(found, 'there is a watchdog');
  return Number(found);
}

test('stops completely and keeps its rows', async () => {
  await running(async (options, server) => {
    assert.equal(server.description, `embedded PostgreSQL 18 in ${dataDir}`);
    await query(options, 'TRUNCATE kept; INSERT INTO kept VALUES (42)');
  });
  assert.equal(existsSync(join(clusterDir, 'postmaster.pid')), false);
  assert.equal(existsSync(join(dataDir, 'postgres.lock')), false);
  await running(async (options) => {
    assert.deepEqual(await query(options, 'SELECT x FROM kept'), [{ x: 42 }]);
  });
});

test('is durable, small, and on no network', async () => {
  await running(async (options) => {
    const settings = await query(
      options,
      `SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'synchronous_commit', 'listen_addresses', 'jit', 'autovacuum')`,
    );
    assert.deepEqual(Object.fromEntries(settings.map(({ name, setting }) => [name, setting])), {
      autovacuum: 'on',
      fsync: 'on',
      jit: 'off',
      listen_addresses: '',
      synchronous_commit: 'on',
    });
    assert.equal(readFileSync(join(dataDir, '.gitignore'), 'utf8'), '*\n');
  });
});

test('nobody else can reach its socket', { skip: !linux }, async () => {
  await running(async () => {
    const socket = statSync(join(clusterDir, '.s.PGSQL.5432'));
    assert.equal(socket.mode & 0o777, 0o700);
    assert.equal(statSync(clusterDir).mode & 0o777, 0o700);
  });
});

test('runs in a session of its own, so that Ctrl-C does not reach it', { skip: !linux }, async () => {
  await running(async () => {
    const pid = postmasterPid();
    const [, , group, session] = processStat(pid) ?? [];
    assert.deepEqual([Number(group), Number(session)], [pid, pid]);
  });
});

test('does not run as root when we do', { skip: !root }, async () => {
  await running(async () => {
    const uid = statSync(clusterDir).uid;
    assert.notEqual(uid, 0);
    assert.match(
      readFileSync(`/proc/${postmasterPid()}/status`, 'utf8'),
      new RegExp(`^Uid:\\t${uid}\\t${uid}`, 'm'),
    );
  });
});

test('a server killed under us is started again', async () => {
  await running(async (options, server) => {
    await query(options, 'TRUNCATE kept; INSERT INTO kept VALUES (7)');
    const pid = postmasterPid();
    process.kill(pid, 'SIGKILL');
    await until(() => !isRunning(pid));
    await until(
      async () => {
        const rows = await server.start().then(
          (again) => query(again, 'SELECT x FROM kept'),
          () => [],
        );
        return rows[0]?.['x'] === 7;
      },
      { timeoutMs: PATIENCE_MS },
    );
    assert.notEqual(postmasterPid(), pid);
  });
});

test('an owner killed with SIGKILL takes its server with it', { skip: !linux }, async () => {
  const { owner, postmaster } = await startOwner();
  owner.kill('SIGKILL');
  await until(() => !isRunning(postmaster), { timeoutMs: PATIENCE_MS });
  assert.equal(existsSync(join(clusterDir, 'postmaster.pid')), false, 'it stopped in order');
});

test('a server left behind by a killed owner is stopped by the next start', { skip: !linux }, async () => {
  const { owner, postmaster } = await startOwner();
  const watchdog = watchdogOf(postmaster);
  process.kill(watchdog, 'SIGKILL');
  await until(() => !isRunning(watchdog));
  owner.kill('SIGKILL');
  await once(owner, 'exit');
  assert.ok(isRunning(postmaster), 'there is an orphan');
  await running(async (options, _, lines) => {
    assert.equal(isRunning(postmaster), false);
    assert.notEqual(postmasterPid(), postmaster);
    assert.equal((await query(options, 'SELECT 1 AS one')).length, 1);
    assert.equal(lines.filter((line) => line.includes('earlier process left running')).length, 1);
  });
});

test('a data directory in use by another process is refused, and free when that has stopped', async () => {
  const { owner } = await startOwner();
  await assert.rejects(embedded().server.start(), (error: Error & { code?: string }) => {
    assert.equal(error.code, 'NC_STORAGE_UNREACHABLE');
    assert.match(error.message, new RegExp(`process ${owner.pid}`));
    assert.match(error.message, /NERVECENTER_DATA_DIR/);
    return true;
  });
  owner.kill('SIGTERM');
  await once(owner, 'exit');
  await running(async () => {});
});

test('a data directory in use by this process is refused', async () => {
  await running(async () => {
    await assert.rejects(embedded().server.start(), { code: 'NC_STORAGE_UNREACHABLE' });
  });
});

test('locks of a zombie and of a number that is somebody else’s now do not stop the start', {
  skip: !linux,
}, async () => {
  // The shell becomes a program that never asks how its child ended.
  const parent = spawn('/bin/sh', ['-c', 'sleep 0.01 & exec sleep 60'], { stdio: 'ignore' });
  children.push(parent);
  const zombie = () =>
    readdirSync('/proc').find((pid) => {
      const stat = processStat(Number(pid));
      return stat?.[0] === 'Z' && Number(stat[1]) === parent.pid;
    });
  await until(() => zombie() !== undefined);
  for (const pid of [Number(zombie()), Number(parent.pid)]) {
    writeFileSync(
      join(clusterDir, 'postmaster.pid'),
      `${pid}\n${clusterDir}\n1\n5432\n${clusterDir}\n\n\nready\n`,
    );
    writeFileSync(join(clusterDir, '.s.PGSQL.5432.lock'), `${pid}\n`);
    await running(async (options) => {
      assert.equal((await query(options, 'SELECT 1 AS one')).length, 1);
    });
  }
  assert.ok(isRunning(Number(parent.pid)), 'the innocent process lives');
  parent.kill('SIGKILL');
});

test('works in a worker thread, and ends with it', { skip: !linux }, async () => {
  const worker = new Worker(OWNER, { argv: [dataDir], stdout: true });
  await once(worker.stdout, 'data');
  const postmaster = postmasterPid();
  assert.ok(isRunning(postmaster));
  await worker.terminate();
  await until(() => !isRunning(postmaster), { timeoutMs: PATIENCE_MS });
  // The lock bears our own process' number, but the thread that held it is gone.
  await running(async () => {});
});

test('a log that has grown too long is started anew', async () => {
  const log = join(dataDir, 'postgres.log');
  writeFileSync(log, 'x'.repeat(10 * 1024 * 1024 + 1));
  await running(async () => {
    assert.ok(statSync(log).size < 100_000);
  });
});

test('a directory of another major version is refused and left alone', async () => {
  const version = join(clusterDir, 'PG_VERSION');
  const original = readFileSync(version, 'utf8');
  writeFileSync(version, '17\n');
  try {
    await assert.rejects(
      embedded().server.start(),
      /made by PostgreSQL 17, this version of nervecenter brings 18/,
    );
  } finally {
    writeFileSync(version, original);
  }
});

test('a start that fails leaves the data directory free', async () => {
  const { server } = embedded({ installed: { directory: join(directory, 'nothing'), version: '18' } });
  await assert.rejects(server.start(), { code: 'NC_EMBEDDED_UNAVAILABLE' });
  await server.stop(0);
  await running(async () => {});
});

test('a data directory that cannot be made is refused', async () => {
  const file = join(directory, 'file');
  writeFileSync(file, '');
  const { server } = embedded({ dataDir: join(file, 'data') });
  await assert.rejects(server.start(), { code: 'NC_DATA_DIR' });
});

test('a file system that takes no directories is refused, and does not hang', { skip: !linux }, async () => {
  const { server } = embedded({ dataDir: '/proc/nervecenter/data' });
  await assert.rejects(server.start(), {
    code: 'NC_DATA_DIR',
    message: /\/proc\/nervecenter\/data cannot be made/,
  });
});

test('stopping during the first start leaves nothing behind', async () => {
  const fresh = join(directory, 'fresh');
  const { server } = embedded({ dataDir: fresh });
  const starting = server.start();
  starting.catch(() => {});
  await until(
    () => existsSync(fresh) && readdirSync(fresh).some((name) => name.startsWith('postgres.init-')),
  );
  await server.stop(STOP_MS);
  await assert.rejects(starting);
  assert.deepEqual(readdirSync(fresh), ['.gitignore']);
});

test('root: a project nobody else can enter, links missing, a path too long for a socket', {
  skip: !root || !linux,
}, async () => {
  const home = join(directory, 'private');
  mkdirSync(home, { mode: 0o700 });
  const native = join(home, 'native');
  copyWithoutLinks(installedBinaries().directory, native);
  const systemDir = join(directory, `system-${'long'.repeat(25)}`);
  const installed = { directory: native, version: installedBinaries().version };
  const options = { dataDir: join(home, 'app/.nervecenter'), shownAs: '.nervecenter', installed, systemDir };
  let socketDir = '';
  await running(async (client, server) => {
    socketDir = client.host ?? '';
    assert.ok(server.description.startsWith(`embedded PostgreSQL 18 in ${systemDir}/`), server.description);
    assert.match(server.description, /cannot reach/);
    assert.equal(statSync(socketDir).mode & 0o777, 0o700);
    assert.ok(lstatSync(join(native, 'lib/libpq.so.5')).isSymbolicLink(), 'the links were made');
    const pid = (await query(client, 'SELECT pg_backend_pid() AS pid'))[0]?.['pid'];
    assert.equal(typeof pid, 'number');
    assert.ok(existsSync(join(systemDir, `postgres-${installed.version}`, 'native', 'bin', 'postgres')));
  }, options);
  assert.equal(existsSync(socketDir), false, 'the short directory is gone');
  chmodSync(home, 0o755);
});

/** As npm leaves the package when it runs no install scripts. */
function copyWithoutLinks(source: string, target: string): void {
  mkdirSync(target);
  for (const entry of readdirSync(source, { withFileTypes: true })) {
    const from = join(source, entry.name);
    if (entry.isDirectory()) copyWithoutLinks(from, join(target, entry.name));
    else if (entry.isFile())
      writeFileSync(join(target, entry.name), readFileSync(from), { mode: statSync(from).mode });
  }
}

test('every process of the server is gone when it has stopped', { skip: !linux }, async () => {
  const cluster = realpathSync(clusterDir);
  const inCluster = () =>
    readdirSync('/proc').filter((pid) => {
      try {
        return readlinkSync(`/proc/${pid}/cwd`) === cluster && isRunning(Number(pid));
      } catch {
        return false;
      }
    });
  await running(async () => assert.notEqual(inCluster().length, 0));
  await until(() => inCluster().length === 0);
});

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  lchownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { Client, type ClientConfig } from 'pg';
import { afterAll, beforeEach, describe, test } from 'vitest';
import {
  accountIn,
  canReach,
  ownAccount,
} from '../../../../../src/collector/sinks/postgres/data-dir/account.ts';
import { authentication } from '../../../../../src/collector/sinks/postgres/embedded/authentication.ts';
import { installedBinaries } from '../../../../../src/collector/sinks/postgres/embedded/binaries.ts';
import { EmbeddedPostgres } from '../../../../../src/collector/sinks/postgres/embedded/embedded.ts';
import { packageRoot } from '../../../../../src/platform/paths.ts';
import { reachableTempDir } from '../../../../support/postgres.ts';
import { visit } from './visitor.ts';

const STOP_MS = 5000;
const OWNER = join(import.meta.dirname, 'embedded-owner.ts');
const isRoot = process.getuid?.() === 0 && process.platform === 'linux';
const PASSWD = isRoot ? readFileSync('/etc/passwd', 'utf8') : '';
const NOBODY = { uid: 65_534, gid: 65_534 };
/** Whom earlier versions ran the server as. */
const SHARED = accountIn(PASSWD);
const OWN = isRoot ? ownAccount(`${PASSWD}\n${readFileSync('/etc/group', 'utf8')}`) : null;
const ALL_MAPPED = '         0          0 4294967295\n';

const directories: string[] = [];
let dataDir = '';
let clusterDir = '';
let lines: string[] = [];

beforeEach(() => {
  const directory = reachableTempDir();
  directories.push(directory);
  dataDir = join(directory, 'data');
  clusterDir = join(dataDir, 'postgres');
  lines = [];
});
afterAll(() => {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
});

async function running(work: (options: ClientConfig) => Promise<void>): Promise<void> {
  const server = new EmbeddedPostgres({ dataDir, log: (_, line) => lines.push(line) });
  try {
    await work(await server.start());
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

/** As an earlier version left it: the account's that others use too, and open to whoever reaches its socket. */
async function makeOlderCluster(): Promise<void> {
  await running(async (options) => {
    await query(options, 'CREATE TABLE kept (x int); INSERT INTO kept VALUES (42)');
  });
  writeFileSync(join(clusterDir, 'pg_hba.conf'), 'local all all trust\n');
  giveAll(clusterDir, SHARED);
}

function giveAll(path: string, { uid, gid }: { readonly uid: number; readonly gid: number }): void {
  lchownSync(path, uid, gid);
  for (const entry of readdirSync(path, { withFileTypes: true, recursive: true }))
    lchownSync(join(entry.parentPath, entry.name), uid, gid);
}

function ownersIn(path: string): number[] {
  const entries = readdirSync(path, { withFileTypes: true, recursive: true });
  return [...new Set(entries.map(({ parentPath, name }) => statSync(join(parentPath, name)).uid))];
}

const SHUT = { socket: 'EACCES', file: 'EACCES' };

describe('as root', { skip: !isRoot || OWN === null }, () => {
  const own = OWN ?? NOBODY;

  test('rows are out of reach of every user, that of the server included', async () => {
    await running(async (options) => {
      assert.equal(statSync(clusterDir).uid, own.uid);
      assert.equal(statSync(clusterDir).mode & 0o777, 0o700);
      assert.deepEqual(await visit(NOBODY, clusterDir), SHUT);
      assert.deepEqual(await visit(SHARED, clusterDir), SHUT);
      assert.equal((await visit(own, clusterDir)).socket, '28000', 'it reaches the socket, and is refused');
      assert.equal((await visit({ uid: 0, gid: 0 }, clusterDir)).socket, 'in');
      await query(options, 'CREATE ROLE reader LOGIN');
      assert.deepEqual(await query({ ...options, user: 'reader' }, 'SELECT current_user::text AS who'), [
        { who: 'reader' },
      ]);
    });
    assert.deepEqual(lines, []);
  });

  test('a cluster of an earlier version is taken over with its rows', async () => {
    await makeOlderCluster();
    await running(async (options) => {
      assert.deepEqual(await query(options, 'SELECT x FROM kept'), [{ x: 42 }]);
      assert.deepEqual(ownersIn(clusterDir), [own.uid]);
      assert.deepEqual(await visit(SHARED, clusterDir), SHUT);
    });
    assert.match(lines.join('\n'), new RegExp(`is the user's with the number ${own.uid} from now on`));
    await running(async (options) => {
      assert.deepEqual(await query(options, 'SELECT x FROM kept'), [{ x: 42 }]);
    });
    assert.equal(lines.length, 1, 'once');
  });

  test('a take-over that was interrupted is done again', async () => {
    await makeOlderCluster();
    chownSync(clusterDir, own.uid, own.gid);
    giveAll(join(clusterDir, 'base'), own);
    await running(async (options) => {
      assert.deepEqual(await query(options, 'SELECT x FROM kept'), [{ x: 42 }]);
      assert.deepEqual(ownersIn(clusterDir), [own.uid]);
    });
  });

  test('a cluster with parts elsewhere stays with its owner, who is refused all the same', async () => {
    await makeOlderCluster();
    const elsewhere = join(dirname(dataDir), 'wal');
    renameSync(join(clusterDir, 'pg_wal'), elsewhere);
    symlinkSync(elsewhere, join(clusterDir, 'pg_wal'));
    await running(async (options) => {
      assert.deepEqual(await query(options, 'SELECT x FROM kept'), [{ x: 42 }]);
      assert.equal(statSync(clusterDir).uid, SHARED.uid);
      assert.equal((await visit(SHARED, clusterDir)).socket, '28000');
    });
    assert.deepEqual(lines, []);
  });

  test('a cluster of a user who runs it, too, stays with that user', async () => {
    await makeOlderCluster();
    chownSync(dataDir, SHARED.uid, SHARED.gid);
    await running(async () => assert.equal(statSync(clusterDir).uid, SHARED.uid));
  });

  const isReachable = [packageRoot(), installedBinaries().directory, dirname(process.execPath)].every(
    (path) => !isRoot || canReach(path, { ...NOBODY, name: 'nobody' }),
  );
  test('an app that is not root: it and root get in, others do not', { skip: !isReachable }, async () => {
    mkdirSync(dataDir);
    chmodSync(dataDir, 0o755);
    chownSync(dataDir, NOBODY.uid, NOBODY.gid);
    const owner = spawn(process.execPath, [OWNER, dataDir], {
      ...NOBODY,
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { PATH: '/usr/bin:/bin' },
    });
    try {
      await once(owner.stdout, 'data');
      assert.equal(statSync(clusterDir).uid, NOBODY.uid);
      assert.equal((await visit(NOBODY, clusterDir)).socket, 'in');
      assert.equal((await visit({ uid: 0, gid: 0 }, clusterDir)).socket, 'in');
      assert.deepEqual(await visit(own, clusterDir), SHUT);
    } finally {
      owner.kill('SIGTERM');
      await once(owner, 'exit');
    }
  });
});

describe('an account of its own', () => {
  test('is a number that neither a user nor a group has', () => {
    const passwd = 'root:x:0:0::/:/bin/sh\nodd:x:61000:100::/:/bin/sh\nother:x:1000:61001::/:/bin/sh\n';
    const group = 'root:x:0:\nstaff:x:61002:odd,other\n';
    assert.deepEqual(ownAccount(`${passwd}\n${group}`, [ALL_MAPPED, ALL_MAPPED]), {
      uid: 61_003,
      gid: 61_003,
      name: 'with the number 61003',
    });
  });

  test('is none where the number means nothing, or all are taken', () => {
    const few = '         0       1000          1\n         1     100000      60000\n';
    const enough = '         0       1000          1\n         1     100000      65536\n';
    assert.equal(ownAccount('', [few, few]), null);
    assert.equal(ownAccount('', [enough, few]), null, 'as a group');
    assert.equal(ownAccount('', []), null, 'no Linux');
    assert.equal(ownAccount('', [enough, enough])?.uid, 61_000);
    const all = Array.from({ length: 184 }, (_, index) => `u:x:${61_000 + index}:1::/:/bin/sh`).join('\n');
    assert.equal(ownAccount(all, [enough, enough]), null);
  });
});

test('who may connect is said by name, or left to the directory where there is none', () => {
  const { hba, ident } = authentication('ann');
  assert.match(hba, /\nlocal all all peer map=nervecenter\n$/);
  assert.match(ident, /\nnervecenter "ann" all\nnervecenter "root" all\n$/);
  assert.equal(authentication('root').ident.match(/"root"/g)?.length, 1);
  assert.match(authentication(null).hba, /\nlocal all all trust\n$/);
});

import assert from 'node:assert/strict';
import { existsSync, lstatSync, mkdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'vitest';
import { accountIn, canReach } from '../../../../../src/collector/sinks/postgres/data-dir/account.ts';
import { needsInit } from '../../../../../src/collector/sinks/postgres/data-dir/home.ts';
import {
  linkLibraries,
  runnableBinaries,
} from '../../../../../src/collector/sinks/postgres/embedded/binaries.ts';
import { reachableTempDir } from '../../../../support/postgres.ts';

const POSTGRES_USER = 'root:x:0:0::/root:/bin/sh\npostgres:x:101:104::/var/lib/postgresql:/bin/bash\n';
const NOBODY_ONLY = 'root:x:0:0::/root:/bin/sh\nnobody:x:99:98::/:/bin/false\n';
let directory: string;
let native: string;

beforeEach(() => {
  directory = reachableTempDir();
  native = join(directory, 'native');
  mkdirSync(join(native, 'lib'), { recursive: true });
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function list(target: string): void {
  writeFileSync(
    join(native, 'pg-symlinks.json'),
    JSON.stringify([{ source: 'native/lib/libx.so.1.2', target }]),
  );
}

test('links are relative, made once, and left alone when they are there', () => {
  list('native/lib/libx.so.1');
  assert.equal(linkLibraries(native), true);
  assert.equal(readlinkSync(join(native, 'lib/libx.so.1')), 'libx.so.1.2');
  assert.equal(linkLibraries(native), true);
  assert.ok(lstatSync(join(native, 'lib/libx.so.1')).isSymbolicLink());
});

test('links that cannot be made are reported, not thrown', () => {
  list('native/no-such-directory/libx.so.1');
  assert.equal(linkLibraries(native), false);
});

test('binaries that cannot run here say why and what to do', async () => {
  mkdirSync(join(native, 'bin'));
  writeFileSync(join(native, 'bin/postgres'), '#!/bin/sh\necho "no such C library" >&2\nexit 1\n', {
    mode: 0o755,
  });
  const copyInto = [join(directory, 'copy')];
  await assert.rejects(
    runnableBinaries({ account: null, copyInto, installed: { directory: native, version: '18.4.0' } }),
    { code: 'NC_EMBEDDED_UNAVAILABLE', message: /no such C library.*DATABASE_URL/ },
  );
});

test('binaries that can run where they are are not copied', async () => {
  mkdirSync(join(native, 'bin'));
  writeFileSync(join(native, 'bin/postgres'), '#!/bin/sh\n', { mode: 0o755 });
  const installed = { directory: native, version: '18.4.0' };
  const copyInto = [join(directory, 'copy')];
  assert.equal(await runnableBinaries({ account: null, copyInto, installed }), installed);
  assert.equal(existsSync(join(directory, 'copy')), false);
});

test('root runs Postgres as postgres, else as nobody', () => {
  assert.deepEqual(accountIn(POSTGRES_USER), { uid: 101, gid: 104, name: 'postgres' });
  assert.deepEqual(accountIn(NOBODY_ONLY), { uid: 99, gid: 98, name: 'nobody' });
  assert.deepEqual(accountIn(''), { uid: 65_534, gid: 65_534, name: 'nobody' });
  assert.equal(accountIn('postgres:x:0:0::/:/bin/sh\n').uid, 65_534, 'never root under another name');
});

test('a directory is reachable when every one above it lets the account pass', () => {
  const stranger = { uid: 54_321, gid: 54_321, name: 'stranger' };
  assert.equal(canReach(native, stranger), true);
  const closed = join(directory, 'closed');
  mkdirSync(join(closed, 'inner'), { recursive: true, mode: 0o700 });
  assert.equal(canReach(join(closed, 'inner'), stranger), false);
  const { uid, gid } = lstatSync(closed);
  assert.equal(canReach(join(closed, 'inner'), { uid, gid, name: 'owner' }), true);
});

test('only a directory that is empty or absent becomes a cluster', () => {
  const cluster = join(directory, 'postgres');
  assert.equal(needsInit(cluster, '18'), true);
  mkdirSync(cluster);
  assert.equal(needsInit(cluster, '18'), true);
  mkdirSync(cluster);
  writeFileSync(join(cluster, 'thesis.txt'), '');
  assert.throws(() => needsInit(cluster, '18'), { code: 'NC_DATA_DIR', message: /not a PostgreSQL cluster/ });
});

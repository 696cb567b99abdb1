import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, test } from 'vitest';
import { giveCluster } from '../../../../../src/collector/sinks/postgres/data-dir/give-cluster.ts';
import { NervecenterError } from '../../../../../src/core/errors.ts';

const isRoot = process.getuid?.() === 0 && process.platform === 'linux';
const OWN = { uid: 61_100, gid: 61_100, name: 'with the number 61100' };
/** Who had it before, and may have processes that still have it open. */
const BEFORE = { uid: 65_534, gid: 65_534 };

let directory: string;
let clusterDir: string;
/** What is root's, and not to be given to anybody. */
let outside: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'nervecenter-test-'));
  clusterDir = join(directory, 'postgres');
  outside = join(directory, 'outside');
  mkdirSync(outside);
  writeFileSync(join(outside, 'secret'), 'of root');
  for (const path of [clusterDir, join(clusterDir, 'base'), join(clusterDir, 'base', '5')]) mkdirSync(path);
  for (const path of ['PG_VERSION', 'base/5/PG_VERSION', 'base/5/112'])
    writeFileSync(join(clusterDir, path), '18\n');
  for (const path of ['', 'base', 'base/5', 'PG_VERSION', 'base/5/PG_VERSION', 'base/5/112'])
    chownSync(join(clusterDir, path), BEFORE.uid, BEFORE.gid);
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const ownerOf = (path: string) => statSync(path).uid;

function assertRefused(pattern: RegExp): void {
  assert.throws(
    () => giveCluster(clusterDir, OWN),
    (error) =>
      error instanceof NervecenterError &&
      error.code === 'NC_EMBEDDED_UNAVAILABLE' &&
      pattern.test(error.message),
  );
  assert.deepEqual([ownerOf(outside), ownerOf(join(outside, 'secret'))], [0, 0]);
  assert.equal(ownerOf(join(clusterDir, 'PG_VERSION')), BEFORE.uid, 'it is not done, and is tried again');
}

describe('a cluster is given to another account', { skip: !isRoot }, () => {
  test('with all that is in it, once, for nobody else to enter', () => {
    chmodSync(join(clusterDir, 'base'), 0o777);
    assert.equal(giveCluster(clusterDir, OWN), true);
    for (const path of ['', 'base', 'base/5', 'PG_VERSION', 'base/5/PG_VERSION', 'base/5/112'])
      assert.equal(ownerOf(join(clusterDir, path)), OWN.uid, path);
    for (const path of ['', 'base', 'base/5'])
      assert.equal(statSync(join(clusterDir, path)).mode & 0o777, 0o700, path);
    assert.equal(giveCluster(clusterDir, OWN), false);
  });

  test('but not through links, to directories or files, by one name or several', () => {
    const link = join(clusterDir, 'base', 'link');
    symlinkSync(outside, link);
    assertRefused(/base\/link is a symbolic link/);
    rmSync(link);
    symlinkSync(join(outside, 'secret'), link);
    assertRefused(/base\/link is a symbolic link/);
    rmSync(link);
    linkSync(join(outside, 'secret'), link);
    assertRefused(/base\/link is a file that has another name elsewhere/);
    rmSync(link);
    assert.equal(giveCluster(clusterDir, OWN), true);
  });

  test('nor where it is a link itself', () => {
    renameSync(clusterDir, join(directory, 'elsewhere'));
    symlinkSync(join(directory, 'elsewhere'), clusterDir);
    assertRefused(/postgres is a symbolic link/);
  });

  test('whatever is put in the place of its directories meanwhile', async () => {
    // They are looked through one after the other, and there is time before it is the last one's turn.
    for (let n = 0; n < 1000; n++) writeFileSync(join(clusterDir, 'base', `1${n}_vm`), '');
    // What somebody does who has the directory above open: at every moment it is either theirs or a link.
    const swapping = new Worker(
      `const { renameSync, symlinkSync, rmSync } = require('node:fs');
       const { workerData: { at, outside } } = require('node:worker_threads');
       for (;;) {
         try {
           renameSync(at, at + '-kept');
           symlinkSync(outside, at);
           rmSync(at);
           renameSync(at + '-kept', at);
         } catch {}
       }`,
      {
        eval: true,
        workerData: {
          at: join(clusterDir, 'base', '5'),
          outside,
        },
      },
    );
    await new Promise((resolve) => swapping.once('online', resolve));
    for (let n = 0; n < 15; n++) {
      try {
        giveCluster(clusterDir, { ...OWN, uid: OWN.uid + (n % 2) });
      } catch {
        // Refused, or gone at the moment: the next one may come through.
      }
      assert.deepEqual([ownerOf(outside), ownerOf(join(outside, 'secret'))], [0, 0]);
    }
    await swapping.terminate();
  });
});

import assert from 'node:assert/strict';
import fs, {
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'vitest';
import { settlePrevious } from '../../../../../src/collector/sinks/postgres/data-dir/process.ts';
import { writeAuthentication } from '../../../../../src/collector/sinks/postgres/embedded/authentication.ts';

const isRoot = process.getuid?.() === 0 && process.platform === 'linux';
const ACCOUNT = { uid: 61_000, gid: 61_000, name: 'with the number 61000' };
const original = { openSync: fs.openSync, writeFileSync: fs.writeFileSync };

let directory: string;
let clusterDir: string;
let elsewhere: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'nervecenter-test-'));
  clusterDir = join(directory, 'postgres');
  elsewhere = join(directory, 'elsewhere');
  mkdirSync(clusterDir);
  mkdirSync(elsewhere);
});
afterEach(() => {
  Object.assign(fs, original);
  syncBuiltinESMExports();
  rmSync(directory, { recursive: true, force: true });
});

/** Whoever owns the directory is quick: each file that is made in it is a link to another's a moment later. */
function swapEachFor(victim: string): void {
  const swapped = <T>(path: unknown, result: T): T => {
    if (typeof path === 'string' && path.startsWith(clusterDir) && lstatSync(path).isFile()) {
      rmSync(path);
      symlinkSync(victim, path);
    }
    return result;
  };
  fs.openSync = (path, ...rest) => swapped(path, original.openSync(path, ...rest));
  fs.writeFileSync = (path, ...rest) => swapped(path, original.writeFileSync(path, ...rest));
  syncBuiltinESMExports();
}

test("nothing of root's is given away by a link that the account puts in the place of a file", {
  skip: !isRoot,
}, () => {
  const victim = join(elsewhere, 'shadow');
  writeFileSync(victim, 'kept');
  chownSync(clusterDir, ACCOUNT.uid, ACCOUNT.gid);
  swapEachFor(victim);
  writeAuthentication(clusterDir, ACCOUNT);
  assert.equal(lstatSync(join(clusterDir, 'pg_hba.conf')).isSymbolicLink(), true, 'it was swapped');
  assert.equal(statSync(victim).uid, 0);
  assert.equal(fs.readFileSync(victim, 'utf8'), 'kept');
});

test("the files are the account's, and nobody else reads them", { skip: !isRoot }, () => {
  writeAuthentication(clusterDir, ACCOUNT);
  for (const name of ['pg_hba.conf', 'pg_ident.conf']) {
    const { uid, gid, mode } = statSync(join(clusterDir, name));
    assert.deepEqual([uid, gid, mode & 0o777], [ACCOUNT.uid, ACCOUNT.gid, 0o600]);
  }
});

test('what a server that is gone says of its socket has nothing removed elsewhere', async () => {
  for (const place of [clusterDir, elsewhere]) writeFileSync(join(place, '.s.PGSQL.5432.lock'), '');
  // A number that another process has by now, which does not work there.
  const lines = [process.pid, clusterDir, 0, 5432, elsewhere, '', '', 'ready'];
  writeFileSync(join(clusterDir, 'postmaster.pid'), `${lines.join('\n')}\n`);
  assert.equal(await settlePrevious(clusterDir, AbortSignal.timeout(60_000)), 'none');
  assert.equal(existsSync(join(clusterDir, 'postmaster.pid')), false);
  assert.equal(existsSync(join(clusterDir, '.s.PGSQL.5432.lock')), false);
  assert.equal(existsSync(join(elsewhere, '.s.PGSQL.5432.lock')), true);
});

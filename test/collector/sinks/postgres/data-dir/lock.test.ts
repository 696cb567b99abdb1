import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, test } from 'vitest';
import { LockedError, takeLock } from '../../../../../src/collector/sinks/postgres/data-dir/lock.ts';
import { processStart } from '../../../../../src/collector/sinks/postgres/data-dir/process.ts';
import { reachableTempDir } from '../../../../support/postgres.ts';

const LONG_AGO = new Date(0);
let directory: string;
let path: string;

beforeEach(() => {
  directory = reachableTempDir();
  path = join(directory, 'postgres.lock');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function leave(content: string, changed = new Date()): void {
  writeFileSync(path, content);
  utimesSync(path, changed, changed);
}

const holder = (fields: object) => JSON.stringify({ pid: 1, started: '', host: hostname(), ...fields });

function assertTakes(): void {
  const lock = takeLock(path);
  assert.equal(JSON.parse(readFileSync(path, 'utf8')).pid, process.pid);
  lock.release();
  assert.deepEqual(readdirSync(directory), [], 'nothing is left');
}

test('is taken, refused while held, and taken again', () => {
  const lock = takeLock(path);
  assert.throws(() => takeLock(path), {
    code: 'NC_STORAGE_UNREACHABLE',
    message: new RegExp(`in use by process ${process.pid}, since \\d{4}-.*Z \\(.*NERVECENTER_DATA_DIR`),
  });
  lock.release();
  lock.release();
  assertTakes();
});

test('releasing twice does not free what somebody else took meanwhile', () => {
  const first = takeLock(path);
  first.release();
  leave(holder({ host: 'elsewhere' }));
  first.release();
  assert.ok(existsSync(path));
});

test('a live process with the same number but another start is not the holder', () => {
  leave(holder({ pid: process.ppid, started: 'another time' }));
  assertTakes();
});

test('another thread of this process that has it is refused for as long as it lives, and no longer', async () => {
  const thread = new Worker(join(import.meta.dirname, 'lock-thread.ts'), { workerData: path, execArgv: [] });
  try {
    await once(thread, 'message');
    assert.throws(() => takeLock(path), { code: 'NC_STORAGE_UNREACHABLE', pid: process.pid });
  } finally {
    await thread.terminate();
  }
  assert.ok(existsSync(path), 'it was not released');
  assertTakes();
});

test('where threads cannot be told from each other, the heart of the holder counts', () => {
  const started = processStart(process.pid);
  leave(holder({ pid: process.pid, started }));
  assert.throws(() => takeLock(path), { code: 'NC_STORAGE_UNREACHABLE', pid: process.pid });
  leave(holder({ pid: process.pid, started }), LONG_AGO);
  assertTakes();
});

test('a dead holder is replaced', () => {
  leave(holder({ pid: 2 ** 22 + 1 }));
  assertTakes();
});

test('a holder on another host counts for as long as its heart beats', () => {
  leave(holder({ host: 'elsewhere' }));
  assert.throws(() => takeLock(path), { code: 'NC_STORAGE_UNREACHABLE', message: /elsewhere/ });
  leave(holder({ host: 'elsewhere' }), LONG_AGO);
  assertTakes();
});

test('so does one in another container, whose process numbers say nothing here', () => {
  leave(holder({ system: 'another' }));
  assert.throws(() => takeLock(path), {
    message: /process 1 in another container/,
    elsewhere: true,
    pid: null,
  });
  leave(holder({ system: 'another' }), LONG_AGO);
  assertTakes();
});

test('one process at a time removes a lock that is left; that it died meanwhile stops nobody for long', () => {
  leave(holder({ pid: 2 ** 22 + 1 }));
  const removing = `${path}.removing`;
  writeFileSync(removing, '');
  assert.throws(() => takeLock(path), LockedError);
  assert.deepEqual(readdirSync(directory).length, 2, 'both are as they were');
  utimesSync(removing, LONG_AGO, LONG_AGO);
  assertTakes();
});

test('releasing leaves the lock of whoever took over from a holder that seemed gone', () => {
  const lock = takeLock(path);
  leave(holder({ host: 'elsewhere' }));
  lock.release();
  assert.ok(existsSync(path));
});

test('a lock without content is being written, or was left by a crash', () => {
  leave('');
  assert.throws(() => takeLock(path), { code: 'NC_STORAGE_UNREACHABLE' });
  leave('{"pid": "x"}', LONG_AGO);
  assertTakes();
});

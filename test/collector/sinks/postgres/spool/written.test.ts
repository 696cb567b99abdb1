// When what a spool writes is on the disk.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'vitest';
import type { Batch } from '../../../../../src/collector/sinks/postgres/spool/batch.ts';
import { NODE_FILES, type SpoolFiles } from '../../../../../src/collector/sinks/postgres/spool/files.ts';
import { Spool } from '../../../../../src/collector/sinks/postgres/spool/spool.ts';
import { MIB } from '../../../../../src/core/units.ts';
import { reachableTempDir } from '../../../../support/postgres.ts';

const WRITER = randomUUID();
let directory = '';

beforeEach(() => {
  directory = reachableTempDir();
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function batch(seq: number): Batch {
  return { writer: WRITER, seq, rows: 1, payload: Buffer.alloc(100, seq) };
}

function open(files: SpoolFiles = NODE_FILES): Promise<Spool> {
  return Spool.open({ directory, maxBytes: MIB, files, onLost: (reason) => assert.fail(reason) });
}

test('nobody waits for the cursor to be written but who closes, and then it is there', async () => {
  let write = () => {};
  const mayWrite = new Promise<void>((resolve) => {
    write = resolve;
  });
  const writeFile: typeof NODE_FILES.writeFile = async (...written) => {
    await mayWrite;
    return NODE_FILES.writeFile(...written);
  };
  const spool = await open({ ...NODE_FILES, writeFile });
  for (const seq of [1, 2, 3]) await spool.append(batch(seq), () => {});
  for (const seq of [1, 2]) {
    assert.equal((await spool.take())?.seq, seq);
    await spool.acknowledge();
  }
  assert.ok(!existsSync(join(directory, 'cursor')));
  let closed = false;
  const closing = spool.close().then(() => {
    closed = true;
  });
  for (let turn = 0; turn < 50; turn++) await NODE_FILES.stat(directory); // Longer than closing takes by itself.
  assert.equal(closed, false);
  write();
  await closing;
  const next = await open();
  assert.equal((await next.take())?.seq, 3);
  await next.close();
});

test('a new segment has its name on disk before what was written to it counts as synchronised', async () => {
  const done: string[] = [];
  const openNoted: typeof NODE_FILES.open = async (path, ...how) => {
    const handle = await NODE_FILES.open(path, ...how);
    const [sync, datasync] = [handle.sync.bind(handle), handle.datasync.bind(handle)];
    const noted = (what: string, work: () => Promise<void>) => async () => {
      await work();
      done.push(what);
    };
    return Object.assign(handle, { sync: noted('name', sync), datasync: noted('rows', datasync) });
  };
  const spool = await open({ ...NODE_FILES, open: openNoted });
  await spool.append(batch(1), () => {});
  await spool.sync();
  assert.deepEqual(done, ['name', 'rows']);
  await spool.append(batch(2), () => {});
  await spool.sync();
  assert.deepEqual(done, ['name', 'rows', 'rows']);
  await spool.close();
});

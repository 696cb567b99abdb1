import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'vitest';
import { type Batch, encodeEvents } from '../../../../../src/collector/sinks/postgres/spool/batch.ts';
import { NODE_FILES, type SpoolFiles } from '../../../../../src/collector/sinks/postgres/spool/files.ts';
import {
  SPOOLS_MAX,
  Spools,
  type SpoolsOptions,
} from '../../../../../src/collector/sinks/postgres/spool/spools.ts';
import { OtherTargets } from '../../../../../src/collector/sinks/postgres/spool/target.ts';
import { fromMeasured, type Measured } from '../../../../../src/core/measured.ts';
import { KIB, MIB } from '../../../../../src/core/units.ts';
import { until } from '../../../../support/poll.ts';
import { reachableTempDir } from '../../../../support/postgres.ts';

const WRITER = '00000000-0000-7000-8000-000000000001';
const OTHER_WRITER = '00000000-0000-7000-8000-000000000002';
const ROWS = 3;

let dataDir: string;
let opened: Spools[];
let found: number;
let lossExpected: string | null;
let told: string[];
let others: OtherTargets;
beforeEach(() => {
  told = [];
  others = new OtherTargets((line) => told.push(line));
  dataDir = reachableTempDir();
  opened = [];
  found = 0;
  lossExpected = null;
});
afterEach(async () => {
  for (const spools of opened) await spools.close();
  rmSync(dataDir, { recursive: true, force: true });
});

async function open(files: SpoolFiles = NODE_FILES, options: Partial<SpoolsOptions> = {}): Promise<Spools> {
  const spools = await Spools.open({
    directory: join(dataDir, 'spool'),
    maxBytes: MIB,
    files,
    ...options,
    onFound: (rows) => {
      found += rows;
    },
    onLost: (reason) => assert.ok(reason === lossExpected, reason),
  });
  opened.push(spools);
  return spools;
}

async function append(spools: Spools, ...seqs: number[]): Promise<void> {
  for (const seq of seqs) {
    const batch: Batch = { writer: WRITER, seq, rows: ROWS, payload: Buffer.from(`batch ${seq}`) };
    await spools.append(batch, () => {});
  }
}

async function drained(spools: Spools): Promise<number[]> {
  const seqs: number[] = [];
  for (let batch = await spools.take(); batch !== null; batch = await spools.take()) {
    seqs.push(batch.seq);
    await spools.acknowledge();
  }
  return seqs;
}

const directories = () =>
  readdirSync(dataDir)
    .filter((name) => name.startsWith('spool'))
    .sort();

test('every process of a directory appends to a spool of its own, and takes only from there', async () => {
  const [first, second] = [await open(), await open()];
  await append(first, 1, 2);
  await append(second, 3);
  assert.deepEqual(directories(), ['spool', 'spool-2']);
  assert.deepEqual([first.rows, second.rows], [2 * ROWS, ROWS]);
  assert.deepEqual([await drained(first), await drained(second)], [[1, 2], [3]]);
});

test('what processes left is taken first by the next one, from where they were', async () => {
  const [first, second, third] = [await open(), await open(), await open()];
  await append(second, 1, 2, 3);
  await second.take();
  await second.acknowledge();
  await append(third, 4);
  for (const spools of [first, second, third]) await spools.close();
  const next = await open();
  await append(next, 5);
  assert.equal(next.rows, 4 * ROWS);
  const beside = await open();
  assert.deepEqual(directories(), ['spool', 'spool-2', 'spool-3', 'spool-4'], 'what is taken over is in use');
  assert.equal(beside.rows, 0);
  assert.deepEqual(await drained(next), [2, 3, 4, 5]);
  assert.equal(next.bytes, (await open()).bytes + next.bytes, 'drained ones are free again');
  assert.deepEqual(directories(), ['spool', 'spool-2', 'spool-3', 'spool-4']);
});

test('what a process leaves that ends a moment after another started is taken over without being asked for', async () => {
  const [ending, starting] = [await open(), await open()];
  await append(ending, 1);
  await ending.close();
  assert.equal(starting.rows, 0);
  await until(() => starting.rows === ROWS);
  assert.deepEqual(await drained(starting), [1]);
});

test('what a process leaves is taken over by those that go on, by one of them', async () => {
  const [first, second, third] = [await open(), await open(), await open()];
  await append(first, 1, 2);
  await append(second, 3);
  await append(third, 4);
  await first.close();
  assert.deepEqual([second.rows, third.rows], [ROWS, ROWS]);
  await Promise.all([second.takeOver(), second.takeOver(), third.takeOver()]);
  assert.equal(found, 2 * ROWS);
  assert.equal(second.rows + third.rows, 4 * ROWS);
  const taken = [...(await drained(second)), ...(await drained(third))];
  assert.deepEqual(taken.sort(), [1, 2, 3, 4]);
});

/** As a process that ends does it: `seq` tells whose it is. */
async function appendOnly(seq: number, maxBytes = MIB): Promise<void> {
  const unread: SpoolFiles = {
    ...NODE_FILES,
    open: (path, flags, mode) => {
      if (flags === 'r' && String(path).endsWith('.spool')) throw new Error(`${path} is read`);
      return NODE_FILES.open(path, flags, mode);
    },
  };
  const spools = await open(maxBytes === MIB ? unread : NODE_FILES, { appendOnly: true, maxBytes });
  await append(spools, seq);
  await spools.sync();
  await spools.close();
}

const segments = () => readdirSync(join(dataDir, 'spool')).filter((name) => name.endsWith('.spool'));

test('who only appends reads nothing, goes on with the last file, and leaves alone what was stored of it', async () => {
  const first = await open();
  await append(first, 1, 2);
  await first.take();
  await first.acknowledge();
  await first.close();
  const cursor = readFileSync(join(dataDir, 'spool', 'cursor'), 'utf8');
  for (const seq of [3, 4, 5]) await appendOnly(seq);
  assert.deepEqual(segments(), ['000000000001.spool']);
  assert.equal(readFileSync(join(dataDir, 'spool', 'cursor'), 'utf8'), cursor);
  assert.deepEqual(await drained(await open()), [2, 3, 4, 5]);
});

test('who only appends begins a file of its own behind a record that is cut', async () => {
  await appendOnly(1);
  await appendOnly(2);
  truncateSync(join(dataDir, 'spool', '000000000001.spool'), 140);
  await appendOnly(3);
  assert.deepEqual(segments(), ['000000000001.spool', '000000000002.spool']);
  lossExpected = 'spool_corrupt';
  assert.deepEqual(await drained(await open()), [1, 3]);
});

test('who only appends to a full spool knows what had to go', async () => {
  await appendOnly(1);
  lossExpected = 'spool_full';
  await appendOnly(2, 150);
  lossExpected = null;
  assert.deepEqual(await drained(await open()), [2]);
});

test('one that closes while it looks leaves what it finds to others', async () => {
  const [first, second] = [await open(), await open()];
  await append(first, 1);
  await first.close();
  const looking = second.takeOver();
  await second.close();
  await looking;
  assert.deepEqual(await drained(await open()), [1]);
});

test('what is taken together comes from one spool, and comes back to it', async () => {
  const [first, second] = [await open(), await open()];
  await append(first, 3);
  await append(second, 1, 2);
  for (const spools of [first, second]) await spools.close();
  const next = await open();
  const took = async () => (await next.take())?.seq ?? null;
  assert.deepEqual([await took(), await took()], [1, 2]);
  assert.equal(await took(), null);
  assert.deepEqual([next.rows, next.takenRows], [ROWS, 2 * ROWS]);
  next.putBack();
  assert.deepEqual([next.rows, next.takenRows], [3 * ROWS, 0]);
  assert.deepEqual(await drained(next), [1, 2, 3]);
});

test('there are not more than the bound', async () => {
  for (let process = 0; process < SPOOLS_MAX; process++) await open();
  await assert.rejects(open(), {
    code: 'NC_STORAGE_UNREACHABLE',
    message: /16 processes, which is the most .*NERVECENTER_DATA_DIR/,
  });
  assert.equal(directories().length, SPOOLS_MAX);
});

test('one that cannot be used now keeps nothing from working', async () => {
  const broken = join(dataDir, 'spool-2');
  mkdirSync(broken);
  writeFileSync(join(broken, '000000000001.spool'), '');
  writeFileSync(join(broken, 'lock'), '');
  const spools = await open();
  await append(spools, 1);
  assert.deepEqual(await drained(spools), [1]);
});

const openFor = (target: string) => open(NODE_FILES, { target, others });

test('rows that go elsewhere are left alone, which is told once, and stored by who goes there', async () => {
  const first = await openFor('Postgres db:5432/x, schema a');
  await append(first, 1, 2);
  await first.close();
  const other = await openFor('embedded PostgreSQL, schema a');
  await append(other, 3);
  await other.takeOver();
  await other.takeOver();
  assert.deepEqual([other.rows, found, directories()], [ROWS, 0, ['spool', 'spool-2']]);
  assert.equal(told.length, 1);
  assert.ok(
    told[0]?.startsWith(
      `${join(dataDir, 'spool')} is left alone: 2 batches of rows wait there for Postgres db:5432/x, schema a. `,
    ),
    told[0],
  );
  const same = await openFor('Postgres db:5432/x, schema a');
  assert.deepEqual(await drained(same), [1, 2]);
  assert.deepEqual(await drained(other), [3]);
});

test('what an earlier version left is for whoever opens it, and so is a spool that is empty or has lost its target', async () => {
  const before = await open();
  await append(before, 1);
  await before.close();
  const next = await openFor('a');
  assert.deepEqual(await drained(next), [1]);
  await next.close();
  const after = await openFor('b');
  assert.deepEqual(directories(), ['spool']);
  await append(after, 2);
  await after.close();
  rmSync(join(dataDir, 'spool', 'target'));
  assert.deepEqual(await drained(await openFor('c')), [2]);
  assert.deepEqual(told, []);
});

test('a spool whose target is there and cannot be read is nobody’s to take', async () => {
  const first = await openFor('a');
  await append(first, 1);
  await first.close();
  const unreadable = Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO' });
  const readFile = ((path: string, encoding: 'utf8') =>
    path === join(dataDir, 'spool', 'target')
      ? Promise.reject(unreadable)
      : NODE_FILES.readFile(path, encoding)) as SpoolFiles['readFile'];
  const next = await open({ ...NODE_FILES, readFile }, { target: 'b', others }).catch(() => null);
  if (next !== null) assert.deepEqual(await drained(next), []);
  await next?.close();
  assert.equal(readFileSync(join(dataDir, 'spool', 'target'), 'utf8'), 'a\n');
  assert.deepEqual(await drained(await openFor('a')), [1]);
});

/** A file system on which these directories belong to somebody else. */
function deniedIn(isDenied: (path: string) => boolean): SpoolFiles {
  const denied = Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' });
  const make = (path: string) => (isDenied(path) ? Promise.reject(denied) : NODE_FILES.mkdir(path));
  return { ...NODE_FILES, mkdir: make as SpoolFiles['mkdir'] };
}

test("a spool of another user's process is passed over, and none at all is the file system's failure", async () => {
  const spools = await open(deniedIn((path) => path.endsWith('spool')));
  assert.deepEqual(directories(), ['spool-2']);
  await append(spools, 1);
  assert.deepEqual(await drained(spools), [1]);
  await assert.rejects(open(deniedIn(() => true)), { code: 'EACCES' });
});

test('what was left is told whole, also when a full spool gave some of it up before anybody asked', async () => {
  const measured: Measured = [['nervecenter.cache.requests', {}, 1]];
  const { payload } = encodeEvents([], { atMs: 0, measured, sent: [] });
  const fill = async (spools: Spools, writer: string, count: number) => {
    for (let seq = 1; seq <= count; seq++) {
      const batch = { writer, seq, rows: 1, payload: Buffer.concat([payload, Buffer.alloc(16 * KIB)]) };
      await spools.append(batch, () => {});
    }
  };
  const before = await open();
  await fill(before, WRITER, 50);
  await before.close();
  lossExpected = 'spool_full';
  const after = await open();
  await fill(after, OTHER_WRITER, 40);
  assert.equal(await toldOf(after, WRITER), 50);
  assert.equal(await toldOf(after, WRITER), 0, 'once');
  await fill(after, OTHER_WRITER, 40);
  assert.equal(await toldOf(after, WRITER), 0, 'nothing of it again');
});

async function toldOf(spools: Spools, writer: string): Promise<number> {
  let sum = 0;
  for await (const batch of spools.found()) {
    if (batch.writer !== writer) continue;
    const { measured, carried } = batch.facts;
    for (const point of [...fromMeasured(measured), ...fromMeasured(carried)])
      sum += point.kind === 'counter' ? point.value : 0;
  }
  return sum;
}

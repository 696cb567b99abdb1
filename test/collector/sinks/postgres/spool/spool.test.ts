import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, test } from 'vitest';
import {
  type Batch,
  encodeEvents,
  factsOf,
} from '../../../../../src/collector/sinks/postgres/spool/batch.ts';
import { HEADER_BYTES, recordBytes } from '../../../../../src/collector/sinks/postgres/spool/record.ts';
import { Spool } from '../../../../../src/collector/sinks/postgres/spool/spool.ts';
import type { Measured } from '../../../../../src/core/measured.ts';
import { KIB, MIB } from '../../../../../src/core/units.ts';
import { reachableTempDir } from '../../../../support/postgres.ts';

const WRITER = randomUUID();
const directories: string[] = [];

afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true });
});

function newDirectory(): string {
  const directory = reachableTempDir();
  directories.push(directory);
  return directory;
}

function batch(seq: number, rows = 1, bytes = 100): Batch {
  return { writer: WRITER, seq, rows, payload: Buffer.alloc(bytes, seq) };
}

/** A spool with what it has lost. */
async function open(directory: string, maxBytes = 64 * MIB) {
  const lost: Record<string, number> = {};
  const spool = await Spool.open({
    directory,
    maxBytes,
    onLost: (reason, rows) => {
      lost[reason] = (lost[reason] ?? 0) + rows;
    },
  });
  return { spool, lost };
}

async function filled(directory: string, batches: readonly Batch[]): Promise<void> {
  const { spool } = await open(directory);
  for (const one of batches) await spool.append(one, () => {});
  await spool.close();
}

async function drained(spool: Spool): Promise<Batch[]> {
  const taken: Batch[] = [];
  for (let one = await spool.take(); one !== null; one = await spool.take()) {
    taken.push({ ...one, payload: Buffer.from(one.payload) }); // Its memory is used again.
    await spool.acknowledge();
  }
  return taken;
}

const segmentsOf = (directory: string) =>
  readdirSync(directory)
    .filter((name) => name.endsWith('.spool'))
    .toSorted();

test('what goes in comes out, in order, each batch under its name, also after a restart', async () => {
  const directory = newDirectory();
  const batches = Array.from({ length: 50 }, (_, seq) => batch(seq, seq, 1000));
  const { spool } = await open(directory);
  let settled = 0;
  for (const one of batches.slice(0, 30)) await spool.append(one, () => settled++);
  assert.equal(settled, 30);
  const first = await spool.take();
  assert.deepEqual(first, batches[0]);
  spool.putBack();
  assert.deepEqual(await spool.take(), batches[0]);
  await spool.acknowledge();
  await spool.close();

  const again = await open(directory);
  assert.equal(
    again.spool.rows,
    batches.slice(1, 30).reduce((sum, { rows }) => sum + rows, 0),
  );
  for (const one of batches.slice(30)) await again.spool.append(one, () => {});
  assert.deepEqual(await drained(again.spool), batches.slice(1));
  assert.equal(again.spool.rows, 0);
  await again.spool.close();
  assert.deepEqual(segmentsOf(directory), [], 'nothing left on disk');
});

test('any order of appending, taking and restarting keeps every batch until it is acknowledged', async () => {
  const step = fc.constantFrom('append', 'append', 'take', 'acknowledge', 'putBack', 'restart');
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const directory = newDirectory();
      let { spool } = await open(directory, 10 * MIB);
      const model: number[] = [];
      let next = 1;
      let taken = false;
      for (const one of steps) {
        if (one === 'append') {
          model.push(next);
          await spool.append(batch(next++, 2, 20 * KIB), () => {});
        } else if (one === 'take' && !taken) {
          const got = await spool.take();
          assert.equal(got?.seq, model[0]);
          taken = got !== null;
        } else if (one === 'acknowledge' && taken) {
          await spool.acknowledge();
          model.shift();
          taken = false;
        } else if (one === 'putBack') {
          spool.putBack();
          taken = false;
        } else if (one === 'restart') {
          await spool.close();
          ({ spool } = await open(directory, 10 * MIB));
          taken = false;
        }
        assert.equal(spool.rows + spool.takenRows, model.length * 2);
      }
      spool.putBack();
      assert.deepEqual(
        (await drained(spool)).map(({ seq }) => seq),
        model,
      );
      await spool.close();
    }),
    { numRuns: 60 },
  );
});

test('several taken at once are acknowledged or come back together, over segments and in order', async () => {
  const step = fc.constantFrom(
    'append',
    'append',
    'append',
    'take',
    'take',
    'acknowledge',
    'putBack',
    'restart',
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const directory = newDirectory();
      let { spool } = await open(directory, 512 * KIB);
      const model: number[] = [];
      let [next, taken] = [1, 0];
      for (const one of steps) {
        if (one === 'append' && model.length < 10) {
          model.push(next);
          await spool.append(batch(next++, 2, 20 * KIB), () => {});
        } else if (one === 'take') {
          const got = await spool.take();
          assert.equal(got?.seq, model[taken]);
          if (got !== null) taken++;
        } else if (one === 'acknowledge') {
          await spool.acknowledge();
          model.splice(0, taken);
          taken = 0;
        } else if (one === 'putBack' || one === 'restart') {
          spool.putBack();
          if (one === 'restart') {
            await spool.close();
            ({ spool } = await open(directory, 512 * KIB));
          }
          taken = 0;
        }
        assert.equal(spool.takenRows, taken * 2);
        assert.equal(spool.rows + spool.takenRows, model.length * 2);
      }
      spool.putBack();
      assert.deepEqual(
        (await drained(spool)).map(({ seq }) => seq),
        model,
      );
      await spool.close();
    }),
    { numRuns: 60 },
  );
});

test('what is not wanted stays, and damage behind something taken is counted once, when it is first', async () => {
  const directory = newDirectory();
  await filled(
    directory,
    [1, 2, 3].map((seq) => batch(seq, 2, 10_000)),
  );
  const path = join(directory, segmentsOf(directory)[0] ?? '');
  const content = readFileSync(path);
  content.fill(0, recordBytes(10_000) + HEADER_BYTES, recordBytes(10_000) + 5000); // Within the second.
  writeFileSync(path, content);
  const { spool, lost } = await open(directory);
  assert.equal(await spool.take(({ seq }) => seq > 1), null);
  assert.equal((await spool.take())?.seq, 1);
  assert.equal(await spool.take(), null);
  assert.deepEqual(lost, {});
  spool.putBack();
  assert.equal(spool.rows, 6);
  assert.deepEqual(
    (await drained(spool)).map(({ seq }) => seq),
    [1, 3],
  );
  assert.deepEqual(lost, { spool_corrupt: 2 });
  await spool.close();
});

test('past the cap the oldest go, counted, and the newest are kept', async () => {
  const directory = newDirectory();
  const { spool, lost } = await open(directory, 256 * KIB);
  for (let seq = 1; seq <= 200; seq++) {
    await spool.append(batch(seq, 3, 4 * KIB), () => {});
    assert.ok(spool.bytes <= 256 * KIB);
  }
  const kept = await drained(spool);
  assert.equal(kept.length * 3 + (lost['spool_full'] ?? 0), 600);
  assert.equal(kept.at(-1)?.seq, 200);
  assert.deepEqual(
    kept.map(({ seq }) => seq),
    Array.from(kept, (_, index) => 201 - kept.length + index),
  );
  await spool.close();
});

test('a batch larger than the whole cap goes alone, and what it measured with the next one', async () => {
  const { spool, lost } = await open(newDirectory(), 256 * KIB);
  const measured: Measured = [['nervecenter.cache.requests', {}, 3]];
  const facts = { atMs: 0, measured, sent: [] };
  const { payload } = encodeEvents([], facts);
  await spool.append(batch(1), () => {});
  await spool.append(
    { ...batch(2, 7), payload: Buffer.concat([payload, Buffer.alloc(512 * KIB)]) },
    () => {},
  );
  assert.deepEqual(lost, { spool_full: 7 });
  await spool.append(
    { ...batch(3), payload: encodeEvents([], { ...facts, measured: [] }).payload },
    () => {},
  );
  const kept = await drained(spool);
  assert.deepEqual(
    kept.map(({ seq }) => seq),
    [1, 3],
  );
  assert.deepEqual(kept.map(({ payload }) => factsOf(payload).carried).at(-1), measured);
  await spool.close();
});

test('the batch in flight is not counted as dropped while it is, nor forgotten when it comes back', async () => {
  const { spool, lost } = await open(newDirectory(), 128 * KIB);
  for (let seq = 1; seq <= 10; seq++) await spool.append(batch(seq, 1, 4 * KIB), () => {});
  await spool.take();
  for (let seq = 11; seq <= 60; seq++) await spool.append(batch(seq, 1, 4 * KIB), () => {});
  assert.equal(spool.rows + spool.takenRows + (lost['spool_full'] ?? 0), 60);
  spool.putBack();
  assert.equal(spool.rows + (lost['spool_full'] ?? 0), 60);
  assert.equal(spool.takenRows, 0);
  await spool.close();
});

test('what memory does not hold any more is read from the disk, in order', async () => {
  const { spool } = await open(newDirectory());
  const batches = Array.from({ length: 300 }, (_, index) => batch(index + 1));
  for (const one of batches) await spool.append(one, () => {});
  assert.deepEqual(await drained(spool), batches);
  await spool.close();
});

test('the disk is given back while it drains', async () => {
  const directory = newDirectory();
  const { spool } = await open(directory);
  for (let seq = 1; seq <= 60; seq++) await spool.append(batch(seq, 1, MIB / 2), () => {});
  const full = spool.bytes;
  assert.ok(segmentsOf(directory).length >= 4);
  for (let seq = 1; seq <= 40; seq++) {
    await spool.take();
    await spool.acknowledge();
  }
  assert.ok(spool.bytes <= full / 2);
  await drained(spool);
  assert.equal(spool.bytes, 0);
  assert.deepEqual(segmentsOf(directory), []);
  await spool.close();
});

test('a cursor that is lost or damaged means that all is taken again, never less', async () => {
  const directory = newDirectory();
  const batches = [1, 2, 3, 4].map((seq) => batch(seq));
  const { spool } = await open(directory);
  for (const one of batches) await spool.append(one, () => {});
  await spool.take();
  await spool.acknowledge();
  await spool.close();
  const cursor = readFileSync(join(directory, 'cursor'));
  const damaged = Array.from(cursor, (byte, at) => Buffer.from(cursor).fill(byte ^ 1, at, at + 1));
  for (const content of [...damaged, Buffer.alloc(0), Buffer.from('9 9 9\n'), null]) {
    if (content === null) rmSync(join(directory, 'cursor'));
    else writeFileSync(join(directory, 'cursor'), content);
    const again = await open(directory);
    assert.equal(again.spool.rows, 4);
    await again.spool.close();
  }
});

test('the last record damaged at every offset: the others are there, and its rows are there or counted', async () => {
  const directory = newDirectory();
  await filled(directory, [batch(1, 5), batch(2, 5), batch(3, 1)]);
  const [name = ''] = segmentsOf(directory);
  const path = join(directory, name);
  const whole = readFileSync(path);
  const last = whole.length - recordBytes(100);
  const flipped = (at: number) => Buffer.from(whole).fill((whole[at] ?? 0) ^ 0x10, at, at + 1);
  for (let at = last; at < whole.length; at++) {
    for (const content of [whole.subarray(0, at), flipped(at)]) {
      for (const left of segmentsOf(directory)) rmSync(join(directory, left));
      rmSync(join(directory, 'cursor'), { force: true });
      writeFileSync(path, content);
      const { spool, lost } = await open(directory);
      const found = spool.rows;
      const taken = await drained(spool);
      assert.deepEqual(
        taken.slice(0, 2).map(({ seq }) => seq),
        [1, 2],
      );
      const rows = taken.reduce((sum, one) => sum + one.rows, 0);
      assert.equal(rows + (lost['spool_corrupt'] ?? 0), found);
      // Cut off exactly between two records nobody can know that there was a third.
      assert.equal(found, content.length === last ? 10 : 11);
      const payloadHit = content.length < last + HEADER_BYTES + 100 || at >= last + HEADER_BYTES;
      if (!payloadHit || at >= last + HEADER_BYTES + 100)
        assert.equal(taken.length, 3, 'a damaged header loses nothing');
      await spool.close();
    }
  }
});

test('damage in the middle, and files that are none of ours, cost only themselves', async () => {
  const directory = newDirectory();
  await filled(
    directory,
    [1, 2, 3, 4, 5].map((seq) => batch(seq, 2, 10_000)),
  );
  const [name = ''] = segmentsOf(directory);
  const path = join(directory, name);
  const content = readFileSync(path);
  const size = recordBytes(10_000);
  content.fill(0, size + 10, 2 * size - 10); // The second record but for its ends.
  content.fill(0x4e, 3 * size + 100, 3 * size + 5000); // Within the fourth.
  writeFileSync(path, content);
  writeFileSync(join(directory, '000000000099.spool'), 'NCs1 nonsense');
  writeFileSync(join(directory, 'notes.txt'), 'mine');
  const { spool, lost } = await open(directory);
  const found = spool.rows;
  const taken = await drained(spool);
  assert.deepEqual(
    taken.map(({ seq }) => seq),
    [1, 3, 5],
  );
  assert.equal(found, 6 + (lost['spool_corrupt'] ?? 0));
  await spool.close();
});

test('a segment that somebody removes is counted and the rest goes on', async () => {
  const directory = newDirectory();
  const { spool, lost } = await open(directory, 512 * KIB);
  for (let seq = 1; seq <= 10; seq++) await spool.append(batch(seq, 1, 20 * KIB), () => {});
  for (let one = await spool.take(); one !== null; ) one = await spool.take();
  spool.putBack(); // What comes back is read from the disk.
  const [name = ''] = segmentsOf(directory);
  rmSync(join(directory, name));
  const taken = await drained(spool);
  assert.equal(taken.length + (lost['spool_corrupt'] ?? 0), 10);
  assert.equal(taken.at(-1)?.seq, 10);
  await spool.close();
});

test('a directory belongs to one spool at a time, and to nobody else’s eyes', async () => {
  const directory = join(newDirectory(), 'spool');
  const { spool } = await open(directory);
  await spool.append(batch(1), () => {});
  await assert.rejects(open(directory), { code: 'NC_STORAGE_UNREACHABLE' });
  assert.equal(statSync(directory).mode & 0o777, 0o700);
  assert.equal(statSync(join(directory, segmentsOf(directory)[0] ?? '')).mode & 0o777, 0o600);
  await spool.close();
  await (await open(directory)).spool.close();
});

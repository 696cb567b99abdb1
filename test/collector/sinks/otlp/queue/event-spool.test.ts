import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { afterEach, describe, it } from 'vitest';
import { payloadOf } from '../../../../../src/collector/sinks/otlp/queue/event-batch.ts';
import { EventSpool } from '../../../../../src/collector/sinks/otlp/queue/event-spool.ts';
import { ExportCounts } from '../../../../../src/collector/sinks/otlp/queue/export-counts.ts';
import { Disk } from '../../postgres/faults/disk.ts';
import { removeDirectories, temporaryDirectory } from '../exporting.ts';

afterEach(removeDirectories);

function spoolOn(disk: Disk): { spool: EventSpool; lines: string[]; directory: string } {
  const lines: string[] = [];
  const log = (component: string, line: string) => lines.push(`${component}: ${line}`);
  const directory = join(temporaryDirectory(), 'otlp', 'a-target', 'spool');
  const counts = new ExportCounts('a-target', log);
  const options = { directory, maxBytes: 2 ** 20, counts, log, onChange: () => {}, files: disk.files };
  return { spool: new EventSpool(options), lines, directory };
}

const batch = () => ({
  writer: randomUUID(),
  seq: 1,
  rows: 3,
  payload: payloadOf({ via: [], requests: [] }),
});

describe('a spool that is closed', () => {
  it('says that what was written last may not outlive a power cut, where the disk cannot be synchronised', async () => {
    const disk = new Disk();
    const { spool, lines, directory } = spoolOn(disk);
    await spool.open();
    await spool.offer(batch());
    disk.fails = { code: 'EIO', at: 'datasync' };
    await spool.close();
    assert.deepEqual(lines, [
      `otlp: The spool ${directory} cannot be used, a power cut may lose what was written to it last: Error: EIO: injected`,
    ]);
  });

  it('says nothing where all is well, and has it all for the next one', async () => {
    const disk = new Disk();
    const { spool, lines } = spoolOn(disk);
    await spool.open();
    await spool.offer(batch());
    await spool.close();
    assert.deepEqual(lines, []);
    assert.equal(spool.waiting, 3);
  });
});

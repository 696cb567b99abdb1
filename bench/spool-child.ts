// Opens the spool of a directory in a process of its own, so that its memory is nobody else's, and says what it took.
import { Spool } from '../src/collector/sinks/postgres/spool/spool.ts';
import { GIB } from '../src/core/units.ts';
import { cpuMs } from './measure.ts';

export interface Opened {
  readonly milliseconds: number;
  readonly cpuMs: number;
  readonly rows: number;
  /** Resident memory before, and the most that was seen until the spool was open, in bytes. */
  readonly rssBefore: number;
  readonly rssPeak: number;
}

const SAMPLE_MS = 5;

process.on('message', async (directory: string) => {
  // The kernel's own peak would be the parent's, which a child begins with.
  const rssBefore = process.memoryUsage.rss();
  let rssPeak = rssBefore;
  const sample = () => {
    rssPeak = Math.max(rssPeak, process.memoryUsage.rss());
  };
  const sampling = setInterval(sample, SAMPLE_MS);
  const begin = performance.now();
  const cpuBefore = cpuMs();
  const spool = await Spool.open({ directory, maxBytes: 2 * GIB, onLost: () => {} });
  const milliseconds = performance.now() - begin;
  sample();
  clearInterval(sampling);
  const opened: Opened = { milliseconds, cpuMs: cpuMs() - cpuBefore, rows: spool.rows, rssBefore, rssPeak };
  await spool.close();
  process.send?.(opened);
});
process.on('disconnect', () => process.exit());

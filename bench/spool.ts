// How long a collector that starts takes to open what an outage left: 1 GiB, as full batches and as small ones.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Batch, encodeEvents } from '../src/collector/sinks/postgres/spool/batch.ts';
import { NODE_FILES } from '../src/collector/sinks/postgres/spool/files.ts';
import { encodeRecord } from '../src/collector/sinks/postgres/spool/record.ts';
import { Segment } from '../src/collector/sinks/postgres/spool/segment.ts';
import { GIB, MIB, SECOND_MS } from '../src/core/units.ts';
import { newEventId } from '../src/platform/ids.ts';
import { reachableTempDir } from '../test/support/postgres.ts';
import { Child } from './child.ts';
import type { Figure } from './figure.ts';
import { median, round } from './measure.ts';
import type { Opened } from './spool-child.ts';
import { llmCallEvent } from './synthetic.ts';

const ROUNDS = 5;
const BUDGET_MS = 2 * SECOND_MS;
const SEGMENT_BYTES = 8 * MIB;

export async function run(): Promise<Figure[]> {
  const directory = reachableTempDir('nervecenter-bench-');
  try {
    return [
      await opening(join(directory, 'full'), { events: 200, what: 'batches of 200 LLM calls' }),
      await opening(join(directory, 'small'), { events: 2, what: 'batches of 2 LLM calls' }),
    ];
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function opening(
  directory: string,
  { events, what }: { readonly events: number; readonly what: string },
): Promise<Figure> {
  const records = fill(directory, events);
  const opened: Opened[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const child = new Child('spool-child.ts');
    const one = await child.ask<Opened>(directory);
    await child.stop();
    if (one.rows !== records * events) throw new Error(`${one.rows} rows found, ${records * events} written`);
    if (round > 0) opened.push(one);
  }
  const ms = median(opened.map(({ milliseconds }) => milliseconds));
  const cpu = median(opened.map(({ cpuMs }) => cpuMs));
  const grown = median(opened.map(({ rssBefore, rssPeak }) => rssPeak - rssBefore));
  rmSync(directory, { recursive: true });
  return {
    what: `opening a spool of 1 GiB, ${what}`,
    budget: `<= ${BUDGET_MS / SECOND_MS} s, memory bounded`,
    within: ms <= BUDGET_MS,
    ours: `${round(ms / SECOND_MS)} s, +${round(grown / MIB)} MiB at its peak`,
    raw: `CPU ${round(cpu / SECOND_MS)} s; ${round(records)} records, ${round(records * events)} rows; files in the page cache`,
  };
}

/** Segments as an outage leaves them, written without the waiting for the disk. */
function fill(directory: string, events: number): number {
  mkdirSync(directory, { recursive: true });
  const { rows, payload } = encodeEvents(
    Array.from({ length: events }, (_, index) => llmCallEvent(index, 10)),
  );
  const writer = newEventId(Date.now());
  let [written, records] = [0, 0];
  for (let id = 1; written < GIB; id++) {
    const parts: Buffer[] = [];
    for (let bytes = 0; bytes < SEGMENT_BYTES; records++) {
      const batch: Batch = { rows, payload, writer, seq: records };
      const record = Buffer.concat(encodeRecord(batch));
      bytes += record.length;
      parts.push(record);
    }
    const segment = Buffer.concat(parts);
    writeFileSync(new Segment(NODE_FILES, directory, id).path, segment);
    written += segment.length;
  }
  return records;
}

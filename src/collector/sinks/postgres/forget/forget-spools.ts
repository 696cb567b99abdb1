import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { MIB } from '../../../../core/units.ts';

/** How many files a name is still in. */
export interface WaitingFiles {
  /** Of rows. */
  readonly rows: number;
  /** Of what is to be sent by OTLP. */
  readonly exports: number;
  /** False where names are so short, or numbers, that they cannot be looked for: then all files that wait are counted. */
  readonly searched: boolean;
}

/** A shorter name is in any file by chance, and a number is written in many ways. */
const SOUGHT_CHARS_MIN = 6;

const CHUNK_BYTES = MIB;

/** Looks for names in the files of a data directory's spools, which other processes may have open. */
export async function spoolFilesWith(dataDir: string, names: readonly string[]): Promise<WaitingFiles> {
  const searched = names.every((name) => name.length >= SOUGHT_CHARS_MIN && !/^\d+$/.test(name));
  const sought = searched ? names.map((name) => Buffer.from(name)) : [];
  const spools = (await entriesOf(dataDir)).filter((name) => /^spool(?:-\d+)?$/.test(name));
  const rows = await countIn(
    spools.map((name) => join(dataDir, name)),
    sought,
  );
  const otlp = join(dataDir, 'otlp');
  const targets = await Promise.all(
    (await entriesOf(otlp)).map(async (target) =>
      (await entriesOf(join(otlp, target))).map((name) => join(otlp, target, name)),
    ),
  );
  return { rows, exports: await countIn(targets.flat(), sought), searched };
}

/** Empty where there is no such directory. */
async function entriesOf(directory: string): Promise<string[]> {
  return readdir(directory).catch(() => []);
}

async function countIn(directories: readonly string[], sought: readonly Buffer[]): Promise<number> {
  let count = 0;
  for (const directory of directories) {
    for (const name of await entriesOf(directory)) {
      if (await holds(join(directory, name), sought)) count++;
    }
  }
  return count;
}

/**
 * Whether one of these is in a file, or anything, where none is sought. Piece by piece, each with the end of the one before: a name may lie
 * across.
 */
async function holds(path: string, sought: readonly Buffer[]): Promise<boolean> {
  const overlap = Math.max(1, ...sought.map(({ length }) => length)) - 1;
  try {
    await using file = await open(path);
    const chunk = Buffer.alloc(CHUNK_BYTES + overlap);
    for (let at = 0; ; at += CHUNK_BYTES) {
      const { bytesRead } = await file.read(chunk, 0, chunk.length, at);
      const piece = chunk.subarray(0, bytesRead);
      if (sought.length === 0) return bytesRead > 0;
      if (sought.some((name) => piece.includes(name))) return true;
      if (bytesRead < chunk.length) return false;
    }
  } catch {
    return false; // A directory, or gone by now.
  }
}

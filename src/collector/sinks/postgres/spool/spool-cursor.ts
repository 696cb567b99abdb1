import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { SpoolFiles } from './files.ts';

/** Everything before it is stored. */
export interface Cursor {
  readonly segment: number;
  readonly offset: number;
}

const FILE = 'cursor';
const FORMAT = /^(\d+) (\d+) (\d+)\n$/;
export const NO_CURSOR: Cursor = { segment: 0, offset: 0 };

/** Only ever saves work: without it, or when it is damaged, all that is there is sent again. */
export async function readCursor(files: SpoolFiles, directory: string): Promise<Cursor> {
  const content = await files.readFile(join(directory, FILE), 'utf8').catch(() => '');
  const [, segment = '', offset = '', checksum] = FORMAT.exec(content) ?? [];
  if (checksum !== String(crc32(`${segment} ${offset}`))) return NO_CURSOR;
  return { segment: Number(segment), offset: Number(offset) };
}

/** Whole or not at all: written beside its place and renamed. Never throws. */
export async function writeCursor(files: SpoolFiles, directory: string, cursor: Cursor): Promise<void> {
  const place = `${cursor.segment} ${cursor.offset}`;
  const temporary = join(directory, `${FILE}.new`);
  try {
    await files.writeFile(temporary, `${place} ${crc32(place)}\n`, { mode: 0o600 });
    await files.rename(temporary, join(directory, FILE));
  } catch {
    // What is stored already is then sent again after a restart, and refused by the ledger.
  }
}

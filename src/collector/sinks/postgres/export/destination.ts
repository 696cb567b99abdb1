import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { NervecenterError } from '../../../../core/errors.ts';

/** Where an export goes: there completely once `commit` has resolved, and not at all before. */
export interface Destination<Target> {
  readonly target: Target;
  /** @throws the file system's error. */
  commit(): Promise<void>;
  /** Removes what was written. */
  abandon(): void;
}

/** Rows hold addresses of users. */
const PRIVATE_FILE = 0o600;
const PRIVATE_DIRECTORY = 0o700;

/** A stream that is somebody else's and stays open. What it was given cannot be taken back. */
export function streamDestination(stream: Writable): Destination<Writable> {
  stream.on('error', () => {}); // Told by the copy that fails, and by `commit`.
  return {
    target: stream,
    commit: () =>
      new Promise((resolve, reject) => {
        stream.write('', (error) => (error ? reject(error) : resolve()));
      }),
    abandon() {},
  };
}

/**
 * A file, readable by its owner, in place of one that may be there.
 *
 * @throws NervecenterError `NC_OUTPUT`
 */
export async function fileDestination(path: string): Promise<Destination<Writable>> {
  const temporary = `${path}.${randomUUID()}.part`;
  const stream = await openFile(temporary, path);
  return {
    target: stream,
    async commit() {
      await close(stream);
      renameSync(temporary, path);
    },
    abandon() {
      stream.destroy();
      rmSync(temporary, { force: true });
    },
  };
}

/**
 * A directory of files, one per name. It must be new or empty.
 *
 * @throws NervecenterError `NC_OUTPUT`
 */
export function directoryDestination(path: string): Destination<(name: string) => Promise<Writable>> {
  const temporary = `${path}.${randomUUID()}.part`;
  const streams: Writable[] = [];
  try {
    if (!isFree(path)) throw new Error('it exists and is not an empty directory');
    mkdirSync(temporary, { mode: PRIVATE_DIRECTORY });
  } catch (error) {
    throw outputError(path, error);
  }
  return {
    async target(name) {
      const stream = await openFile(join(temporary, name), path);
      streams.push(stream);
      return stream;
    },
    async commit() {
      for (const stream of streams) await close(stream);
      rmSync(path, { recursive: true, force: true }); // An empty directory, which not every system replaces.
      renameSync(temporary, path);
    },
    abandon() {
      for (const stream of streams) stream.destroy();
      rmSync(temporary, { recursive: true, force: true });
    },
  };
}

/** Whatever writing failed with, as one sentence with its remedy. */
export function outputError(path: string, error: unknown): NervecenterError {
  const reason = error instanceof Error ? error.message : String(error);
  return new NervecenterError(
    'NC_OUTPUT',
    `${path} cannot be written (${reason}). Correct that, or name another place with --output.`,
    { cause: error },
  );
}

async function openFile(path: string, shownAs: string): Promise<Writable> {
  const stream = createWriteStream(path, { flags: 'wx', mode: PRIVATE_FILE });
  stream.on('error', () => {}); // Told by the copy that fails, and by `close`.
  try {
    await once(stream, 'open');
  } catch (error) {
    throw outputError(shownAs, error);
  }
  return stream;
}

async function close(stream: Writable): Promise<void> {
  stream.end();
  await finished(stream);
}

function isFree(path: string): boolean {
  try {
    return readdirSync(path).length === 0;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return true;
    throw error;
  }
}

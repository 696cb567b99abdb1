import { dirname } from 'node:path';
import type { Batch } from '../batch.ts';
import { ignoreInGit } from '../embedded-home.ts';
import { LockedError } from '../embedded-lock.ts';
import { NODE_FILES } from './files.ts';
import { segmentIds } from './segment.ts';
import { Spool, type SpoolOptions, type Waiting } from './spool.ts';

/** Processes that may share a data directory. */
export const SPOOLS_MAX = 16;

/**
 * The spools of a data directory as one process sees them: its own, to which it appends (`spool`, or the next of `spool-2` to
 * `spool-16` that no other process has), and those that processes which are gone have left rows in. What was left is taken
 * first and never added to.
 */
export class Spools {
  readonly #own: Spool;
  #left: Spool[];
  /** Where what is taken and not yet acknowledged comes from. */
  #source: Spool | null = null;

  private constructor(own: Spool, left: Spool[]) {
    this.#own = own;
    this.#left = left;
  }

  /**
   * @param options.directory of the first spool; the others are beside it.
   * @throws LockedError when other processes have all of them; the file system's error when the disk cannot be used.
   */
  static async open(options: SpoolOptions): Promise<Spools> {
    const [own, number] = await openFree(options);
    keepOutOfGit(dirname(options.directory));
    return new Spools(own, await openLeft(options, number));
  }

  /** Rows that wait; without those taken and not yet acknowledged. */
  get rows(): number {
    return this.#all.reduce((sum, { rows }) => sum + rows, 0);
  }

  get takenRows(): number {
    return this.#all.reduce((sum, { takenRows }) => sum + takenRows, 0);
  }

  get bytes(): number {
    return this.#all.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** How full the one is that is added to, from 0 to 1. */
  get fullness(): number {
    return this.#own.fullness;
  }

  /** See `Spool.append`. */
  append(batch: Batch, settle: () => void): Promise<void> {
    return this.#own.append(batch, settle);
  }

  /** See `Spool.sync`. */
  sync(): Promise<void> {
    return this.#own.sync();
  }

  /** See `Spool.take`. What is taken together comes from one spool. */
  async take(wanted?: (waiting: Waiting) => boolean): Promise<Batch | null> {
    if (this.#source !== null) return this.#source.take(wanted);
    for (const spool of this.#all) {
      const batch = await spool.take(wanted);
      if (batch !== null) {
        this.#source = spool;
        return batch;
      }
      await this.#closeIfDrained(spool);
    }
    return null;
  }

  /** The batches taken last are stored. */
  async acknowledge(): Promise<void> {
    const source = this.#source;
    this.#source = null;
    await source?.acknowledge();
    if (source !== null) await this.#closeIfDrained(source);
  }

  /** The batches taken last are not stored, or nobody knows: they will be taken again. */
  putBack(): void {
    this.#source?.putBack();
    this.#source = null;
  }

  /** What waits stays on disk. */
  async close(): Promise<void> {
    this.putBack();
    for (const spool of this.#all) await spool.close();
  }

  get #all(): Spool[] {
    return [...this.#left, this.#own];
  }

  /** Free for the next process then. */
  async #closeIfDrained(spool: Spool): Promise<void> {
    if (!this.#left.includes(spool) || spool.rows > 0) return;
    this.#left = this.#left.filter((other) => other !== spool);
    await spool.close();
  }
}

function directoryOf(first: string, number: number): string {
  return number === 1 ? first : `${first}-${number}`;
}

/** The first one that no other process has, with its number. */
async function openFree(options: SpoolOptions): Promise<[Spool, number]> {
  for (let number = 1; ; number++) {
    try {
      return [await Spool.open({ ...options, directory: directoryOf(options.directory, number) }), number];
    } catch (error) {
      if (!(error instanceof LockedError) || number === SPOOLS_MAX) throw error;
    }
  }
}

async function openLeft(options: SpoolOptions, own: number): Promise<Spool[]> {
  const { files = NODE_FILES } = options;
  const left: Spool[] = [];
  for (let number = 1; number <= SPOOLS_MAX; number++) {
    const directory = directoryOf(options.directory, number);
    const names = number === own ? [] : await files.readdir(directory).catch(() => []);
    if (segmentIds(names).length === 0) continue;
    try {
      left.push(await Spool.open({ ...options, directory }));
    } catch {
      // In use, or not to be read now: it waits for a later start.
    }
  }
  return left;
}

/** Rows wait there with users' addresses, whoever's server it is. */
function keepOutOfGit(dataDir: string): void {
  try {
    ignoreInGit(dataDir);
  } catch {
    // The spool can be written, which matters more.
  }
}

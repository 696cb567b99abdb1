import { dirname } from 'node:path';
import { MINUTE_MS, SECOND_MS } from '../../../../core/units.ts';
import { ignoreInGit } from '../data-dir/home.ts';
import { LockedError } from '../data-dir/lock.ts';
import type { Batch } from './batch.ts';
import { NODE_FILES } from './files.ts';
import { segmentIds } from './segment.ts';
import type { WaitingFacts } from './segments.ts';
import { Spool, type SpoolOptions } from './spool.ts';
import type { OnLost, Waiting } from './spool-reader.ts';
import { OtherTargetError, OtherTargets } from './target.ts';

/** Processes that may share a data directory. */
export const SPOOLS_MAX = 16;
/** What one process left that ends while the next one starts is there some seconds later: looks come soon at first. */
const FIRST_LOOK_MS = SECOND_MS;
const LOOK_INTERVAL_MS = MINUTE_MS;

export interface SpoolsOptions extends SpoolOptions {
  /** Told of rows taken over after the opening, and of any that are lost while they are, in the moment in which they count here. */
  readonly onFound: (rows: number) => void;
  /** Told of spools with rows that go elsewhere, which are left alone. @default there is one place only */
  readonly others?: OtherTargets;
  /** First spools of other data directories, by path, and where those rows go that are taken over there as well. */
  readonly elsewhere?: ReadonlyMap<string, string>;
}

/**
 * The spools of a data directory as one process sees them: its own, to which it appends (`spool`, or the next of `spool-2` to
 * `spool-16` that no other process has and no rows for elsewhere wait in), and those that processes which are gone have left rows in, taken over at
 * the start, soon after it, and once a minute. What was left is taken first and never added to.
 */
export class Spools {
  readonly #options: SpoolsOptions;
  readonly #own: Spool;
  #look: NodeJS.Timeout | undefined;
  /** Elsewhere there are others to tell what is for whom. */
  readonly #silent = new OtherTargets(() => {});
  #left: Spool[] = [];
  /** Spools that were found, until somebody has asked what was in them. */
  #found: Spool[] = [];
  /** Where what is taken and not yet acknowledged comes from. */
  #source: Spool | null = null;
  #takingOver: Promise<void> | null = null;
  #closed = false;

  private constructor(options: SpoolsOptions, own: Spool) {
    this.#options = options;
    this.#own = own;
    if (options.appendOnly !== true) this.#lookIn(FIRST_LOOK_MS);
  }

  /**
   * @param options.directory of the first spool; the others are beside it.
   * @throws LockedError when other processes have all of them; the file system's error when the disk cannot be used.
   */
  static async open(options: SpoolsOptions): Promise<Spools> {
    const own = await openFree(options);
    keepOutOfGit(dirname(options.directory));
    const spools = new Spools(options, own);
    spools.#found.push(own);
    if (options.appendOnly !== true) await spools.#takeOver(() => {});
    return spools;
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

  /** Whether something can be taken: a batch without rows counts, too. */
  get waiting(): boolean {
    return this.#all.some(({ waiting }) => waiting);
  }

  /** Whether there are spools of which nobody knows what was in them when they were found. */
  get hasFound(): boolean {
    return this.#found.length > 0;
  }

  /** What waits in the spools found since the last call says of itself, ours at the opening included. */
  async *found(): AsyncIterable<WaitingFacts> {
    const spools = [...this.#found];
    for (const spool of spools) yield* spool.facts();
    for (const spool of spools) spool.found();
    this.#found = this.#found.filter((spool) => !spools.includes(spool));
  }

  /** See `Spool.allFacts`. */
  async *allFacts(): AsyncIterable<WaitingFacts> {
    for (const spool of this.#all) yield* spool.allFacts();
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

  /** Looks for what processes that have ended since left. Never rejects; one look at a time. */
  takeOver(): Promise<void> {
    if (this.#options.appendOnly === true) return Promise.resolve();
    this.#takingOver ??= this.#takeOver(this.#options.onFound).finally(() => {
      this.#takingOver = null;
    });
    return this.#takingOver;
  }

  /** What waits stays on disk. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#look);
    await this.#takingOver;
    this.putBack();
    for (const spool of this.#all) await spool.close();
  }

  get #all(): Spool[] {
    return [...this.#left, this.#own];
  }

  #lookIn(delayMs: number): void {
    this.#look = setTimeout(() => {
      void this.takeOver();
      this.#lookIn(Math.min(2 * delayMs, LOOK_INTERVAL_MS));
    }, delayMs).unref();
  }

  async #takeOver(found: (rows: number) => void): Promise<void> {
    await this.#takeOverIn(this.#options, found);
    for (const [directory, target] of this.#options.elsewhere ?? []) {
      await this.#takeOverIn({ ...this.#options, directory, target, others: this.#silent }, found);
    }
  }

  async #takeOverIn(options: SpoolsOptions, found: (rows: number) => void): Promise<void> {
    for (let number = 1; number <= SPOOLS_MAX && !this.#closed; number++) {
      const spool = await openLeft(options, number);
      if (spool === null) continue;
      this.#left.push(spool);
      this.#found.push(spool);
      found(spool.rows);
    }
  }

  /** Free for the next process then. */
  async #closeIfDrained(spool: Spool): Promise<void> {
    if (!this.#left.includes(spool) || !spool.drained) return;
    this.#left = this.#left.filter((other) => other !== spool);
    await spool.close();
  }
}

function directoryOf(first: string, number: number): string {
  return number === 1 ? first : `${first}-${number}`;
}

/** The first one that no other process has, and no other user. */
async function openFree(options: SpoolsOptions): Promise<Spool> {
  let denied: unknown = null;
  for (let number = 1; number <= SPOOLS_MAX; number++) {
    try {
      return await openOne(options, number);
    } catch (error) {
      if (isDenied(error)) denied ??= error;
      else if (!(error instanceof LockedError || error instanceof OtherTargetError)) throw error;
    }
  }
  const holders = `${SPOOLS_MAX} processes, which is the most (what waits for elsewhere counts)`;
  throw denied ?? new LockedError(dirname(options.directory), holders);
}

function isDenied(error: unknown): boolean {
  const { cause = error } = error as Error;
  const { code } = cause as NodeJS.ErrnoException;
  return code === 'EACCES' || code === 'EPERM';
}

/** `null` when nothing was left there for us, and when it is in use or not to be read now. */
async function openLeft(options: SpoolsOptions, number: number): Promise<Spool | null> {
  const { files = NODE_FILES } = options;
  try {
    const names = await files.readdir(directoryOf(options.directory, number));
    return segmentIds(names).length === 0 ? null : await openOne(options, number);
  } catch {
    return null; // For a later look.
  }
}

/** @throws as `Spool.open`. Rows that turn out to be lost while it is opened count as found, too. */
async function openOne(options: SpoolsOptions, number: number): Promise<Spool> {
  const { files = NODE_FILES, others } = options;
  const directory = directoryOf(options.directory, number);
  await others?.refuseKnown(files, directory, options.target);
  let opening = true;
  const onLost: OnLost = (reason, rows) => {
    if (opening) options.onFound(rows);
    options.onLost(reason, rows);
  };
  try {
    return await Spool.open({ ...options, directory, onLost });
  } catch (error) {
    if (error instanceof OtherTargetError) others?.found(error);
    throw error;
  } finally {
    opening = false;
  }
}

/** Rows wait there with users' addresses, whoever's server it is. */
function keepOutOfGit(dataDir: string): void {
  try {
    ignoreInGit(dataDir);
  } catch {
    // The spool can be written, which matters more.
  }
}

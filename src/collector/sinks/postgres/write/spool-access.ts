import { MIB } from '../../../../core/units.ts';
import type { Log } from '../../../log.ts';
import { LockedError } from '../data-dir/lock.ts';
import type { Batch } from '../spool/batch.ts';
import { DiskState } from '../spool/disk-state.ts';
import type { SpoolFiles } from '../spool/files.ts';
import type { WaitingFacts } from '../spool/segments.ts';
import { Spools } from '../spool/spools.ts';
import { OtherTargets } from '../spool/target.ts';
import type { RowCounts } from './row-counts.ts';

export interface SpoolAccessOptions {
  /** Of the first spool; those of other processes are beside it. */
  readonly spoolDirectory: string;
  /** Where rows go, in words without a line break: rows that others have left for elsewhere are not taken. */
  readonly target: string;
  /** 0: no spool, rows wait in memory only. */
  readonly spoolMaxBytes: number;
  /** @default the file system */
  readonly files?: SpoolFiles;
  readonly rowCounts: RowCounts;
  /** Called when there may be more to take, or the disk may be tried again. */
  readonly onChange: () => void;
  /** Called when the disk could not be used. */
  readonly onFailure: () => void;
}

/** Data directories of processes that have joined; beyond it those that nobody came from for longest are forgotten. */
const ELSEWHERE_MAX = 100;
/** What the writer gets at once stays within this, because all of it is in memory. */
const GROUP_ROWS_MAX = 20_000;
const GROUP_BYTES_MAX = 3 * MIB;

/** The spools, as far as the disk lets them be used: without them there are no rows on disk, and nothing to take. */
export class SpoolAccess {
  readonly #options: SpoolAccessOptions;
  readonly #disk: DiskState;
  readonly #others: OtherTargets;
  /** First spools of other data directories, with where the rows go that are taken from there. */
  readonly #elsewhere = new Map<string, string>();
  #spools: Spools | null = null;
  #opening: Promise<void> | null = null;

  constructor(options: SpoolAccessOptions, log: Log) {
    this.#options = options;
    this.#disk = new DiskState(log, options.onChange);
    this.#others = new OtherTargets((line) => log('storage', line));
  }

  get isOpen(): boolean {
    return this.#spools !== null;
  }

  /** Rows that wait on disk. */
  get rows(): number {
    return this.#spools?.rows ?? 0;
  }

  get takenRows(): number {
    return this.#spools?.takenRows ?? 0;
  }

  get bytes(): number {
    return this.#spools?.bytes ?? 0;
  }

  get fullness(): number {
    return this.#spools?.fullness ?? 0;
  }

  /** Whether something can be taken: a batch without rows counts, too. */
  get waiting(): boolean {
    return this.#spools?.waiting ?? false;
  }

  get hasFound(): boolean {
    return this.#spools?.hasFound ?? false;
  }

  /** The disk should hold the rows and cannot. */
  get degraded(): boolean {
    return this.#disk.failed;
  }

  /** Memory is all there is, for now or by choice. */
  get memoryOnly(): boolean {
    return this.degraded || this.#options.spoolMaxBytes === 0;
  }

  get mayBeTried(): boolean {
    return this.#options.spoolMaxBytes > 0 && this.#disk.mayBeTried;
  }

  tryNow(): void {
    this.#disk.tryNow();
  }

  /** See `DiskState.announce`. */
  announce(): void {
    this.#disk.announce();
  }

  /** The disk could not be used: memory serves meanwhile. */
  fail(error: unknown): void {
    this.#disk.fail(error);
    this.#options.onFailure();
  }

  /** What was written is safe there, too. */
  recover(): void {
    this.#disk.recover();
  }

  /** See `Spools.found`. */
  async *found(): AsyncIterable<WaitingFacts> {
    if (this.#spools !== null) yield* this.#spools.found();
  }

  /** See `Spool.allFacts`. */
  async *allFacts(): AsyncIterable<WaitingFacts> {
    if (this.#spools !== null) yield* this.#spools.allFacts();
  }

  /**
   * Opens a spool of our own unless we have one; rows found in it, and in those that nobody has any more, are taken in.
   *
   * @throws LockedError when other processes have all there may be. When the disk cannot be used, memory serves meanwhile.
   */
  open(): Promise<void> {
    // Asked for from two sides; a second one would find the first's spool taken.
    this.#opening ??= this.#open().finally(() => {
      this.#opening = null;
    });
    return this.#opening;
  }

  /**
   * Takes what processes that are gone have left in the spools of another data directory: now, and once a minute.
   *
   * @param target what waits there for elsewhere is left alone.
   */
  takeLeft(spoolDirectory: string, target: string): void {
    if (spoolDirectory === this.#options.spoolDirectory) return;
    this.#elsewhere.delete(spoolDirectory);
    this.#elsewhere.set(spoolDirectory, target);
    const [oldest] = this.#elsewhere.keys();
    if (this.#elsewhere.size > ELSEWHERE_MAX && oldest !== undefined) this.#elsewhere.delete(oldest);
    void this.#spools?.takeOver();
  }

  /** False when there is no spool to append to. @throws as `Spool.append`. */
  async append(batch: Batch, settle: () => void): Promise<boolean> {
    if (this.#spools === null) await this.open().catch((error: unknown) => this.fail(error));
    await this.#spools?.append(batch, settle);
    return this.#spools !== null;
  }

  /** False when the disk failed; what was written is in the spool all the same. */
  async sync(): Promise<boolean> {
    try {
      await this.#spools?.sync();
      return true;
    } catch (error) {
      this.fail(error);
      return false;
    }
  }

  /** The oldest batches, at most so many, all of one writer. @throws as `Spool.take`. */
  async take(countMax: number): Promise<Batch[]> {
    const first = (await this.#spools?.take()) ?? null;
    if (first === null) return [];
    const batches = [first];
    let [rows, bytes] = [first.rows, first.payload.length];
    while (batches.length < countMax) {
      const next = await this.#spools?.take(
        (header) =>
          header.writer === first.writer &&
          rows + header.rows <= GROUP_ROWS_MAX &&
          bytes + header.payloadBytes <= GROUP_BYTES_MAX,
      );
      if (next === undefined || next === null) break;
      batches.push(next);
      rows += next.rows;
      bytes += next.payload.length;
    }
    return batches;
  }

  /** The batches taken last are stored. */
  async acknowledge(): Promise<void> {
    await this.#spools?.acknowledge();
  }

  putBack(): void {
    this.#spools?.putBack();
  }

  async close(): Promise<void> {
    await this.#spools?.close();
  }

  async #open(): Promise<void> {
    const { spoolDirectory, spoolMaxBytes, target, files, rowCounts, onChange } = this.#options;
    if (spoolMaxBytes === 0) return;
    if (this.#spools !== null) return this.#spools.takeOver();
    try {
      const spools = await Spools.open({
        directory: spoolDirectory,
        maxBytes: spoolMaxBytes,
        target,
        others: this.#others,
        elsewhere: this.#elsewhere,
        onFound: (rows) => {
          rowCounts.accepted += rows;
          onChange();
        },
        onLost: (reason, rows) => rowCounts.drop(reason, rows),
        ...(files === undefined ? {} : { files }),
      });
      this.#spools = spools;
      rowCounts.accepted += spools.rows;
      onChange();
    } catch (error) {
      if (error instanceof LockedError) throw error;
      this.fail(error);
    }
  }
}

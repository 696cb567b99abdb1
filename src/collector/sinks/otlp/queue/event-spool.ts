import { backoffMs } from '../../../../core/backoff.ts';
import { describeError } from '../../../../core/errors.ts';
import { MIB, SECOND_MS } from '../../../../core/units.ts';
import { Condition } from '../../../condition.ts';
import type { Log } from '../../../log.ts';
import type { Batch } from '../../postgres/spool/batch.ts';
import type { SpoolFiles } from '../../postgres/spool/files.ts';
import { Spools } from '../../postgres/spool/spools.ts';
import type { ExportCounts } from './export-counts.ts';
import { type BatchName, FoundBatches } from './found-batches.ts';
import { type Pending, PendingBatches } from './pending-batches.ts';

export interface EventSpoolOptions {
  /** Of the first spool of the target; those of other processes are beside it. */
  readonly directory: string;
  /** 0: no spool, events wait in memory only. */
  readonly maxBytes: number;
  readonly counts: ExportCounts;
  readonly log: Log;
  /** Called when there may be something to take. */
  readonly onChange: () => void;
  /** Bound of what waits in memory while the disk cannot be used. @default 32 MiB */
  readonly memoryMaxBytes?: number;
  /** @default the file system */
  readonly files?: SpoolFiles;
}

/** How much is taken at once. */
export interface TakeBounds {
  readonly events: number;
  readonly bytes: number;
}

const MEMORY_MAX_BYTES = 32 * MIB;
/** What a power cut may cost; a kill costs nothing that was written. */
const SYNC_INTERVAL_MS = SECOND_MS / 2;

/**
 * The batches that wait for one target: on disk, in segment files as rows have them, and in memory for as long as the disk
 * cannot be used. Batches only ever move in synchronous steps, so that the counts agree at every moment.
 */
export class EventSpool {
  readonly #options: EventSpoolOptions;
  readonly #unusable: Condition;
  #spools: Spools | null = null;
  readonly #pending: PendingBatches;
  /** The first of the pending ones is on its way to the disk. */
  #appending = false;
  #taken: 'disk' | 'memory' | null = null;
  #working: Promise<void> | null = null;
  #failures = 0;
  #retryAtMs = 0;
  #syncTimer: NodeJS.Timeout | null = null;
  #syncDue = false;
  readonly #found = new FoundBatches();

  constructor(options: EventSpoolOptions) {
    this.#options = options;
    this.#unusable = new Condition(options.log, 'otlp');
    this.#pending = new PendingBatches(options.memoryMaxBytes ?? MEMORY_MAX_BYTES);
  }

  /** Events that wait, those that are being sent included. */
  get waiting(): number {
    return this.#pending.rows + (this.#spools?.rows ?? 0) + (this.#spools?.takenRows ?? 0);
  }

  /** Events that nobody has taken. */
  get ready(): number {
    const memory = this.#memoryServes ? (this.#pending.first?.batch.rows ?? 0) : 0;
    return this.#taken === null ? (this.#spools?.rows ?? 0) || memory : 0;
  }

  /** Finds what an earlier process left. Never rejects. */
  async open(): Promise<void> {
    await this.#usable();
  }

  /** See `FoundBatches.has`. */
  hasFound(batch: BatchName): Promise<boolean> {
    return this.#found.has(batch, this.#spools);
  }

  /** Resolves when the batch is written, or memory is all there is for it: a kill from then on does not lose it. */
  offer(batch: Batch): Promise<void> {
    const { counts } = this.#options;
    counts.accepted += batch.rows;
    // The first one may be on its way to the disk or to the target.
    const busy = this.#appending || this.#taken === 'memory';
    const { dropped, settled } = this.#pending.push(batch, busy ? 1 : 0);
    counts.drop('queue_full', dropped);
    this.#work();
    return settled;
  }

  /** The oldest batches, whole, in the order in which they came. To be followed by `acknowledge` or `putBack`. */
  async take(bounds: TakeBounds): Promise<Batch[]> {
    const fromDisk = await takeFrom(this.#spools, bounds).catch((error: unknown) => {
      this.#failed(error);
      return [];
    });
    if (fromDisk.length > 0) {
      this.#taken = 'disk';
      return fromDisk;
    }
    const { first } = this.#pending;
    if (!this.#memoryServes || first === undefined) return [];
    this.#taken = 'memory';
    return [first.batch];
  }

  /** What was taken is done with. Never rejects. */
  async acknowledge(): Promise<void> {
    const taken = this.#taken;
    this.#taken = null;
    if (taken === 'memory') this.#pending.shift();
    else await this.#spools?.acknowledge().catch((error: unknown) => this.#failed(error));
    if (this.#pending.length > 0) this.#work();
  }

  putBack(): void {
    if (this.#taken === 'disk') this.#spools?.putBack();
    this.#taken = null;
  }

  /** What is on disk stays there; what is not is dropped. Never rejects. */
  async close(): Promise<void> {
    this.putBack();
    if (this.#pending.length > 0) this.#work();
    while (this.#working !== null) await this.#working;
    if (this.#syncTimer !== null) clearTimeout(this.#syncTimer);
    this.#pending.settle();
    this.#options.counts.drop('shutdown', this.#pending.clear());
    const failed = (error: unknown) =>
      this.#failed(error, 'a power cut may lose what was written to it last');
    await this.#spools?.sync().catch(failed);
    await this.#spools?.close().catch(failed);
  }

  /** Memory is what the batches wait in, for now or by choice. */
  get #memoryServes(): boolean {
    return !this.#appending && (this.#failures > 0 || this.#options.maxBytes === 0);
  }

  /** One at a time writes to a segment. */
  #work(): void {
    this.#working ??= this.#run().finally(() => {
      this.#working = null;
      if (this.#syncDue || this.#pending.unsettled) this.#work();
    });
  }

  async #run(): Promise<void> {
    let usable = true;
    for (let { first } = this.#pending; this.#syncDue || first !== undefined; { first } = this.#pending) {
      if (first === undefined || this.#syncDue) {
        await this.#sync();
        continue;
      }
      usable = this.#taken !== 'memory' && (await this.#append(first));
      if (!usable) break;
    }
    // Memory is all there is for these. What came since the last look is for the next run.
    if (!usable) this.#pending.settle();
    this.#options.onChange();
  }

  async #append({ batch, settle }: Pending): Promise<boolean> {
    this.#appending = true;
    try {
      if (!(await this.#usable())) return false;
      await this.#spools?.append(batch, () => {
        this.#pending.shift();
        settle();
      });
      this.#recovered();
      this.#syncTimer ??= setTimeout(() => {
        this.#syncTimer = null;
        this.#syncDue = true;
        this.#work();
      }, SYNC_INTERVAL_MS).unref();
      return true;
    } catch (error) {
      this.#failed(error);
      return false;
    } finally {
      this.#appending = false;
      this.#options.onChange();
    }
  }

  async #sync(): Promise<void> {
    this.#syncDue = false;
    await this.#spools?.sync().catch((error: unknown) => this.#failed(error));
  }

  /** Whether there is a spool to append to; it is opened where there is none. */
  async #usable(): Promise<boolean> {
    const { maxBytes, directory, counts, files, onChange } = this.#options;
    if (maxBytes === 0 || performance.now() < this.#retryAtMs) return false;
    if (this.#spools !== null) return true;
    try {
      const spools = await Spools.open({
        directory,
        maxBytes,
        onFound: (rows) => {
          counts.accepted += rows;
          onChange();
          this.#found.lookAgain();
        },
        onLost: (reason, rows) => counts.drop(reason, rows),
        ...(files === undefined ? {} : { files }),
      });
      counts.accepted += spools.rows;
      this.#spools = spools;
      this.#found.lookAgain();
      onChange();
      return true;
    } catch (error) {
      this.#failed(error);
      return false;
    }
  }

  #failed(error: unknown, consequence = 'events wait in memory meanwhile'): void {
    this.#failures++;
    this.#retryAtMs = performance.now() + backoffMs(this.#failures, Math.random());
    const { directory } = this.#options;
    this.#unusable.begin(
      `The spool ${directory} cannot be used, ${consequence}: ${describeError(error)}`,
      consequence,
    );
  }

  #recovered(): void {
    if (this.#failures === 0) return;
    this.#failures = 0;
    this.#unusable.end(`The spool ${this.#options.directory} can be used again.`);
  }
}

async function takeFrom(spools: Spools | null, bounds: TakeBounds): Promise<Batch[]> {
  const first = await spools?.take();
  if (first === undefined || first === null) return [];
  const batches = [first];
  let [rows, bytes] = [first.rows, first.payload.length];
  for (;;) {
    const next = await spools?.take(
      (header) => rows + header.rows <= bounds.events && bytes + header.payloadBytes <= bounds.bytes,
    );
    if (next === undefined || next === null) return batches;
    batches.push(next);
    rows += next.rows;
    bytes += next.payload.length;
  }
}

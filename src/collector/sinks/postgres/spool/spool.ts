import { dirname, join } from 'node:path';
import type { Point } from '../../../../core/frame.ts';
import { fromMeasured, fromRetracted, type Measured, netOf, toMeasured } from '../../../../core/measured.ts';
import { makeDirectory } from '../../../../platform/paths.ts';
import { type Lock, takeLock } from '../data-dir/lock.ts';
import { type Batch, type BatchFacts, factsOf, withCarried } from './batch.ts';
import { NODE_FILES, type SpoolFiles } from './files.ts';
import { encodeRecord, recordBytes } from './record.ts';
import type { Segment } from './segment.ts';
import { Segments, type WaitingFacts } from './segments.ts';
import { type OnLost, SpoolReader, type Waiting } from './spool-reader.ts';
import { OtherTargetError, readTarget, writeTarget } from './target.ts';

export interface SpoolOptions {
  /** Made when it is not there; ours alone while the spool is open. */
  readonly directory: string;
  /** Past it the oldest segment goes. */
  readonly maxBytes: number;
  readonly onLost: OnLost;
  /** What is there already is neither read nor taken. @default false */
  readonly appendOnly?: boolean;
  /** Where its rows go, in words without a line break. @default there is one place only */
  readonly target?: string;
  /** @default the file system */
  readonly files?: SpoolFiles;
}

const PRIVATE_DIRECTORY = 0o700;

/**
 * Batches on their way to the database, on disk: appended at one end, taken at the other, given back to the disk once they
 * are acknowledged. What a killed process left is there again, each batch under the name it had.
 */
export class Spool {
  readonly #maxBytes: number;
  readonly #onLost: OnLost;
  readonly #lock: Lock;
  readonly #segments: Segments;
  readonly #reader: SpoolReader;
  /** What batches that had to go measured: the next one says it. */
  #carried: Measured = [];
  /** Of it what earlier processes measured, as a batch of one of them: nobody has shown it. `null` once that is not asked. */
  #carriedFound: WaitingFacts[] | null = [];

  private constructor({ directory, maxBytes, onLost, files = NODE_FILES }: SpoolOptions, lock: Lock) {
    this.#maxBytes = maxBytes;
    this.#onLost = onLost;
    this.#lock = lock;
    this.#segments = new Segments(files, directory, maxBytes);
    this.#reader = new SpoolReader(this.#segments, onLost);
  }

  /**
   * Opens the spool and learns what waits in it. Damage never stops it.
   *
   * @throws LockedError when another process has the directory; OtherTargetError when rows wait in it that go elsewhere; the
   * file system's error when it cannot be used.
   */
  static async open(options: SpoolOptions): Promise<Spool> {
    const { directory, appendOnly = false, files = NODE_FILES } = options;
    makeDirectory(dirname(directory));
    await files.mkdir(directory, { mode: PRIVATE_DIRECTORY }).catch(unlessThere);
    const lock = takeLock(join(directory, 'lock'));
    const spool = new Spool(options, lock);
    try {
      let unreadable = 0;
      await (appendOnly ? spool.#segments.resume() : spool.#segments.survey(() => unreadable++));
      await claim(options, spool.waiting || unreadable > 0 ? spool.facts() : null);
      if (unreadable > 0) options.onLost('spool_corrupt', unreadable); // At least.
      return spool;
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  /** Rows that wait; without those taken and not yet acknowledged. */
  get rows(): number {
    return this.#segments.rows;
  }

  /** Rows taken and not yet acknowledged. */
  get takenRows(): number {
    return this.#reader.takenRows;
  }

  get bytes(): number {
    return this.#segments.bytes;
  }

  /** Whether something can be taken: a batch without rows counts, too. */
  get waiting(): boolean {
    return this.#segments.next !== undefined;
  }

  /** Whether nothing waits and nothing is taken. */
  get drained(): boolean {
    return this.#reader.drained;
  }

  /** How full it is, from 0 to 1. */
  get fullness(): number {
    return this.bytes / this.#maxBytes;
  }

  /**
   * Writes the batch, so that it is there again when the process is killed; a power cut it survives once it is synchronised.
   * `settle` is called in the moment in which it is the spool's. One at a time.
   *
   * @throws the file system's error; the batch is then not in the spool.
   */
  async append(given: Batch, settle: () => void): Promise<void> {
    const room = recordBytes(given.payload.length);
    if (room > this.#maxBytes) {
      this.#carry(pointsOf(factsOf(given.payload)));
      settle();
      this.#onLost('spool_full', given.rows);
      return;
    }
    await this.#makeRoom(room, given.writer);
    const batch = this.#withCarried(given);
    await this.#segments.write(recordBytes(batch.payload.length), (segment) => {
      const offset = segment.bytes;
      return segment.append(encodeRecord(batch), batch.rows, () => {
        this.#reader.remember({ batch, segment, offset, end: segment.bytes });
        settle();
      });
    });
    this.#carried = [];
  }

  /** What waits, and what had to go before `found`, says of itself, oldest first. A file that cannot be read says nothing. */
  async *facts(): AsyncIterable<WaitingFacts> {
    yield* this.#carriedFound ?? [];
    yield* this.#segments.facts();
  }

  /** Likewise of all that is still on disk, what was taken included. */
  allFacts(): AsyncIterable<WaitingFacts> {
    return this.#segments.facts(() => 0);
  }

  /** What earlier processes left here is known now. */
  found(): void {
    this.#carriedFound = null;
  }

  /** Makes durable what was appended. @throws the file system's error; nobody knows then what a power cut would leave. */
  sync(): Promise<void> {
    return this.#segments.sync();
  }

  /**
   * The oldest batch that is not taken yet, `null` when there is none or when `wanted` does not want it. It stays, and its bytes
   * are valid, until it is acknowledged, together with all others taken by then. Damage is skipped only while nothing is taken:
   * what is put back lies in front of it, and it would be counted again.
   *
   * @throws the file system's error while reading again may help.
   */
  take(wanted: (waiting: Waiting) => boolean = () => true): Promise<Batch | null> {
    return this.#reader.take(wanted);
  }

  /** The batches taken last are stored. */
  acknowledge(): Promise<void> {
    return this.#reader.acknowledge();
  }

  /** The batches taken last are not stored, or nobody knows: they will be taken again. */
  putBack(): void {
    this.#reader.putBack();
  }

  /** What waits stays on disk. */
  async close(): Promise<void> {
    this.putBack();
    await this.#segments.close();
    this.#lock.release();
  }

  async #makeRoom(bytes: number, writer: string): Promise<void> {
    // What goes is counted, so it has to be known.
    if (this.bytes + bytes > this.#maxBytes && !this.#segments.surveyed)
      await this.#segments.survey(() => this.#onLost('spool_corrupt', 1)); // At least.
    const { oldest: first } = this.#segments;
    for (let oldest = first; oldest !== undefined; oldest = this.#segments.oldest) {
      if (this.bytes + bytes <= this.#maxBytes) return;
      await this.#carryOn(oldest, writer);
      const { rows } = oldest;
      const removed = this.#segments.remove(oldest);
      if (rows > 0) this.#onLost('spool_full', rows);
      await removed;
    }
  }

  /** Given up: what the batches of a segment measured stays in the totals. @param ours who writes here now. */
  async #carryOn(segment: Segment, ours: string): Promise<void> {
    const points: Point[] = [];
    const found: Point[] = [];
    let author = '';
    try {
      for await (const { header, facts } of segment.facts()) {
        const measured = pointsOf(facts);
        points.push(...measured);
        if (header.writer === ours) continue;
        found.push(...measured);
        author = header.writer;
      }
    } catch {
      // What cannot be read is lost to the totals as well.
    }
    this.#carry(points);
    if (found.length > 0) this.#carryFound(author, found);
  }

  #carryFound(writer: string, points: readonly Point[]): void {
    if (this.#carriedFound === null) return;
    const before = this.#carriedFound.flatMap(({ facts }) => fromMeasured(facts.carried));
    const carried = toMeasured(netOf([...before, ...points]));
    const seq = Number.POSITIVE_INFINITY; // As no batch has that is stored.
    this.#carriedFound = [{ writer, seq, facts: { atMs: 0, measured: [], carried, sent: [] } }];
  }

  #carry(points: readonly Point[]): void {
    this.#carried = toMeasured(netOf([...fromMeasured(this.#carried), ...points]));
  }

  #withCarried(batch: Batch): Batch {
    return this.#carried.length === 0
      ? batch
      : { ...batch, payload: withCarried(batch.payload, this.#carried) };
  }
}

/** All that a batch adds to the totals, and takes off them. What is doubtful was not shown, and may count already. */
function pointsOf(facts: BatchFacts): Point[] {
  const { measured, retracted, carried } = facts;
  const own = facts.doubtful === true ? [] : [...fromMeasured(measured), ...fromRetracted(retracted)];
  return [...own, ...fromMeasured(carried)];
}

/** From now on its rows go to our target. @throws OtherTargetError when others wait; the file system's error. */
async function claim(
  { directory, target, files = NODE_FILES }: SpoolOptions,
  waiting: AsyncIterable<WaitingFacts> | null,
): Promise<void> {
  if (target === undefined) return;
  const before = await readTarget(files, directory);
  if (before === target) return;
  if (before !== null && waiting !== null) {
    let batches = 0;
    for await (const _ of waiting) batches++;
    throw new OtherTargetError(directory, before, batches);
  }
  await writeTarget(files, directory, target);
}

function unlessThere(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error;
}

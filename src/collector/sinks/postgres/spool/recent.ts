import { MIB } from '../../../../core/units.ts';
import type { Batch } from './batch.ts';
import type { Segment } from './segment.ts';

/** A batch and where it stands on disk. */
export interface RecentBatch {
  readonly batch: Batch;
  readonly segment: Segment;
  readonly offset: number;
  readonly end: number;
}

/** A little more than the writer takes at once. */
const BYTES_MAX = 4 * MIB;
/** Small ones hold on to more memory than their own. */
const BATCHES_MAX = 256;

/**
 * Batches that are on disk and are taken next, so that they need not be read back from there. Of what is past the bounds the
 * oldest are kept, because they are taken first; the others are read from the disk, and so is all that comes until then.
 */
export class Recent {
  #batches: RecentBatch[] = [];
  #bytes = 0;

  /** @param isNext whether nothing waits in front of it. */
  add(recent: RecentBatch, isNext: boolean): void {
    const { length } = recent.batch.payload;
    if (!isNext && !this.#follows(recent)) return;
    if (this.#batches.length >= BATCHES_MAX || this.#bytes + length > BYTES_MAX) return;
    this.#batches.push(recent);
    this.#bytes += length;
  }

  /** The batch at this place, `null` when it is not known. What stands in front of it is forgotten. */
  at(segment: Segment, offset: number): RecentBatch | null {
    for (let [first] = this.#batches; first !== undefined; [first] = this.#batches) {
      const behind = first.segment === segment ? first.offset - offset : first.segment.id - segment.id;
      if (behind === 0) return first;
      if (behind > 0) return null;
      this.#batches.shift();
      this.#bytes -= first.batch.payload.length;
    }
    return null;
  }

  /** Whether it stands behind the last of these. */
  #follows({ segment, offset }: RecentBatch): boolean {
    const last = this.#batches.at(-1);
    if (last === undefined) return false;
    if (last.segment === segment) return last.end === offset;
    return offset === 0 && last.end === last.segment.bytes && segment.id === last.segment.id + 1;
  }
}

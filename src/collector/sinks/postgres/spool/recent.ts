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

/** As much as the writer takes at once. */
const BYTES_MAX = 4 * MIB;
/** Small ones hold on to more memory than their own. */
const BATCHES_MAX = 256;

/**
 * Batches that are on disk and were not taken yet, so that they need not be read back from there. Of what is past the
 * bounds the oldest are kept, because they are taken first; the others are read from the disk.
 */
export class Recent {
  #batches: RecentBatch[] = [];
  #bytes = 0;

  add(recent: RecentBatch): void {
    const { length } = recent.batch.payload;
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
}

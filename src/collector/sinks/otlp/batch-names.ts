import type { Via } from '../../../core/passage.ts';
import { uuidOf } from '../../../platform/uuid.ts';
import type { BatchName } from './encode/log-records.ts';

/** Ways remembered, of which there are as many as collectors that send here; beyond it all are told again. */
const WAYS_MAX = 10_000;

/**
 * Names for batches that came without one, and for parts of batches. What has passed through different collectors goes out in different requests, which
 * overtake each other, and who receives them takes the batches of a writer by their order: so each way is a writer.
 */
export class BatchNames {
  readonly #id: string;
  readonly #onWriter: (writer: string) => void;
  readonly #writers = new Map<string, string>();
  #nextSeq = 1;

  /** @param id of who sends. @param onWriter called with every writer, before its first batch. */
  constructor(id: string, onWriter: (writer: string) => void = () => {}) {
    this.#id = id;
    this.#onWriter = onWriter;
  }

  /** @param via what the batch has passed through. */
  next(via: Via): BatchName {
    return { writer: this.#writerOf(via), seq: this.#nextSeq++ };
  }

  /**
   * A part of a batch, the same when the batch comes again: it is a batch by itself, of a writer of its own.
   *
   * @param first id of the first event in it.
   */
  partOf({ writer, seq }: BatchName, first: string): BatchName {
    const part = uuidOf(`${writer} ${seq} ${first}`);
    this.#onWriter(part);
    return { writer: part, seq: 1 };
  }

  #writerOf(via: Via): string {
    const way = via.join();
    const known = this.#writers.get(way);
    if (known !== undefined) return known;
    const writer = way === '' ? this.#id : uuidOf(`${this.#id} ${way}`);
    if (this.#writers.size >= WAYS_MAX) this.#writers.clear();
    this.#writers.set(way, writer);
    this.#onWriter(writer);
    return writer;
  }
}

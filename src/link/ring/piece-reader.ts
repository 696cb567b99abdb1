import { type ClaimedEvent, RecordError, RecordReader } from '../../core/records/record-reader.ts';
import type { Piece } from './ring-reader.ts';
import { RECORD_BYTES_MAX } from './ring-writer.ts';

/** The smallest have some 60 bytes, and the usual segment 64 KiB. */
const EVENTS_MAX = 10_000;

/** An event, and where in the ring its record ends: who has accepted up to there has accepted it. */
export interface ReceivedEvent {
  readonly event: ClaimedEvent | null;
  readonly endsAt: number;
}

/** Reads the pieces of one ring, in order. */
export class PieceReader {
  readonly #records: RecordReader;
  #segment = -1;
  /** How much of the segment was read. */
  #read = 0;

  /** @param options of the `RecordReader`. */
  constructor(options: ConstructorParameters<typeof RecordReader>[0] = {}) {
    this.#records = new RecordReader(options);
  }

  /**
   * Its events, without those that were handed over before; `null` for one of a signal that is not known here.
   *
   * @throws RecordError where it does not go on where the last one has ended.
   */
  events({ segment, at, known, batch, records }: Omit<Piece, 'again'>): ReceivedEvent[] {
    if (at === 0) this.#records.begin();
    else if (segment !== this.#segment || at !== this.#read) throw new RecordError('a piece is missing');
    if (segment + at + records.length !== batch) throw new RecordError('a piece of another length');
    if (at + records.length > RECORD_BYTES_MAX) throw new RecordError('more than a segment has room for');
    this.#segment = segment;
    this.#read = at + records.length;
    const events: ReceivedEvent[] = [];
    this.#records.read(records, (event, end) => {
      if (end > known) events.push({ event, endsAt: segment + at + end });
      if (events.length > EVENTS_MAX) throw new RecordError('more events than a segment has room for');
    });
    return events;
  }
}

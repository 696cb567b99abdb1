import { Condition } from '../../../condition.ts';
import type { Log } from '../../../log.ts';

/**
 * Why events were not sent: `spool_full` (the disk's share is used up, oldest first), `queue_full` (memory's share is, while
 * the disk cannot be used), `spool_corrupt` (damaged on disk), `refused` (the receiver will never take them), `shutdown` (in
 * memory only when the collector stopped), `unreadable` (of no shape that can be sent: received in JSON, say, and in it what
 * JSON of OTLP does not have).
 */
export type ExportDropReason =
  | 'spool_full'
  | 'queue_full'
  | 'spool_corrupt'
  | 'refused'
  | 'shutdown'
  | 'unreadable';

/** What became of the events of one target: accepted = exported + waiting + dropped, at every moment. */
export class ExportCounts {
  readonly #target: string;
  readonly #full: Condition;
  readonly dropped = new Map<ExportDropReason, number>();
  /** Offered, and found in the spool. */
  accepted = 0;
  exported = 0;
  /** Spans, records and points that the receiver says it could not use of what it accepted. */
  rejected = 0;
  /** Attempts to send, by what became of them. */
  readonly attempts = { accepted: 0, retry: 0, refused: 0 };

  constructor(target: string, log: Log) {
    this.#target = target;
    this.#full = new Condition(log, 'otlp');
  }

  get droppedTotal(): number {
    return [...this.dropped.values()].reduce((sum, count) => sum + count, 0);
  }

  drop(reason: ExportDropReason, events: number): void {
    if (events === 0) return;
    this.dropped.set(reason, (this.dropped.get(reason) ?? 0) + events);
    if (reason === 'spool_full' || reason === 'queue_full') {
      this.#full.begin(
        `What waits for ${this.#target} has no room any more; the oldest events are dropped, and counted.`,
      );
    }
  }

  /** There is room again. */
  relieved(): void {
    this.#full.end(
      `What waits for ${this.#target} has room again; ${this.droppedTotal} events were dropped so far.`,
    );
  }
}

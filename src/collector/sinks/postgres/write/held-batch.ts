import { randomUUID } from 'node:crypto';
import type { Point } from '../../../../core/frame.ts';
import { toMeasured, toRetracted } from '../../../../core/measured.ts';
import type { NervecenterEvent } from '../../../../core/signals/index.ts';
import { type Batch, type BatchFacts, encodeEvents } from '../spool/batch.ts';
import type { Taken } from './arrivals.ts';
import type { RowCounts } from './row-counts.ts';

/** How events become figures, and who shows them. */
export interface Measuring {
  measure(events: readonly NervecenterEvent[]): Point[];
  /** Called in the moment in which what was measured can no longer be lost by a kill, or memory is all there is for it. */
  show(points: readonly Point[]): void;
}

/** The one batch in memory: made of what came in, until it is on disk, or stored where there is no disk. */
export class HeldBatch {
  /** New with every start, so that no sequence number is ever given twice, whatever was lost of the spool. */
  readonly writer = randomUUID();
  readonly #measuring: Measuring;
  readonly #rowCounts: RowCounts;
  #nextSeq = 1;
  #batch: Batch | null = null;
  #user: 'intake' | 'writer' | null = null;
  /** What it measured, until it is shown. */
  #unshown: readonly Point[] = [];

  constructor(measuring: Measuring, rowCounts: RowCounts) {
    this.#measuring = measuring;
    this.#rowCounts = rowCounts;
  }

  /** Whether there is none. */
  get empty(): boolean {
    return this.#batch === null;
  }

  get rows(): number {
    return this.#batch?.rows ?? 0;
  }

  /** Whether nobody is at work on it. */
  get idle(): boolean {
    return this.#user === null;
  }

  get withWriter(): boolean {
    return this.#user === 'writer';
  }

  /** Makes one, unless what came has nothing to tell, in which case its figures are shown. Who stores what is doubtful shows it. */
  make({ events, points: elsewhere, sent, doubtful }: Taken): void {
    const { measure } = this.#measuring;
    this.#unshown = [...elsewhere[1], ...measure(events[1])];
    const shown = [...elsewhere[0], ...measure(events[0])];
    const points = [...shown, ...this.#unshown];
    const retracted = toRetracted(points);
    const measured = toMeasured(points.filter(({ countedMs }) => countedMs === undefined));
    const facts: BatchFacts = {
      atMs: Date.now(),
      measured,
      sent,
      ...(retracted.length > 0 && { retracted }),
      ...(doubtful && { doubtful }),
    };
    if (doubtful) this.#unshown = [];
    const { rows, payload, rejected } = encodeEvents(events.flat(), facts);
    for (const { table, error } of rejected) this.#rowCounts.reject(table, error);
    const tells = rows > 0 || measured.length > 0 || retracted.length > 0 || sent.length > 0;
    if (tells) this.#batch = { writer: this.writer, seq: this.#nextSeq++, rows, payload };
    else this.show();
  }

  /** What it measured is shown now, once. */
  show(): void {
    const points = this.#unshown;
    this.#unshown = [];
    if (points.length > 0) this.#measuring.show(points);
  }

  /** To be followed by `putBack` or `drop`. `null` when there is none, or somebody has it. */
  lendTo(user: 'intake' | 'writer'): Batch | null {
    if (this.#user !== null || this.#batch === null) return null;
    this.#user = user;
    return this.#batch;
  }

  putBack(): void {
    this.#user = null;
  }

  drop(): void {
    this.#batch = null;
    this.#user = null;
  }
}

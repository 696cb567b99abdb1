import type { Point } from '../../../../core/frame.ts';
import { PointSum } from '../../../../core/measured.ts';
import type { NervecenterEvent } from '../../../../core/signals/index.ts';
import { MIB, SECOND_MS } from '../../../../core/units.ts';
import type { OfferedBatch, SentBatch } from '../spool/batch.ts';
import { EventQueue } from './event-queue.ts';

/** Most that a batch may have. */
export const BATCH_EVENTS_MAX = 1000;
export const BATCH_BYTES_MAX = MIB;
/** What no batch of an agent has: what is larger is cut. */
const OFFER_BYTES_MAX = 4 * MIB;
const QUEUE_MAX_EVENTS = 200_000;
/** How long events may wait for the disk, and what share of the room they may take, before others had better come later. */
const CROWDED_MS = SECOND_MS;
const CROWDED_FULLNESS = 0.25;

/** What the next batch is made of. */
export interface Taken {
  /** Those that are shown already, then those that are not. */
  readonly events: readonly [shown: readonly NervecenterEvent[], unshown: readonly NervecenterEvent[]];
  /** What was measured elsewhere, likewise. */
  readonly points: readonly [shown: readonly Point[], unshown: readonly Point[]];
  readonly sent: readonly SentBatch[];
  /** See `BatchFacts`. */
  readonly doubtful: boolean;
}

/** What had to go for what came. */
interface Displaced {
  readonly count: number;
  /** Those of them that count all the same: what is doubtful may count already. */
  readonly counting: Taken['events'];
}

/** Where in the order of all events something offered ends. */
interface Offer {
  readonly atMs: number;
  readonly upTo: number;
  readonly sent: OfferedBatch | null;
  readonly shown: boolean;
}

/**
 * What came in and is no batch yet: events, the number of the batch in which a process sent them, and what was measured
 * elsewhere. What was offered together leaves together, so that a process never has half a batch stored.
 */
export class Arrivals {
  readonly #queue: EventQueue;
  #offers: Offer[] = [];
  readonly #shownPoints = new PointSum();
  readonly #unshownPoints = new PointSum();
  #hasPoints = false;
  #offered = 0;
  /** Of what had to go before a doubtful batch, which names only its own. */
  #sentLeft: SentBatch[] = [];

  constructor(maxBytes: number) {
    this.#queue = new EventQueue({ maxBytes, maxEvents: QUEUE_MAX_EVENTS });
  }

  /** Events that ever came. */
  get offered(): number {
    return this.#offered;
  }

  /** Events that wait. */
  get length(): number {
    return this.#queue.length;
  }

  /** Of all events that came, those that wait no more. */
  get gone(): number {
    return this.#offered - this.#queue.length;
  }

  get fullness(): number {
    return this.#queue.fullness;
  }

  /** Whether so much waits, or for so long, that what can come later should. */
  get crowded(): boolean {
    if (this.fullness > CROWDED_FULLNESS) return true;
    const oldest = this.#offers.find(({ upTo }) => upTo > this.gone);
    return oldest !== undefined && performance.now() - oldest.atMs > CROWDED_MS;
  }

  get hasPoints(): boolean {
    return this.#hasPoints;
  }

  /** Whether what waits is enough for a batch. */
  get full(): boolean {
    return this.#queue.length >= BATCH_EVENTS_MAX || this.#queue.bytes >= BATCH_BYTES_MAX;
  }

  /** Returns the oldest ones, which had to go for these. @param shown whether they are shown already. */
  push(events: readonly NervecenterEvent[], { sent, shown }: Pick<Offer, 'sent' | 'shown'>): Displaced {
    this.#offered += events.length;
    this.#offers.push({ atMs: performance.now(), upTo: this.#offered, sent, shown });
    const displaced = this.#queue.push(events);
    return { count: displaced.length, counting: this.#byShown(displaced, isDoubtful) };
  }

  /** To be told with the next batch. */
  addPoints(points: readonly Point[], shown: boolean): void {
    if (points.length === 0) return;
    this.#hasPoints = true;
    (shown ? this.#shownPoints : this.#unshownPoints).add(points);
  }

  /** What is doubtful leaves whole, alone and without what was measured elsewhere. */
  take(): Taken {
    const { bytes } = this.#queue;
    const events: NervecenterEvent[] = [];
    for (const { upTo, sent } of this.#offers) {
      const rows = upTo - this.gone;
      if (rows <= 0) continue;
      const doubtful = isDoubtful({ sent });
      const full = events.length + rows > BATCH_EVENTS_MAX || bytes - this.#queue.bytes >= BATCH_BYTES_MAX;
      if ((full || doubtful) && events.length > 0) break;
      const [countMax, bytesMax] = doubtful
        ? [rows, Number.POSITIVE_INFINITY]
        : [BATCH_EVENTS_MAX, OFFER_BYTES_MAX];
      events.push(...this.#queue.take(Math.min(rows, countMax), bytesMax));
      if (doubtful)
        return { events: this.#byShown(events), points: [[], []], sent: this.#takeOwn(sent), doubtful };
    }
    return this.#take(events);
  }

  /** Everything that waits. */
  clear(): Taken {
    return this.#take(this.#queue.take(this.#queue.length));
  }

  #take(events: readonly NervecenterEvent[]): Taken {
    this.#hasPoints = false;
    return {
      events: this.#byShown(events),
      points: [this.#shownPoints.take(), this.#unshownPoints.take()],
      sent: this.#takeSent(),
      doubtful: false,
    };
  }

  /** @param events that left just now. @param leftOut of which offers they are left out. */
  #byShown(
    events: readonly NervecenterEvent[],
    leftOut: (offer: Offer) => boolean = () => false,
  ): Taken['events'] {
    const from = this.gone - events.length;
    const shown: NervecenterEvent[] = [];
    const unshown: NervecenterEvent[] = [];
    let at = 0;
    for (const [index, event] of events.entries()) {
      while ((this.#offers[at]?.upTo ?? Number.POSITIVE_INFINITY) <= from + index) at++;
      const offer = this.#offers[at];
      if (offer !== undefined && leftOut(offer)) continue;
      (offer?.shown === true ? shown : unshown).push(event);
    }
    return [shown, unshown];
  }

  /** The number of a doubtful batch, which names no other. */
  #takeOwn(own: OfferedBatch | null): SentBatch[] {
    this.#sentLeft = this.#takeSent().filter(([instanceId]) => instanceId !== own?.[0]);
    return own === null ? [] : [[own[0], own[1]]];
  }

  #takeSent(): SentBatch[] {
    const gone = this.gone;
    const rest = this.#offers.findIndex(({ upTo }) => upTo > gone);
    const done = this.#offers.splice(0, rest === -1 ? this.#offers.length : rest);
    const sent = done.flatMap(({ sent: one }) => (one === null ? [] : [[one[0], one[1]] as const]));
    return [...new Map([...this.#sentLeft.splice(0), ...sent])];
  }
}

function isDoubtful({ sent }: Pick<Offer, 'sent'>): boolean {
  return sent?.[2] === true;
}

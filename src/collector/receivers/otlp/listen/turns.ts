import { SECOND_MS } from '../../../../core/units.ts';

/** Work that goes on for so long lets everything else have its turn: disk and database, dashboards, other senders. */
const TURN_MS = 4;
/** Who waits longer does so because more comes in than is worked off. */
const LATE_MS = SECOND_MS;
/** Who waited so long is not waited for much longer: senders give up after ten seconds by default. */
const WAIT_MAX_MS = 3 * SECOND_MS;

interface Waiting {
  readonly sinceMs: number;
  /** @param inTime whether it may begin at all. */
  readonly called: (inTime: boolean) => void;
}

/** Has work that keeps the thread busy done in turns, in the order in which it came. */
export class Turns {
  readonly #now: () => number;
  readonly #waiting: Waiting[] = [];
  /** When the turn under way is over; `null`: none is. */
  #endsMs: number | null = null;
  /** Whether the next one of this turn is called as soon as the last one is done. */
  #going = false;

  /** @param now milliseconds of a clock that only goes forward. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Whether work waits so long that more of it should not come now. */
  get late(): boolean {
    const [first] = this.#waiting;
    return first !== undefined && this.#now() - first.sinceMs > LATE_MS;
  }

  /**
   * Resolves to whether work may begin, all of which is to be done before anything else is waited for. Not any more when it
   * has waited for three seconds: what is done too late is done for nobody.
   */
  take(): Promise<boolean> {
    const sinceMs = this.#now();
    return new Promise((called) => {
      this.#waiting.push({ sinceMs, called });
      if (this.#endsMs === null) this.#begin(sinceMs);
      if (!this.#going) this.#goOn();
    });
  }

  #begin(nowMs: number): void {
    this.#endsMs = nowMs + TURN_MS;
    setImmediate(() => {
      this.#endsMs = null;
      if (this.#waiting.length === 0) return;
      this.#begin(this.#now());
      this.#goOn();
    });
  }

  #goOn(): void {
    const nowMs = this.#now();
    const first = this.#endsMs !== null && nowMs < this.#endsMs ? this.#waiting.shift() : undefined;
    this.#going = first !== undefined;
    if (first === undefined) return;
    first.called(nowMs - first.sinceMs <= WAIT_MAX_MS);
    // After what was begun, which has its place in the same queue.
    queueMicrotask(() => this.#goOn());
  }
}

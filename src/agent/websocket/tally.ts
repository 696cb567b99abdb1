import type { WebSocketCounts } from '../instrumentation.ts';

/** What happened since the previous call, and how many connections are open now. */
export interface WebSocketDeltas {
  readonly active: number;
  readonly opened: number;
  readonly messagesIn: number;
  readonly messagesOut: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

/** Running totals of WebSocket traffic since the agent started: integers only, read once per frame. */
export class WebSocketTally implements WebSocketCounts {
  #active = 0;
  #opened = 0;
  #messagesIn = 0;
  #messagesOut = 0;
  #bytesIn = 0;
  #bytesOut = 0;
  #taken: WebSocketDeltas = {
    active: 0,
    opened: 0,
    messagesIn: 0,
    messagesOut: 0,
    bytesIn: 0,
    bytesOut: 0,
  };

  /** Connections open now. */
  get active(): number {
    return this.#active;
  }

  opened(): void {
    this.#active++;
    this.#opened++;
  }

  /** One connection fewer; never below zero, because a recorder may report a close whose opening nobody reported. */
  closed(): void {
    if (this.#active > 0) this.#active--;
  }

  message(direction: 'in' | 'out', bytes: number): void {
    if (direction === 'in') {
      this.#messagesIn++;
      this.#bytesIn += bytes;
    } else {
      this.#messagesOut++;
      this.#bytesOut += bytes;
    }
  }

  /** Whether `takeDeltas` would tell anything else than before. */
  get hasNews(): boolean {
    const { active, opened, messagesIn, messagesOut } = this.#taken;
    return (
      active !== this.#active ||
      opened !== this.#opened ||
      messagesIn !== this.#messagesIn ||
      messagesOut !== this.#messagesOut
    );
  }

  /** Counts since the previous call, for the counters of a frame; `active` is the value now. */
  takeDeltas(): WebSocketDeltas {
    const before = this.#taken;
    this.#taken = {
      active: this.#active,
      opened: this.#opened,
      messagesIn: this.#messagesIn,
      messagesOut: this.#messagesOut,
      bytesIn: this.#bytesIn,
      bytesOut: this.#bytesOut,
    };
    return {
      active: this.#active,
      opened: this.#opened - before.opened,
      messagesIn: this.#messagesIn - before.messagesIn,
      messagesOut: this.#messagesOut - before.messagesOut,
      bytesIn: this.#bytesIn - before.bytesIn,
      bytesOut: this.#bytesOut - before.bytesOut,
    };
  }
}

import type { Passage, Via } from '../../../core/passage.ts';
import type { NervecenterEvent } from '../../../core/signals/index.ts';
import { PIECE_EVENTS_MAX } from './pieces.ts';
import type { Decided } from './spans/decide.ts';

/** Takes events; resolves once they are accepted, and never rejects. */
type Offer = (events: readonly NervecenterEvent[], passage: Passage) => Promise<void>;

/**
 * What traces tell when they are decided, offered together: many are decided at a time, and each offer waits for the disk by
 * itself. What one trace tells is not cut.
 */
export class DecidedOffers {
  readonly #offer: Offer;
  #events: NervecenterEvent[] = [];
  #via: Via = [];
  readonly #open = new Set<Promise<void>>();

  constructor(offer: Offer) {
    this.#offer = offer;
  }

  /** Of one trace; it is offered by `offer`, which is to be called before anything else happens. */
  add({ events, spans }: Decided, via: Via): void {
    const fits = this.#events.length + events.length + spans.length <= PIECE_EVENTS_MAX;
    if (!fits || via.join() !== this.#via.join()) this.offer();
    this.#via = via;
    for (const { event } of events) this.#events.push(event);
    for (const span of spans) this.#events.push(span);
  }

  offer(): void {
    if (this.#events.length === 0) return;
    const offered = this.#offer(this.#events, { via: this.#via, derived: true });
    this.#events = [];
    this.#open.add(offered);
    void offered.then(() => this.#open.delete(offered));
  }

  /** Resolves once all that was offered is accepted. */
  async accepted(): Promise<void> {
    await Promise.all(this.#open);
  }
}

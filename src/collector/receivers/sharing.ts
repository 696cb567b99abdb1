import { type Disagreement, disagreement, type Holder, type Place } from '../../core/place.ts';
import type { AgentLink } from '../agent-link.ts';

interface SharingOptions {
  readonly holder: Holder;
  /** Where a person looks first, each time with what lets them in once, if the token was made for them. */
  readonly login: () => string;
  /** What those who come have to agree with. */
  readonly place: Place;
  /** A collector that runs alone wants the port. Called once; absent: no room is made for it. */
  readonly onClaimed: (() => void) | undefined;
}

/** Who shares this collector, and who takes its place. */
export class Sharing {
  readonly holder: Holder;
  readonly #login: () => string;
  readonly #place: Place;
  #onClaimed: (() => void) | undefined;
  readonly #links = new Set<AgentLink>();
  #handingOver = false;

  constructor({ holder, login, place, onClaimed }: SharingOptions) {
    this.holder = holder;
    this.#login = login;
    this.#place = place;
    this.#onClaimed = onClaimed;
  }

  /** From now on it is told when another collector takes over. False when one does so already. */
  add(link: AgentLink): boolean {
    if (!this.#handingOver) this.#links.add(link);
    return !this.#handingOver;
  }

  remove(link: AgentLink): void {
    this.#links.delete(link);
  }

  /** Where whoever looks for it looks first. @param why it is not the dashboard that was looked for: then it lets nobody in. */
  loginFor(why: Disagreement | null): string {
    return why === null ? this.#login() : this.holder.url;
  }

  /** Why a process does not share it; `null`: it does. */
  disagreement(joiner: Place): Disagreement | null {
    return disagreement(joiner, this.#place, this.holder);
  }

  /** All who share it hold back at once what they have: it comes to the one that takes over. */
  claimed(): void {
    const onClaimed = this.#onClaimed;
    if (onClaimed === undefined) return;
    this.#onClaimed = undefined;
    this.#handingOver = true;
    for (const link of this.#links) link.send({ type: 'handing-over' });
    onClaimed();
  }
}

import { backoffMs } from '../../core/backoff.ts';

/** A collector that went away may be restarting; many agents must not come back in the same instant. */
const RECONNECT = { firstMs: 100, ceilingMs: 30_000 };
/** A link that held for so long is followed by a quick attempt again; one that breaks at once must not be. */
const STEADY_MS = 10_000;

/** When a collector is hosted here; until then those of others are looked for. */
export class Hosting {
  /** In a row, with no link that held in between. */
  #failures = 0;
  #notBeforeMs = Number.NEGATIVE_INFINITY;
  #awaitedUntilMs = Number.NEGATIVE_INFINITY;

  /** Whether there has been a collector, or an attempt to have one. */
  get begun(): boolean {
    return this.#failures > 0;
  }

  /** A link or an attempt ended. @param heldMs for how long there was a link. */
  failed(heldMs: number): void {
    this.#failures = heldMs >= STEADY_MS ? 1 : this.#failures + 1;
    this.#notBeforeMs = performance.now() + backoffMs(this.#failures, Math.random(), RECONNECT);
    this.#awaitedUntilMs = Number.NEGATIVE_INFINITY;
  }

  /** Another one is expected within this time, until the next failure. */
  awaits(durationMs: number): void {
    this.#awaitedUntilMs = performance.now() + durationMs;
  }

  /** How long it is still too early. @param refused by who came: nobody else is expected then. */
  leftMs(refused: boolean): number {
    const until = refused ? this.#notBeforeMs : Math.max(this.#notBeforeMs, this.#awaitedUntilMs);
    return Math.max(0, until - performance.now());
  }
}

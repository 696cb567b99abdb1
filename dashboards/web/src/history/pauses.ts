const FIRST_MS = 1000;
const MAX_MS = 60_000;

/** The pauses between tries of what failed: 1 s after the first failure, then twice as long each time, to a minute. */
export class Pauses {
  #overAtMs = 0;
  #nextMs = FIRST_MS;

  /** Whether it may be tried again, at a time in milliseconds since 1970. */
  areOver(nowMs: number): boolean {
    return nowMs >= this.#overAtMs;
  }

  failed(nowMs: number): void {
    this.#overAtMs = nowMs + this.#nextMs;
    this.#nextMs = Math.min(this.#nextMs * 2, MAX_MS);
  }

  /** Begins anew: it did not fail, or it is about something else. */
  reset(): void {
    this.#overAtMs = 0;
    this.#nextMs = FIRST_MS;
  }
}

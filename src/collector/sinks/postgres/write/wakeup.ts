/** Lets asynchronous loops sleep until something may have changed. */
export class Wakeup {
  #sleepers: (() => void)[] = [];

  /** Everybody who sleeps looks at their condition again. */
  notify(): void {
    const sleepers = this.#sleepers;
    this.#sleepers = [];
    for (const wake of sleepers) wake();
  }

  /** Sleeps until the condition holds or the time is up. Returns whether the condition holds. */
  async until(condition: () => boolean, timeoutMs = Number.POSITIVE_INFINITY): Promise<boolean> {
    const endsAt = performance.now() + timeoutMs;
    while (!condition()) {
      const remaining = endsAt - performance.now();
      if (remaining <= 0) return false;
      await this.#sleep(remaining);
    }
    return true;
  }

  #sleep(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = Number.isFinite(timeoutMs) ? setTimeout(resolve, timeoutMs) : undefined;
      this.#sleepers.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
}

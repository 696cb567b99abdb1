/** Does some work a moment after it is asked for first; whoever asks until then asks for the same. Keeps no process alive. */
export class TimerOnDemand {
  readonly #work: () => void;
  /** One for ever: made anew it would remember the request of the app in which it was asked for. */
  readonly #timer: NodeJS.Timeout;
  #isAsked = false;
  #isStopped = false;

  /** @param work must not throw. */
  constructor(work: () => void, delayMs: number) {
    this.#work = work;
    this.#timer = setTimeout(() => this.#fired(), delayMs).unref();
  }

  wake(): void {
    if (this.#isAsked || this.#isStopped) return;
    this.#isAsked = true;
    this.#timer.refresh();
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  #fired(): void {
    const asked = this.#isAsked;
    this.#isAsked = false;
    if (asked) this.#work();
  }
}

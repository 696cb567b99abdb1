/**
 * Requests that were accepted not long ago, so that a client that did not hear the answer gets it again and nothing is counted
 * twice. Who sends the same while it is being accepted waits for the same answer.
 */
export class RecentRequests<T> {
  readonly #max: number;
  readonly #answers = new Map<string, Promise<T>>();

  /** @param max beyond it the oldest are forgotten. */
  constructor(max: number) {
    this.#max = max;
  }

  has(request: string): boolean {
    return this.#answers.has(request);
  }

  /** The answer to a request: the one before, unless that failed. */
  answer(request: string, accept: () => Promise<T>): Promise<T> {
    const before = this.#answers.get(request);
    if (before !== undefined) return before;
    const answer = accept();
    this.#answers.set(request, answer);
    answer.catch(() => {
      if (this.#answers.get(request) === answer) this.#answers.delete(request);
    });
    const [oldest] = this.#answers.keys();
    if (this.#answers.size > this.#max && oldest !== undefined) this.#answers.delete(oldest);
    return answer;
  }
}

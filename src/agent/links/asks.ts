import { NervecenterError } from '../../core/errors.ts';
import type { AgentMessage } from '../../core/frame.ts';

const ASKS_MAX = 100;
const ASK_TIMEOUT_MS = 5000;

/** What was asked of the collector and is not answered yet. */
export class Asks {
  readonly #waiting = new Map<number, (value: unknown) => void>();
  #next = 1;

  /**
   * @param send `null`: there is nobody to ask.
   * @throws NervecenterError `NC_UNAVAILABLE` when no collector answers within 5 s.
   */
  ask(what: 'snapshot' | 'health', send: ((message: AgentMessage) => void) | null): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const refuse = () =>
        reject(
          new NervecenterError(
            'NC_UNAVAILABLE',
            'No collector answered. Ask again once nervecenter has started.',
          ),
        );
      if (send === null || this.#waiting.size >= ASKS_MAX) {
        refuse();
        return;
      }
      const ask = this.#next++;
      const timer = setTimeout(() => {
        this.#waiting.delete(ask);
        refuse();
      }, ASK_TIMEOUT_MS);
      this.#waiting.set(ask, (value) => {
        clearTimeout(timer);
        resolve(value);
      });
      send({ type: 'ask', ask, what });
    });
  }

  answered(ask: number, value: unknown): void {
    this.#waiting.get(ask)?.(value);
    this.#waiting.delete(ask);
  }
}

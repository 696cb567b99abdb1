import { Agent, get } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';

export interface LoadOptions {
  /** @default 8 */
  readonly clients?: number;
  /** Between two requests of one client. @default 15: a few hundred a second in all, which leaves time for what is tested */
  readonly pauseMs?: number;
}

const REQUEST_TIMEOUT_MS = 10_000;
/** The header that names a request, so that its row can be found. */
export const REQUEST_HEADER = 'x-request-name';

export interface Answer {
  /** Of the process that answered. */
  readonly pid: number;
  readonly atMs: number;
}

/** Sends requests, each with a name of its own, to apps that answer with their pid, and remembers who answered what. */
export class Load {
  readonly answers = new Map<string, Answer>();
  /** Sent and not answered: it may have been served all the same, and only the answer was lost. */
  readonly unanswered = new Set<string>();
  readonly #agent = new Agent({ keepAlive: true });
  readonly #clients: Promise<void>[];
  readonly #pauseMs: number;
  #next = 0;
  #stopped = false;

  /** @param urls of apps; the clients are shared out among them. */
  constructor(urls: readonly string[], { clients = 8, pauseMs = 15 }: LoadOptions = {}) {
    this.#pauseMs = pauseMs;
    this.#clients = Array.from({ length: clients }, (_, i) => this.#client(urls[i % urls.length] ?? ''));
  }

  /** Resolves when every request has come to its end. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#clients);
    this.#agent.destroy();
  }

  async #client(url: string): Promise<void> {
    while (!this.#stopped) {
      const name = `r${this.#next++}`;
      try {
        const pid = await this.#ask(url, name);
        this.answers.set(name, { pid, atMs: performance.now() });
      } catch {
        this.unanswered.add(name);
      }
      await pause(this.#pauseMs);
    }
  }

  #ask(url: string, name: string): Promise<number> {
    return new Promise((resolve, reject) => {
      const options = {
        agent: this.#agent,
        headers: { [REQUEST_HEADER]: name },
        timeout: REQUEST_TIMEOUT_MS,
      };
      const request = get(url, options, (response) => {
        let body = '';
        response
          .on('data', (chunk: Buffer) => {
            body += chunk;
          })
          .on('end', () => resolve(Number(body)))
          .on('error', reject);
      });
      request.on('error', reject).on('timeout', () => request.destroy(new Error('no answer')));
    });
  }
}

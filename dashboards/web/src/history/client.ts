import type { HistoryAnswer } from '../../../../src/core/history/query.ts';
import { isHistoryAnswer } from './question.ts';

/** Answers kept: more than any page draws at once. The one used least lately gives way. */
const ANSWERS_MAX = 80;
/** A server that does not answer is as good as none; its own limit is 10 s. */
const TIMEOUT_MS = 20_000;

/** Why there is no answer, in a sentence for the page. */
export class HistoryFailure extends Error {
  readonly loginNeeded: boolean;
  /** Of the answer that refused; `null` where none came. */
  readonly status: number | null;

  constructor(
    message: string,
    { loginNeeded = false, status, cause }: { loginNeeded?: boolean; status?: number; cause?: unknown } = {},
  ) {
    super(message, { cause });
    this.loginNeeded = loginNeeded;
    this.status = status ?? null;
  }
}

export interface KeptAnswer {
  readonly answer: HistoryAnswer;
  /** When it came, in milliseconds since 1970. */
  readonly atMs: number;
}

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** Asks `/api/metrics/history` and keeps the last answers, so that going back to a page draws at once. */
export class HistoryClient {
  readonly #fetch: Fetch;
  readonly #now: () => number;
  readonly #kept = new Map<string, KeptAnswer>();
  /** Answers that gave way to others. */
  evicted = 0;

  constructor(fetch: Fetch, now: () => number = Date.now) {
    this.#fetch = fetch;
    this.#now = now;
  }

  kept(search: string): KeptAnswer | null {
    return this.#kept.get(search) ?? null;
  }

  /**
   * @param search as `historySearch` writes it.
   * @throws HistoryFailure when there is no answer; whatever `signal` was aborted with when it was.
   */
  async ask(search: string, signal: AbortSignal): Promise<KeptAnswer> {
    const value = await this.getJson(`/api/metrics/history?${search}`, signal);
    if (!isHistoryAnswer(value)) throw new HistoryFailure('The answer is not one of the history API.');
    const kept = { answer: value, atMs: this.#now() };
    this.#keep(search, kept);
    return kept;
  }

  /**
   * Any of the collector's JSON routes.
   *
   * @throws HistoryFailure with the server's own words when it refused.
   */
  async getJson(path: string, signal: AbortSignal): Promise<unknown> {
    return this.#json(path, { headers: { accept: 'application/json' } }, signal);
  }

  /**
   * Changes something: a POST with a body of JSON.
   *
   * @throws HistoryFailure with the server's own words when it refused.
   */
  async postJson(path: string, body: object, signal: AbortSignal): Promise<unknown> {
    const headers = { accept: 'application/json', 'content-type': 'application/json' };
    return this.#json(path, { method: 'POST', headers, body: JSON.stringify(body) }, signal);
  }

  async #json(path: string, init: RequestInit, signal: AbortSignal): Promise<unknown> {
    const response = await this.#send(path, init, signal);
    if (response.ok)
      return response.json().catch((cause: unknown) => {
        throw new HistoryFailure('The answer is not JSON.', { cause });
      });
    if (response.status === 401) throw new HistoryFailure('Login needed', { loginNeeded: true });
    throw new HistoryFailure(await refusalOf(response), { status: response.status });
  }

  async #send(path: string, init: RequestInit, signal: AbortSignal): Promise<Response> {
    try {
      return await this.#fetch(path, {
        ...init,
        credentials: 'same-origin',
        signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
      });
    } catch (cause) {
      signal.throwIfAborted();
      throw new HistoryFailure('The collector cannot be reached.', { cause });
    }
  }

  #keep(search: string, kept: KeptAnswer): void {
    this.#kept.delete(search);
    this.#kept.set(search, kept);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size <= ANSWERS_MAX || oldest === undefined) return;
    this.#kept.delete(oldest);
    this.evicted++;
  }
}

/** The `detail` of RFC 9457, or the status. */
async function refusalOf(response: Response): Promise<string> {
  const problem: unknown = await response.json().catch(() => null);
  const detail =
    typeof problem === 'object' && problem !== null && 'detail' in problem ? problem.detail : null;
  return typeof detail === 'string' ? detail : `The collector answered ${response.status}.`;
}

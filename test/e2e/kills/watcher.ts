import { get } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import type { Snapshot } from '../../../src/core/snapshot.ts';
import { until } from '../../support/poll.ts';

/** 20 times a second. */
const INTERVAL_MS = 50;
const POLL_TIMEOUT_MS = 10_000;
const PATIENCE_MS = 60_000;

/** What one poll saw. */
export interface Sight {
  readonly atMs: number;
  readonly bootId: string;
  readonly known: boolean;
  readonly requests: number;
  readonly calls: number;
}

/** A look at the totals 20 times a second, over whichever collector answers on the port. */
export class Watcher {
  readonly sights: Sight[] = [];
  latest: Snapshot | null = null;
  readonly #url: string;
  readonly #token: string;
  readonly #watching: Promise<void>;
  #stopped = false;

  constructor(port: number, token: string) {
    this.#url = `http://127.0.0.1:${port}/api/metrics/snapshot`;
    this.#token = token;
    this.#watching = this.#watch();
  }

  /** The first snapshot from now on that satisfies the condition. */
  when(condition: (snapshot: Snapshot) => boolean, what: string): Promise<Snapshot> {
    this.latest = null;
    const seen = () => (this.latest !== null && condition(this.latest) ? this.latest : null);
    return until(seen, { timeoutMs: PATIENCE_MS, what }).catch((error: unknown) => {
      const instances = this.latest?.instances.map(({ service, pid, up }) => `${service} ${pid} ${up}`);
      throw new Error(`${what}: the last look saw ${instances?.join(', ') ?? 'nothing'}`, { cause: error });
    });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#watching;
  }

  async #watch(): Promise<void> {
    while (!this.#stopped) {
      const next = pause(INTERVAL_MS);
      const snapshot = await this.#look().catch(() => null); // Nobody listens, or somebody who is being killed.
      if (snapshot !== null) this.#saw(snapshot);
      await next;
    }
  }

  #saw(snapshot: Snapshot): void {
    const { boot_id: bootId, pipeline, api, llm } = snapshot;
    const known = pipeline.totals === 'known';
    const [requests, calls] = [api.requests_total, llm.total_requests];
    this.sights.push({ atMs: performance.now(), bootId, known, requests, calls });
    this.latest = snapshot;
  }

  #look(): Promise<Snapshot> {
    return new Promise((resolve, reject) => {
      const options = {
        agent: false,
        headers: { authorization: `Bearer ${this.#token}` },
        timeout: POLL_TIMEOUT_MS,
      };
      const request = get(this.#url, options, (response) => {
        let body = '';
        response
          .on('data', (chunk: Buffer) => {
            body += chunk;
          })
          .on('end', () => {
            try {
              resolve(JSON.parse(body) as Snapshot);
            } catch (error) {
              reject(error);
            }
          })
          .on('error', reject);
      });
      request.on('error', reject).on('timeout', () => request.destroy(new Error('no answer')));
    });
  }
}

/** The pairs of looks between which a known total fell; within one process it must not fall while it is loading either. */
export function falls(sights: readonly Sight[]): (readonly [Sight, Sight])[] {
  const fell = (before: Sight | undefined, now: Sight): (readonly [Sight, Sight])[] =>
    before !== undefined && (now.requests < before.requests || now.calls < before.calls)
      ? [[before, now]]
      : [];
  const known = sights.filter((sight) => sight.known);
  const ofOne = [...Map.groupBy(sights, ({ bootId }) => bootId).values()];
  return [known, ...ofOne].flatMap((row) => row.flatMap((sight, i) => fell(row[i - 1], sight)));
}

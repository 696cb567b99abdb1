import { describeError } from '../core/errors.ts';
import { type Milliseconds, SECOND_MS } from '../core/units.ts';
import type { Live } from './live/live.ts';
import type { Log } from './log.ts';

/** Rows of `system_metrics`: one per gauge and 15 s. */
const SYSTEM_ROWS_INTERVAL_MS = 15 * SECOND_MS;

interface TickOptions {
  readonly intervalMs: Milliseconds;
  readonly sampleHost: () => Promise<void>;
  readonly publish: (snapshotJson: string) => void;
  readonly storeSystem: () => void;
  readonly log: Log;
}

/** Makes a snapshot per interval and serialises it once, whatever the number of viewers. */
export class Ticker {
  readonly #live: Live;
  #json: string | null = null;

  constructor(live: Live) {
    this.#live = live;
  }

  latestJson(): string {
    this.#json ??= JSON.stringify(this.#live.snapshot());
    return this.#json;
  }

  /** Ticks until the returned function is called. */
  start({ intervalMs, sampleHost, publish, storeSystem, log }: TickOptions): () => void {
    let sampling = false;
    let lastSystemRowsMs = Number.NEGATIVE_INFINITY;
    const tick = async () => {
      if (sampling) return; // A hanging file system must not pile up samples; the next tick tries again.
      sampling = true;
      try {
        await sampleHost();
        this.#live.tick();
        this.#json = JSON.stringify(this.#live.snapshot());
        publish(this.#json);
        if (performance.now() - lastSystemRowsMs >= SYSTEM_ROWS_INTERVAL_MS - intervalMs / 2) {
          lastSystemRowsMs = performance.now();
          storeSystem();
        }
      } catch (error) {
        log('live', `snapshot failed: ${describeError(error)}`);
      } finally {
        sampling = false;
      }
    };
    void tick();
    const timer = setInterval(() => void tick(), intervalMs);
    return () => clearInterval(timer);
  }
}

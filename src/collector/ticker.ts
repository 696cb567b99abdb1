import { describeError } from '../core/errors.ts';
import { EVERYBODY, filterKey, isEverybody, type SenderFilter } from '../core/history/sender-filter.ts';
import { type Milliseconds, SECOND_MS } from '../core/units.ts';
import type { Live } from './live/live.ts';
import type { Log } from './log.ts';

/** Rows of `system_metrics`: one per gauge and 15 s. */
const SYSTEM_ROWS_INTERVAL_MS = 15 * SECOND_MS;

/** More distinct filters than the stream takes viewers of. */
const FILTERS_KEPT_MAX = 50;

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
  /** Of this tick, by filter. */
  readonly #json = new Map<string, string>();

  constructor(live: Live) {
    this.#live = live;
  }

  /** Made once a tick for everybody who asks for the same. */
  latestJson(filter: SenderFilter = EVERYBODY): string {
    const key = filterKey(filter);
    const json = this.#json.get(key) ?? JSON.stringify(this.#live.snapshot(filter));
    if (this.#json.size < FILTERS_KEPT_MAX || isEverybody(filter)) this.#json.set(key, json);
    return json;
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
        this.#json.clear();
        publish(this.latestJson());
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

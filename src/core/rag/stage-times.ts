import { type Milliseconds, milliseconds } from '../units.ts';

/** One run of a stage, from `begin` to `end`. */
export interface StageRun {
  readonly stage: string;
  /** The run inside which it began, which does not go on counting meanwhile. */
  readonly outer: StageRun | null;
  /** Runs inside it that go on. */
  innerRuns: number;
  ended: boolean;
}

/**
 * Adds up the wall time of a query's stages, so that all of them together are never more than the query took: of every
 * moment each stage that runs has an equal share, however often it runs in parallel with itself, and a run with others
 * inside it has only what they leave. It holds one number per stage name and no intervals; names are bounded by the caller.
 */
export class StageTimes {
  readonly #timesMs = new Map<string, number>();
  /** How many runs there are now, by stage, of those that have none inside. */
  readonly #running = new Map<string, number>();
  #countedUntilMs = 0;
  #closed = false;

  /** @param nowMs of a clock that only goes forward. */
  begin(stage: string, outer: StageRun | null, nowMs: Milliseconds): StageRun {
    const run: StageRun = { stage, outer, innerRuns: 0, ended: this.#closed };
    if (this.#closed) return run;
    this.#count(nowMs);
    if (!this.#timesMs.has(stage)) this.#timesMs.set(stage, 0);
    if (outer !== null && outer.innerRuns++ === 0 && !outer.ended) this.#add(outer.stage, -1);
    this.#add(stage, 1);
    return run;
  }

  /** A second end, and one after `close`, changes nothing. */
  end(run: StageRun, nowMs: Milliseconds): void {
    if (this.#closed || run.ended) return;
    this.#count(nowMs);
    run.ended = true;
    if (run.innerRuns === 0) this.#add(run.stage, -1);
    const { outer } = run;
    if (outer !== null && --outer.innerRuns === 0 && !outer.ended) this.#add(outer.stage, 1);
  }

  /** The query is over; what still runs counts until now. */
  close(nowMs: Milliseconds): Record<string, Milliseconds> {
    if (!this.#closed) this.#count(nowMs);
    this.#closed = true;
    return Object.fromEntries([...this.#timesMs].map(([stage, timeMs]) => [stage, milliseconds(timeMs)]));
  }

  #count(nowMs: Milliseconds): void {
    const elapsedMs = nowMs - this.#countedUntilMs;
    this.#countedUntilMs = nowMs;
    for (const stage of this.#running.keys()) {
      this.#timesMs.set(stage, (this.#timesMs.get(stage) ?? 0) + elapsedMs / this.#running.size);
    }
  }

  #add(stage: string, change: 1 | -1): void {
    const runs = (this.#running.get(stage) ?? 0) + change;
    if (runs > 0) this.#running.set(stage, runs);
    else this.#running.delete(stage);
  }
}

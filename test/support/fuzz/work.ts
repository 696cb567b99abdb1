import assert from 'node:assert/strict';
import { Session } from 'node:inspector';

/** What V8 says of one run of code that was counted. */
interface Coverage {
  readonly result: readonly {
    readonly url: string;
    readonly functions: readonly { readonly ranges: readonly { readonly count: number }[] }[];
  }[];
}

const SOURCES = '/src/';
/** Four times the input may take so much more: the work of a beginning, and buffers that double. */
const TIMES = 4;
const TIMES_MAX = 5;

/** Counts how often blocks of our code are entered, turns of loops among them: the same however busy the machine is. */
export class WorkCounter {
  readonly #session = new Session();

  constructor() {
    this.#session.connect();
    this.#session.post('Profiler.enable');
    this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  }

  countOf(work: () => unknown): number {
    this.#taken();
    work();
    return this.#taken();
  }

  /** @param work what is done with an input of so many parts. */
  assertLinear(what: string, parts: number, work: (parts: number) => unknown): void {
    work(parts);
    const [few, many] = [this.countOf(() => work(parts)), this.countOf(() => work(TIMES * parts))];
    assert.ok(few > 0, `${what}: nothing was counted`);
    assert.ok(many <= TIMES_MAX * few, `${what}: ${few} for ${parts} parts, ${many} for ${TIMES * parts}`);
  }

  stop(): void {
    this.#session.disconnect();
  }

  /** Since the last time. The session is this thread's own: it answers at once. */
  #taken(): number {
    let count = 0;
    this.#session.post('Profiler.takePreciseCoverage', (error, coverage) => {
      if (error !== null) throw error;
      for (const { url, functions } of (coverage as Coverage).result) {
        if (!url.includes(SOURCES)) continue;
        for (const { ranges } of functions) for (const range of ranges) count += range.count;
      }
    });
    return count;
  }
}

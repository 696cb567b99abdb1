import { MINUTE_MS, SECOND_MS } from '../../core/units.ts';
import type { FactSource } from './fact-thread.ts';
import { type Answers, type HostFacts, memoryOf, mountPointsOf, NO_FACTS, networkOf } from './host-facts.ts';

/** Rows of `system_metrics` are as far apart; more often costs programs for figures nobody keeps. */
const PACE_MIN_MS = 15 * SECOND_MS;
/** At most a twentieth of the time is spent asking, however slow the machine's programs are. */
const PACE_PER_ANSWER = 20;
/** File systems are seldom mounted; their sizes are asked of Node at every sample. */
const MOUNTS_PACE_MS = 10 * MINUTE_MS;
const ANSWER_TIMEOUT_MS = 30 * SECOND_MS;

export interface FactReaderParts {
  readonly source: FactSource;
  readonly monotonicMs: () => number;
  /** The interfaces there are now. */
  readonly interfaces: () => readonly string[];
  /** Not where Node knows as much: `systeminformation` starts a program for it. */
  readonly memory: boolean;
  /** @default 30 s */
  readonly timeoutMs?: number;
}

/** Facts as last told. Whoever reads them never waits: a question that is due is asked beside it. */
export class FactReader {
  readonly #parts: FactReaderParts;
  #facts: HostFacts = NO_FACTS;
  #asking = false;
  #dueMs = Number.NEGATIVE_INFINITY;
  #mountsDueMs = Number.NEGATIVE_INFINITY;
  #stopped = false;

  constructor(parts: FactReaderParts) {
    this.#parts = parts;
  }

  latest(): HostFacts {
    if (!this.#asking && !this.#stopped && this.#parts.monotonicMs() >= this.#dueMs) void this.#ask();
    return this.#facts;
  }

  stop(): void {
    this.#stopped = true;
    this.#parts.source.close();
  }

  /** Never rejects. What was not answered is not known; what is mounted stays known, its sizes are asked elsewhere. */
  async #ask(): Promise<void> {
    const { monotonicMs } = this.#parts;
    this.#asking = true;
    const startedMs = monotonicMs();
    try {
      this.#take(await this.#answers(startedMs >= this.#mountsDueMs));
    } catch {
      this.#facts = { ...NO_FACTS, mountPoints: this.#facts.mountPoints };
      this.#parts.source.close();
    }
    const endedMs = monotonicMs();
    this.#dueMs = endedMs + Math.max(PACE_MIN_MS, PACE_PER_ANSWER * (endedMs - startedMs));
    this.#asking = false;
  }

  async #answers(disks: boolean): Promise<Answers> {
    const { source, interfaces, memory, timeoutMs = ANSWER_TIMEOUT_MS } = this.#parts;
    const { promise: tooLate, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => reject(new Error('no answer in time')), timeoutMs);
    timer.unref();
    try {
      return await Promise.race([source.ask({ disks, memory, interfaces: interfaces() }), tooLate]);
    } finally {
      clearTimeout(timer);
    }
  }

  #take({ disks, network, memory }: Answers): void {
    if (disks !== null) this.#mountsDueMs = this.#parts.monotonicMs() + MOUNTS_PACE_MS;
    this.#facts = {
      mountPoints: disks === null ? this.#facts.mountPoints : mountPointsOf(disks),
      network: network && networkOf(network),
      memory: memory && memoryOf(memory),
    };
  }
}

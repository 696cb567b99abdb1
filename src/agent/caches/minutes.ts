import { MINUTE_MS, type Milliseconds } from '../../core/units.ts';
import { newEventId } from '../../platform/ids.ts';
import type { Agent } from '../instrumentation.ts';
import type { CacheTally } from './tally.ts';

/** Turns the cache tally into one event per cache and minute. */
export class CacheMinutes {
  readonly #agent: Agent;
  readonly #tally: CacheTally;
  #minute: number;

  constructor(agent: Agent, tally: CacheTally) {
    this.#agent = agent;
    this.#tally = tally;
    this.#minute = minuteOf(agent.clock.epochMs());
  }

  /** To be called at least once a minute. */
  passed(): void {
    const minute = minuteOf(this.#agent.clock.epochMs());
    if (minute === this.#minute) return;
    this.#minute = minute;
    this.emit();
  }

  emit(): void {
    const timeMs = this.#agent.clock.epochMs();
    for (const counts of this.#tally.takeMinute()) {
      this.#agent.emit({ signal: 'cache', id: newEventId(timeMs), timeMs, ...counts });
    }
  }
}

const minuteOf = (timeMs: Milliseconds): number => Math.floor(timeMs / MINUTE_MS);

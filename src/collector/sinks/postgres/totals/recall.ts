import type { ClientBase } from 'pg';
import { SECOND_MS } from '../../../../core/units.ts';
import type { SentBatch } from '../spool/batch.ts';
import type { WaitingFacts } from '../spool/segments.ts';
import { both, type Earlier, lastStored, storedEarlier, WaitingSum } from './earlier.ts';

/** Reading back what was counted before takes milliseconds, and some seconds after a long outage. */
const TIMEOUT_MS = 60 * SECOND_MS;
/** Of the UUID of a process. */
const VERSION_AT = 14;
const RANDOM_VERSION = '4';

/** Reads back what was counted before this process, once, and what other processes are found to have left, whenever they are. */
export class Recall {
  readonly #waiting: () => AsyncIterable<WaitingFacts>;
  readonly #onEarlier: (earlier: Earlier) => void;
  readonly #counted = new Map<string, number>();
  #done = false;

  /** @param waiting what waits on disk that this process did not put there. */
  constructor(waiting: () => AsyncIterable<WaitingFacts>, onEarlier: (earlier: Earlier) => void) {
    this.#waiting = waiting;
    this.#onEarlier = onEarlier;
  }

  /** The last batch of each process that was found waiting, and counts since. */
  get waiting(): ReadonlyMap<string, number> {
    return this.#counted;
  }

  /** Whether it was read back once. */
  get done(): boolean {
    return this.#done;
  }

  /**
   * From the database, and from what waits in the spools and is not stored yet, all as of one moment. To be called before the
   * first row of this process is stored, and before what is found later is taken.
   */
  async read(client: ClientBase): Promise<void> {
    await client.query(
      `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = ${TIMEOUT_MS}`,
    );
    try {
      const stored = this.#done ? null : await storedEarlier(client);
      const waiting = await this.#waitingEarlier(client);
      this.#done = true;
      this.#onEarlier(stored === null ? waiting : both(stored, waiting)); // What waits tells it only once.
      await client.query('COMMIT');
    } catch (error) {
      await client.query('ROLLBACK').catch(() => {}); // The first error says more.
      throw error;
    }
  }

  async #waitingEarlier(client: ClientBase): Promise<Earlier> {
    const sum = new WaitingSum(Date.now());
    const last = new Map<string, number>();
    for await (const { writer, seq, facts } of this.#waiting()) {
      if (!last.has(writer)) last.set(writer, await lastStored(client, writer));
      sum.add(facts, seq <= (last.get(writer) ?? 0));
      if (facts.doubtful !== true) this.#note(facts.sent);
    }
    return sum.take();
  }

  #note(sent: readonly SentBatch[]): void {
    for (const [instanceId, batch] of sent) {
      // Requests by OTLP are senders as well, a million of them a day, and are never doubtful.
      if (instanceId[VERSION_AT] !== RANDOM_VERSION) continue;
      this.#counted.set(instanceId, Math.max(batch, this.#counted.get(instanceId) ?? 0));
    }
  }
}

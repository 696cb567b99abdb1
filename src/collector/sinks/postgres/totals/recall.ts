import type { ClientBase } from 'pg';
import { SECOND_MS } from '../../../../core/units.ts';
import type { BatchFacts } from '../spool/batch.ts';
import type { WaitingFacts } from '../spool/segments.ts';
import { both, type Earlier, lastStored, storedEarlier, WaitingSum } from './earlier.ts';

/** Reading back what was counted before takes milliseconds, and some seconds after a long outage. */
const TIMEOUT_MS = 60 * SECOND_MS;
/** Of the UUID of a process. */
const VERSION_AT = 14;
const RANDOM_VERSION = '4';

/** A batch that came again when nobody knew what is stored, as who decides on it knows it. */
export interface DoubtfulBatch extends Pick<BatchFacts, 'atMs' | 'sent'> {
  readonly writer: string;
}

/** What of a process a collector left, and since when. */
interface Left {
  readonly fromMs: number;
  batch: number;
}

/** Reads back what was counted before this process, once, and what other processes are found to have left, whenever they are. */
export class Recall {
  readonly #waiting: () => AsyncIterable<WaitingFacts>;
  readonly #onEarlier: (earlier: Earlier) => void;
  /** By process and writer. */
  readonly #left = new Map<string, Map<string, Left>>();
  #done = false;

  /** @param waiting what waits on disk that this process did not put there. */
  constructor(waiting: () => AsyncIterable<WaitingFacts>, onEarlier: (earlier: Earlier) => void) {
    this.#waiting = waiting;
    this.#onEarlier = onEarlier;
  }

  /**
   * Whether what was found waiting has that batch, and counts it since: a collector left it to which its process came before.
   * The one that took it again, and those after it, have later batches of the process, which say nothing of this one.
   */
  hasLeft({ writer, atMs, sent }: DoubtfulBatch): boolean {
    return sent.some(([instanceId, batch]) =>
      [...(this.#left.get(instanceId) ?? [])].some(
        ([by, left]) => by !== writer && left.fromMs < atMs && left.batch >= batch,
      ),
    );
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
      if (facts.doubtful !== true) this.#note(writer, facts);
    }
    return sum.take();
  }

  #note(writer: string, { atMs, sent }: BatchFacts): void {
    for (const [instanceId, batch] of sent) {
      // Requests by OTLP are senders as well, a million of them a day, and are never doubtful.
      if (instanceId[VERSION_AT] !== RANDOM_VERSION) continue;
      const writers = this.#left.get(instanceId) ?? new Map<string, Left>();
      this.#left.set(instanceId, writers);
      const left = writers.get(writer) ?? { fromMs: atMs, batch };
      writers.set(writer, left);
      left.batch = Math.max(left.batch, batch);
    }
  }
}

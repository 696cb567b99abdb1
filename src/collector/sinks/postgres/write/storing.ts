import type { Pool } from 'pg';
import { backoffMs } from '../../../../core/backoff.ts';
import type { ServerLink } from '../connect/server-link.ts';
import type { Recall } from '../totals/recall.ts';
import type { Intake } from './intake.ts';
import type { Transfer } from './transfer.ts';
import type { Wakeup } from './wakeup.ts';

interface StoringParts {
  readonly link: ServerLink;
  readonly intake: Intake;
  readonly recall: Recall;
  readonly transfer: Transfer;
  readonly wakeup: Wakeup;
}

/**
 * Takes batches to the server, one transaction at a time, while the server is there, and tries to come back to it while it is
 * not. A server that is there and keeps nothing, its disk full, is tried as seldom as one that is not.
 */
export class Storing {
  readonly #parts: StoringParts;
  /** Since something was stored last, or nothing waited. */
  #failures = 0;
  #retryNow = false;
  #ended = false;

  constructor(parts: StoringParts) {
    this.#parts = parts;
  }

  /** Until `end`. */
  async run(): Promise<void> {
    while (!this.#ended) {
      const { pool } = this.#parts.link;
      if (pool === null) await this.#reopen();
      else await this.#storeNext(pool);
    }
  }

  end(): void {
    this.#ended = true;
    this.#parts.wakeup.notify();
  }

  /** The next attempt does not wait for its turn. To be followed by a wake-up. */
  retryNow(): void {
    this.#retryNow = true;
  }

  /** Opens the spools and connects. @throws as `ServerLink.open` and `SpoolAccess.open`. */
  async open(): Promise<void> {
    await this.#parts.intake.spools.open();
    await this.#parts.link.open();
    this.#parts.wakeup.notify();
  }

  /** The server could not be reached, or keeps nothing. */
  failed(error: unknown): void {
    this.#failures++;
    this.#parts.link.lose(error);
  }

  async #reopen(): Promise<void> {
    const waitMs = backoffMs(this.#failures, Math.random());
    await this.#parts.wakeup.until(() => this.#ended || this.#retryNow, waitMs);
    this.#retryNow = false;
    if (this.#ended) return;
    try {
      await this.open();
    } catch (error) {
      this.failed(error);
      return;
    }
    if (this.#parts.intake.queued === 0) this.#restored();
  }

  async #storeNext(pool: Pool): Promise<void> {
    const { link, intake, recall, transfer, wakeup } = this.#parts;
    await wakeup.until(() => this.#ended || intake.ready);
    if (this.#ended) return;
    try {
      // Nothing found is taken before it is told: once stored, nobody could tell that it was not counted yet.
      while (intake.hasEarlier) await link.lend((client) => recall.read(client));
      if (this.#ended) return;
      await transfer.next(pool);
      this.#restored();
    } catch (error) {
      transfer.failed();
      this.failed(error);
    }
  }

  #restored(): void {
    this.#failures = 0;
    this.#parts.link.restored();
  }
}

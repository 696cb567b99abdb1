import { describeError } from '../../../../core/errors.ts';
import type { Point } from '../../../../core/frame.ts';
import type { PastSlot } from '../../../../core/past.ts';
import { type Milliseconds, SECOND_MS } from '../../../../core/units.ts';
import type { Log } from '../../../log.ts';
import { failureKind } from '../connect/failure.ts';
import type { Lend } from '../connect/lend.ts';
import { reading } from '../history/reading.ts';
import { readTotals, readWindow } from './past.ts';

export interface PastReaderOptions {
  readonly lend: Lend;
  readonly windowMs: Milliseconds;
  readonly now: () => number;
  readonly onWindow: (slots: readonly PastSlot[]) => void;
  readonly onTotals: (points: readonly Point[]) => void;
  readonly log: Log;
  /** Before trying again. @default 10 s */
  readonly retryMs?: number;
  /** The first rows of this process wait for so long at most. @default 5 s */
  readonly patienceMs?: number;
}

const RETRY_MS = 10 * SECOND_MS;
const PATIENCE_MS = 5 * SECOND_MS;
const STATEMENT_TIMEOUT_MS = 20 * SECOND_MS;

/**
 * Reads back, once per start, what earlier processes counted. What they stored is told apart from what this one stores by
 * the moment: everything is read from the state that the database had before the first row of this process. A first attempt
 * that fails cannot have that state again; later ones take the rows with a timestamp before the start for it.
 */
export class PastReader {
  readonly #options: PastReaderOptions;
  readonly #startedMs: number;
  #ownRows = false;
  #release: () => void = () => {};
  #attempts = 0;
  /** That it cannot be read was told. */
  #failed = false;
  #stopped = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: PastReaderOptions) {
    this.#options = options;
    this.#startedMs = options.now();
  }

  /**
   * To be called once, before the first rows of this process are stored and after those that others left behind. Begins to
   * read, and resolves as soon as rows may be stored.
   */
  async beforeOwnRows(): Promise<void> {
    if (this.#stopped) return;
    const { patienceMs = PATIENCE_MS } = this.#options;
    const released = new Promise<void>((resolve) => {
      this.#release = resolve;
    });
    const timer = setTimeout(() => this.#release(), patienceMs);
    void this.#attempt();
    await released;
    clearTimeout(timer);
    this.#ownRows = true;
  }

  /** Begins nothing more. Idempotent. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#release();
  }

  async #attempt(): Promise<void> {
    const { lend, log, retryMs = RETRY_MS } = this.#options;
    try {
      await lend((client) => reading(client, STATEMENT_TIMEOUT_MS, () => this.#read(client)));
      if (this.#failed) log('storage', 'What was counted before this start is shown now.');
    } catch (error) {
      this.#release();
      if (this.#stopped) return;
      // A server that has just gone is the writer's to tell, and back in a moment where another process goes on with it.
      const told = this.#attempts++ > 0 || failureKind(error) !== 'unreachable';
      if (told && !this.#failed) {
        log(
          'storage',
          `What was counted before this start cannot be read and is not shown; trying again: ${describeError(error)}`,
        );
      }
      this.#failed ||= told;
      this.#timer = setTimeout(() => void this.#attempt(), retryMs).unref();
    }
  }

  async #read(client: Parameters<Parameters<Lend>[0]>[0]): Promise<void> {
    const { windowMs, now, onWindow, onTotals } = this.#options;
    // Both parts, and every statement of them, of the same moment: that of the first statement.
    await client.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ');
    await client.query('SELECT');
    const untilMs = this.#ownRows ? this.#startedMs : null;
    this.#release();
    const nowMs = now();
    const toMs = Math.min(nowMs, untilMs ?? nowMs);
    onWindow(await readWindow(client, { fromMs: nowMs - windowMs, toMs, windowMs }));
    onTotals(await readTotals(client, untilMs));
  }
}

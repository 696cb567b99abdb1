import { backoffMs } from '../../../../core/backoff.ts';
import type { Via } from '../../../../core/passage.ts';
import { Condition } from '../../../condition.ts';
import type { Log } from '../../../log.ts';
import type { Outcome, Transport } from './transport.ts';

export interface DeliveryOptions {
  /** `langfuse traces`, for the log. */
  readonly name: string;
  readonly transport: Transport;
  readonly log: Log;
  /** Called with what became of every attempt. */
  readonly onAttempt: (outcome: Outcome) => void;
}

/** What became of a request in the end; `stopped`: nobody knows, or it was not sent. */
export type Delivered = 'accepted' | 'refused' | 'stopped';

/** What is to be sent. */
export interface Request {
  readonly body: Uint8Array;
  /** What it says it has passed through, this collector included. */
  readonly via: Via;
  /** Where it is refused its parts are sent one by one: nothing is lost yet, and nothing told. @default false */
  readonly divisible?: boolean;
}

/** Sends one request after the other, each as often as the protocol asks for, and says once what goes wrong. */
export class Delivery {
  readonly #options: DeliveryOptions;
  readonly #unreachable: Condition;
  readonly #partial: Condition;
  readonly #refused: Condition;
  readonly #stopped = new AbortController();
  #hurried = false;
  #endWait = () => {};

  constructor(options: DeliveryOptions) {
    this.#options = options;
    this.#unreachable = new Condition(options.log, 'otlp');
    this.#partial = new Condition(options.log, 'otlp');
    this.#refused = new Condition(options.log, 'otlp');
  }

  /** Tries until the receiver has the request or refuses it for good, or `stop` is called. Never rejects. */
  async deliver({ body, via, divisible = false }: Request): Promise<Delivered> {
    for (let attempt = 1; !this.#stopped.signal.aborted; attempt++) {
      const outcome = await this.#options.transport.send(body, via, this.#stopped.signal);
      if (this.#stopped.signal.aborted && outcome.kind === 'retry') break;
      this.#options.onAttempt(outcome);
      if (!(divisible && outcome.kind === 'refused')) this.#tell(outcome);
      if (outcome.kind !== 'retry') return outcome.kind;
      // As the collector stops there is one more attempt, not one after the other.
      if (this.#hurried && attempt > 1) break;
      await this.#wait(outcome.afterMs ?? backoffMs(attempt, Math.random()));
    }
    return 'stopped';
  }

  /** No further patience: what waits for its next attempt has it now. */
  hurry(): void {
    this.#hurried = true;
    this.#endWait();
  }

  /** Ends what is under way. */
  stop(): void {
    this.#stopped.abort();
    this.#endWait();
    this.#options.transport.close();
  }

  #wait(ms: number): Promise<void> {
    if (this.#hurried) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#endWait = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #tell(outcome: Outcome): void {
    const { name } = this.#options;
    if (outcome.kind === 'retry') {
      this.#unreachable.begin(`${name} cannot be sent (${outcome.reason}); tried again until it can.`);
      return;
    }
    this.#unreachable.end(`${name} can be sent again.`);
    if (outcome.kind === 'refused') {
      this.#refused.begin(`${name}: refused (${outcome.reason}); what is refused is dropped, and counted.`);
      return;
    }
    this.#refused.end(`${name}: accepted again.`);
    if (outcome.rejected > 0 || outcome.message !== '') {
      const said = outcome.message === '' ? 'without a reason' : outcome.message;
      this.#partial.begin(
        `${name}: accepted in part, ${outcome.rejected} left out (${said}); more are only counted.`,
      );
    }
  }
}

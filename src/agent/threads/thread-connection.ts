import { BroadcastChannel, threadId } from 'node:worker_threads';
import type { AgentMessage, CollectorMessage } from '../../core/frame.ts';
import { Asks } from '../links/asks.ts';
import type { AgentConnection, ConnectionOptions } from '../links/connection.ts';
import { post, TO_MAIN, toThread } from './channels.ts';

/**
 * The connection of an agent in a worker thread of the app. The agent of the main thread takes what it sends, so that the
 * process is one sender, whatever it does in threads.
 */
export class ThreadConnection implements AgentConnection {
  readonly #options: Pick<ConnectionOptions, 'onAccepted'>;
  readonly #asks = new Asks();
  readonly #answers: BroadcastChannel;
  #closed = false;

  constructor(options: Pick<ConnectionOptions, 'onAccepted'>) {
    this.#options = options;
    this.#answers = new BroadcastChannel(toThread(threadId));
    this.#answers.onmessage = (event) => this.#received((event as { data: CollectorMessage }).data);
    this.#answers.unref(); // It must keep no thread alive.
  }

  get isOpen(): boolean {
    return !this.#closed;
  }

  async open(): Promise<void> {}

  async join(): Promise<void> {}

  send(message: AgentMessage): void {
    if (!this.#closed) post(TO_MAIN, { thread: threadId, message });
  }

  ask(what: 'snapshot' | 'health'): Promise<unknown> {
    return this.#asks.ask(what, this.#closed ? null : (message) => this.send(message));
  }

  /** The main thread lives on, and has them when this returns. */
  flushSync(messages: readonly AgentMessage[]): void {
    for (const message of messages) this.send(message);
    this.close();
  }

  close(): void {
    this.#closed = true;
    this.#answers.close();
  }

  #received(message: CollectorMessage): void {
    if (message.type === 'accepted') this.#options.onAccepted(message.batch);
    if (message.type === 'answer') this.#asks.answered(message.ask, message.value);
  }
}

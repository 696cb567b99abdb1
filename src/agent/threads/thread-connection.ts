import { BroadcastChannel, type MessagePort, receiveMessageOnPort, threadId } from 'node:worker_threads';
import type { AgentMessage } from '../../core/frame.ts';
import { Asks } from '../links/asks.ts';
import type { AgentConnection, ConnectionOptions } from '../links/connection.ts';
import { PieceSender, recordsMessage } from '../links/piece-sender.ts';
import { type FromThread, fromThread, post, TO_MAIN, type ToThread, toThread } from './channels.ts';

/**
 * The connection of an agent in a worker thread of the app. The agent of the main thread takes what it sends, so that the
 * process is one sender, whatever it does in threads.
 */
export class ThreadConnection implements AgentConnection {
  readonly #asks = new Asks();
  readonly #answers: BroadcastChannel;
  /** Once the main thread listens to it. */
  #own: BroadcastChannel | null = null;
  #closed = false;
  readonly #pieces: PieceSender;

  constructor({ ring }: Pick<ConnectionOptions, 'ring'>) {
    this.#answers = new BroadcastChannel(toThread(threadId));
    this.#answers.onmessage = (event) => this.#received((event as { data: ToThread }).data);
    this.#answers.unref(); // It must keep no thread alive.
    this.#post({ type: 'started' });
    this.#pieces = new PieceSender(ring, (piece) => this.send(recordsMessage(piece)));
  }

  get isOpen(): boolean {
    return !this.#closed;
  }

  async open(): Promise<void> {}

  async join(): Promise<void> {}

  send(message: AgentMessage): void {
    if (!this.#closed) this.#post(message);
  }

  handOver(): void {
    if (this.#closed) return;
    this.#drain();
    this.#pieces.send();
  }

  ask(what: 'snapshot' | 'health'): Promise<unknown> {
    return this.#asks.ask(what, this.#closed ? null : (message) => this.send(message));
  }

  /** The main thread lives on, and has them when this returns. */
  flushSync(messages: readonly AgentMessage[]): void {
    this.#pieces.send(true);
    for (const message of messages) this.send(message);
    this.close();
  }

  close(): void {
    this.#closed = true;
    this.#pieces.close();
    this.#answers.close();
    this.#own?.close();
  }

  #post(message: FromThread['message']): void {
    const told: FromThread = { thread: threadId, message };
    if (this.#own === null) post(TO_MAIN, told);
    else this.#own.postMessage(told);
  }

  /** A thread may go from task to task without a turn of its loop, in which answers would be told. */
  #drain(): void {
    // A channel is a port in Node, but not in its types.
    const port = this.#answers as unknown as MessagePort;
    for (let next = receiveMessageOnPort(port); next !== undefined; next = receiveMessageOnPort(port))
      this.#received(next.message as ToThread);
  }

  /** The names of channels are ours, and nobody else writes there. */
  #received(message: ToThread): void {
    if (message.type === 'listening' && this.#own === null) {
      this.#own = new BroadcastChannel(fromThread(threadId));
      this.#own.unref();
    }
    if (message.type === 'accepted') this.#pieces.accepted(message.batch);
    if (message.type === 'answer') this.#asks.answered(message.ask, message.value);
  }
}

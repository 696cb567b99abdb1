import { BroadcastChannel, type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import type { AgentMessage, DropCounts, Frame, GaugePoint, Point, RecordsMessage } from '../../core/frame.ts';
import { FrameDecoder } from '../../core/frames/frame-decoder.ts';
import { mergePoints } from '../../core/measured.ts';
import type { NervecenterEvent } from '../../core/signals/index.ts';
import { PieceReader } from '../../link/ring/piece-reader.ts';
import type { AgentConnection } from '../links/connection.ts';
import { type FromThread, fromThread, post, TO_MAIN, toThread } from './channels.ts';

export interface ThreadReceiverOptions {
  readonly emit: (event: NervecenterEvent) => void;
  readonly drop: (reason: string, count: number) => void;
  readonly connection: Pick<AgentConnection, 'ask'>;
}

/** What a thread has told of itself. */
interface Thread {
  /** What it writes to. */
  readonly channel: BroadcastChannel;
  /** Its gauges, by series. */
  readonly gauges: Map<string, GaugePoint>;
  dropped: DropCounts;
}

/** What the bytes of one thread are read with. */
interface Readers {
  readonly pieces: PieceReader;
  readonly frames: FrameDecoder;
}

/** Threads that are told apart, and have a channel each; what more of them gauge is not added. */
const THREADS_MAX = 500;
/** Past that a thread is taken for over: nobody tells of one that is terminated together with the thread that made it. */
const READERS_MAX = 2 * THREADS_MAX;
/** While no frame is sent, points add up to one per series. */
const POINTS_MAX = 1000;

/** Takes what the app's worker threads record, for the one agent that has a collector. */
export class ThreadReceiver {
  readonly #options: ThreadReceiverOptions;
  readonly #threads = new Map<number, Thread>();
  /** Of every thread that has told something and is not over; who has told something last comes last. */
  readonly #readers = new Map<number, Readers>();
  #points: Point[] = [];
  #channel: BroadcastChannel | null = null;

  constructor(options: ThreadReceiverOptions) {
    this.#options = options;
  }

  /** Whether the app has had threads at all. */
  get any(): boolean {
    return this.#channel !== null;
  }

  /** To be called before the first thread starts. Idempotent. */
  open(): void {
    this.#channel ??= this.#listen(TO_MAIN);
  }

  /** Takes what has come and could not be read yet, such as while the process ends. */
  drain(): void {
    const channels = [...this.#threads.values()].map(({ channel }) => channel);
    for (const channel of [this.#channel ?? [], channels].flat()) this.#drain(channel);
  }

  #drain(channel: BroadcastChannel): void {
    // A channel is a port in Node, but not in its types.
    const port = channel as unknown as MessagePort;
    for (let next = receiveMessageOnPort(port); next !== undefined; next = receiveMessageOnPort(port))
      this.#take(next.message as FromThread);
  }

  /** A thread is over, whether or not it could say so. */
  ended(id: number): void {
    this.drain(); // Its end may be known before its last words.
    this.#threads.get(id)?.channel.close();
    this.#threads.delete(id);
    this.#readers.delete(id);
  }

  /** A frame's points with what threads have measured since the last one: counts beside each other, gauges as sums. */
  merged(own: readonly Point[]): Point[] {
    if (this.#channel === null) return [...own];
    const gauges = new Map<string, GaugePoint>();
    const points = this.#points;
    this.#points = [];
    for (const point of own) {
      if (point.kind === 'gauge') gauges.set(seriesOf(point), point);
      else points.push(point);
    }
    for (const thread of this.#threads.values()) {
      for (const [series, point] of thread.gauges) {
        gauges.set(series, { ...point, value: point.value + (gauges.get(series)?.value ?? 0) });
      }
    }
    return [...points, ...gauges.values()];
  }

  close(): void {
    this.#channel?.close();
    this.#channel = null;
    for (const { channel } of this.#threads.values()) channel.close();
    this.#threads.clear();
  }

  #listen(name: string): BroadcastChannel {
    const channel = new BroadcastChannel(name);
    channel.onmessage = (event) => {
      // What a thread has said before it had a channel of its own may be read later, and is to come first.
      if (name !== TO_MAIN && this.#channel !== null) this.#drain(this.#channel);
      this.#take((event as { data: FromThread }).data);
    };
    channel.unref();
    return channel;
  }

  #take(message: FromThread): void {
    try {
      this.#received(message);
    } catch {
      // Somebody else's message by our name: nothing of it may reach the app.
    }
  }

  #received({ thread, message }: FromThread): void {
    switch (message.type) {
      case 'started':
        this.#started(thread);
        break;
      case 'records':
        this.#told(thread, message);
        break;
      case 'frame-bytes':
        this.#measured(thread, this.#frameOf(thread, message.bytes));
        break;
      case 'ask':
        this.#ask(thread, message);
        break;
      case 'goodbye':
        this.#threads.get(thread)?.gauges.clear();
        // Not now: this may be read from the very channel that is closed then.
        setImmediate(() => this.ended(thread)).unref();
        break;
    }
  }

  #started(id: number): void {
    if (this.#threads.size >= THREADS_MAX) return;
    const channel = this.#listen(fromThread(id));
    this.#threads.set(id, { channel, gauges: new Map(), dropped: {} });
    post(toThread(id), { type: 'listening' });
  }

  #told(id: number, message: RecordsMessage): void {
    const { pieces } = this.#readersOf(id);
    try {
      for (const { event } of pieces.events(message))
        this.#options.emit(event as unknown as NervecenterEvent);
    } catch {
      this.#options.drop('agent_error', 1); // At least. Sent again it would be no other.
    }
    post(toThread(id), { type: 'accepted', batch: message.batch });
  }

  #readersOf(id: number): Readers {
    const readers = this.#readers.get(id) ?? { pieces: new PieceReader(), frames: new FrameDecoder() };
    this.#readers.delete(id);
    this.#readers.set(id, readers);
    const [quietest] = this.#readers.keys();
    if (this.#readers.size > READERS_MAX && quietest !== undefined) this.#readers.delete(quietest);
    return readers;
  }

  /** `null`: it needs one that has not come, as of a thread that is terminated. */
  #frameOf(id: number, bytes: Uint8Array): Frame | null {
    const { frames } = this.#readersOf(id);
    try {
      return frames.read(bytes);
    } catch {
      return null;
    }
  }

  #measured(id: number, frame: Frame | null): void {
    if (frame === null) return;
    const { points, dropped } = frame;
    const thread = this.#threads.get(id);
    for (const point of points) {
      if (point.kind === 'gauge') thread?.gauges.set(seriesOf(point), point);
      else this.#points.push(point);
    }
    if (this.#points.length > POINTS_MAX) this.#points = mergePoints(this.#points);
    if (thread === undefined) return;
    for (const [reason, total] of Object.entries(dropped)) {
      const more = total - (thread.dropped[reason] ?? 0);
      if (more > 0) this.#options.drop(reason, more);
    }
    thread.dropped = dropped;
  }

  #ask(thread: number, { ask, what }: Extract<AgentMessage, { type: 'ask' }>): void {
    void this.#options.connection.ask(what).then(
      (value) => post(toThread(thread), { type: 'answer', ask, value }),
      () => {}, // It waits as long as this one would.
    );
  }
}

function seriesOf({ name, attributes }: Point): string {
  return JSON.stringify([name, Object.entries(attributes).sort()]);
}

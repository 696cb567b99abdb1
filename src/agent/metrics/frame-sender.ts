import type { AgentMessage, Point } from '../../core/frame.ts';
import { FrameEncoder } from '../../core/frames/frame-encoder.ts';
import type { Milliseconds } from '../../core/units.ts';
import type { Clock } from '../instrumentation.ts';
import type { AgentConnection } from '../links/connection.ts';
import type { Pipeline } from '../pipeline.ts';
import type { FrameSource } from './frame-source.ts';

interface FrameSenderParts {
  readonly clock: Clock;
  readonly source: FrameSource;
  readonly connection: Pick<AgentConnection, 'isOpen' | 'send'>;
  /** What the app's worker threads have measured; `null`: there were none. */
  readonly threads: { merged(own: readonly Point[]): Point[]; readonly any: boolean };
  readonly pipeline: Pick<Pipeline, 'dropped'>;
}

/** Collects and sends frames, one at a time. */
export class FrameSender {
  readonly #parts: FrameSenderParts;
  readonly #encoder = new FrameEncoder();
  #seq = 0;
  #observing = false;

  constructor(parts: FrameSenderParts) {
    this.#parts = parts;
  }

  /** A collector is there that knows nothing of the frames before. */
  opened(): void {
    this.#encoder.restart();
  }

  /**
   * Sends what was measured since the last frame, unless the app is still asked for that one.
   *
   * @param nextInMs when the next one is sent, where that is not after the usual interval.
   */
  async send(nextInMs?: Milliseconds): Promise<void> {
    const { source, connection } = this.#parts;
    // While nobody listens nothing is collected: the instruments keep adding up, bounded by their series.
    if (this.#observing || !connection.isOpen) return;
    this.#observing = true;
    try {
      const observed = source.observe();
      if (observed !== null) await observed;
    } finally {
      this.#observing = false;
    }
    if (connection.isOpen) connection.send(this.#frame(nextInMs));
  }

  /** The last frame: a process that ends waits for nothing that the app observes. Its reader may know none before. */
  last(): AgentMessage {
    this.#encoder.restart();
    return this.#frame();
  }

  #frame(nextInMs?: Milliseconds): AgentMessage {
    const { clock, pipeline, threads, source } = this.#parts;
    const encoder = this.#encoder;
    try {
      encoder.start({ seq: ++this.#seq, endMs: clock.epochMs(), dropped: pipeline.dropped });
      if (threads.any) for (const point of threads.merged(source.points())) encoder.point(point);
      else source.writeTo(encoder);
      return { type: 'frame-bytes', bytes: encoder.finish(), ...(nextInMs !== undefined && { nextInMs }) };
    } catch (error) {
      encoder.restart(); // What it has described by then reaches nobody.
      throw error;
    }
  }
}

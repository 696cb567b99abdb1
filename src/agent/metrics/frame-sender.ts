import type { AgentMessage, Point } from '../../core/frame.ts';
import type { SnapshotReader } from '../../metrics/snapshot-reader.ts';
import type { Clock } from '../instrumentation.ts';
import type { AgentConnection } from '../links/connection.ts';
import type { Pipeline } from '../pipeline.ts';

interface FrameSenderParts {
  readonly clock: Clock;
  readonly reader: SnapshotReader;
  readonly connection: AgentConnection;
  /** What the app's worker threads have measured. */
  readonly threads: { merged(own: readonly Point[]): Point[] };
  readonly pipeline: Pipeline;
}

/** Collects and sends frames, one at a time. */
export class FrameSender {
  readonly #parts: FrameSenderParts;
  #seq = 0;
  #sending = false;
  /** Collected, but the link was lost before they were sent: a delta is told only once, so they go with the next frame. */
  #unsent: readonly Point[] = [];

  constructor(parts: FrameSenderParts) {
    this.#parts = parts;
  }

  /** Sends what was measured since the last frame, unless that one is still being collected. */
  async send(): Promise<void> {
    // While nobody listens nothing is collected: the instruments keep adding up, bounded by their series.
    if (this.#sending || !this.#parts.connection.isOpen) return;
    this.#sending = true;
    try {
      await this.#sendNext();
    } finally {
      this.#sending = false;
    }
  }

  async #sendNext(): Promise<void> {
    const { reader, connection, threads } = this.#parts;
    const points = [...this.#unsent, ...threads.merged(await reader.collectPoints())];
    this.#unsent = connection.isOpen ? [] : points;
    if (connection.isOpen) connection.send(this.#frame(points));
  }

  /** The last frame, of the agent's own instruments: a process that ends waits for none of the app's. */
  last(): AgentMessage {
    const { reader, threads } = this.#parts;
    return this.#frame([...this.#unsent, ...threads.merged(reader.collectNow())]);
  }

  #frame(points: readonly Point[]): AgentMessage {
    const { clock, pipeline } = this.#parts;
    const frame = { seq: ++this.#seq, endMs: clock.epochMs(), points, dropped: pipeline.dropped };
    return { type: 'frame', frame };
  }
}

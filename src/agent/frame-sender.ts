import type { Clock } from './agent.ts';
import type { Connection } from './connection.ts';
import type { Pipeline } from './pipeline.ts';
import type { SnapshotReader } from './snapshot-reader.ts';

interface FrameSenderParts {
  readonly clock: Clock;
  readonly reader: SnapshotReader;
  readonly connection: Connection;
  readonly pipeline: Pipeline;
}

/** Collects and sends frames, one at a time. */
export class FrameSender {
  readonly #parts: FrameSenderParts;
  #seq = 0;

  constructor(parts: FrameSenderParts) {
    this.#parts = parts;
  }

  async send(): Promise<void> {
    const { clock, reader, connection, pipeline } = this.#parts;
    // While nobody listens nothing is collected: the instruments keep adding up, bounded by their series.
    if (!connection.isOpen) return;
    const points = await reader.collectPoints();
    connection.send({
      type: 'frame',
      frame: { seq: ++this.#seq, endMs: clock.epochMs(), points, dropped: pipeline.dropped },
    });
  }
}

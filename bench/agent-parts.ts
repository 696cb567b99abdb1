// The agent's own parts without an app around them.
import { type FrameSource, ownInstruments } from '../src/agent/metrics/frame-source.ts';
import { Pipeline } from '../src/agent/pipeline.ts';
import { eventMeasure } from '../src/core/signals/index.ts';
import { RingReader } from '../src/link/ring/ring-reader.ts';
import { DeltaMeterProvider } from '../src/metrics/meter-provider.ts';

export interface AgentParts {
  readonly pipeline: Pipeline;
  readonly frames: FrameSource;
  /** Of the app's instruments. */
  readonly provider: DeltaMeterProvider;
  /** Of our own instruments. */
  readonly own: DeltaMeterProvider;
}

/** Wired as the agent wires them. */
export function agentParts(): AgentParts {
  const own = new DeltaMeterProvider();
  const provider = new DeltaMeterProvider();
  const frames = ownInstruments([own, provider]);
  return { pipeline: new Pipeline(eventMeasure(own.getMeter())), frames, provider, own };
}

/** A collector that takes at once what it is given, and costs nothing. */
export class Taker {
  readonly #reader: RingReader;

  constructor({ ring }: Pipeline) {
    this.#reader = new RingReader(
      ring.share({ onWake: () => {}, onSegment: (segment) => this.#reader.add(segment) }),
    );
  }

  /** @returns the records of everything that waits. */
  take(): Uint8Array[] {
    const records: Uint8Array[] = [];
    for (let piece = this.#reader.next(true); piece !== null; piece = this.#reader.next(true)) {
      this.#reader.accepted(piece.batch);
      records.push(piece.records);
    }
    return records;
  }
}

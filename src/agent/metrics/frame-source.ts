import type { Point } from '../../core/frame.ts';
import type { FrameEncoder } from '../../core/frames/frame-encoder.ts';
import type { DeltaMeterProvider } from '../../metrics/meter-provider.ts';
import { pointsOf } from '../../metrics/points.ts';
import type { SnapshotReader } from '../../metrics/snapshot-reader.ts';

/** What frames are made of. Each measurement is told once, by `writeTo` or by `points`. */
export interface FrameSource {
  /** Asks what the app observes. @returns resolves once that has answered; `null`: there is nothing to wait for. Never rejects. */
  observe(): Promise<void> | null;
  writeTo(frame: FrameEncoder): void;
  points(): Point[];
}

/** Instruments of ours: nothing stands between them and a frame's bytes. */
export function ownInstruments(providers: readonly DeltaMeterProvider[]): FrameSource {
  return {
    observe: () => {
      let waits: Promise<void> | null = null;
      for (const provider of providers) {
        const later = provider.observe();
        if (later !== null) waits = waits === null ? later : Promise.all([waits, later]).then(() => {});
      }
      return waits;
    },
    writeTo: (frame) => {
      for (const provider of providers) provider.writeTo(frame);
    },
    points: () => providers.flatMap((provider) => provider.taken().flatMap(pointsOf)),
  };
}

/** What a reader of OpenTelemetry's SDK collects, beside which there is another one. */
export class ReaderSource implements FrameSource {
  readonly #reader: SnapshotReader;
  #collected: Point[] = [];

  constructor(reader: SnapshotReader) {
    this.#reader = reader;
  }

  async observe(): Promise<void> {
    this.#collected.push(...(await this.#reader.collectPoints()));
  }

  writeTo(frame: FrameEncoder): void {
    for (const point of this.points()) frame.point(point);
  }

  points(): Point[] {
    const points = [...this.#collected, ...this.#reader.collectNow()];
    this.#collected = [];
    return points;
  }
}

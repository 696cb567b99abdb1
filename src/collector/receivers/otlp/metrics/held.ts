import type { Point, Source } from '../../../../core/frame.ts';
import { PointSum } from '../../../../core/measured.ts';
import type { SignalName } from '../../../../core/signals/index.ts';

interface Held {
  readonly source: Source;
  readonly subject: SignalName;
  readonly figures: PointSum;
  readonly repeated: PointSum;
  afterMs: number;
  untilMs: number;
}

/** A time of the sender's clock, and what was gained in it. */
export interface Gain {
  readonly source: Source;
  readonly subject: SignalName;
  readonly figures: readonly Point[];
  /** The same as they are shown where they are told otherwise. */
  readonly repeated: () => readonly Point[];
  readonly afterMs: number;
  readonly untilMs: number;
}

/** Metrics of processes that are new here, until it is known whether spans tell the same. As many as there are series. */
export class HeldMetrics {
  readonly #held = new Map<string, Held>();

  add({ source, subject, figures, repeated, afterMs, untilMs }: Gain): void {
    const key = `${source.instanceId} ${subject}`;
    let held = this.#held.get(key);
    if (held === undefined) {
      held = { source, subject, figures: new PointSum(), repeated: new PointSum(), afterMs, untilMs };
      this.#held.set(key, held);
    }
    held.figures.add(figures);
    held.repeated.add(repeated());
    held.afterMs = Math.min(held.afterMs, afterMs);
    held.untilMs = Math.max(held.untilMs, untilMs);
  }

  /** Takes out all of it; what stays held is to be added again. */
  take(): Gain[] {
    const all = [...this.#held.values()].map((held) => {
      const repeated = held.repeated.take();
      return { ...held, figures: held.figures.take(), repeated: () => repeated };
    });
    this.#held.clear();
    return all;
  }
}

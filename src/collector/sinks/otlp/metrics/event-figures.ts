import type { Sender } from '../../../../core/event.ts';
import type { Point } from '../../../../core/frame.ts';
import { eventMeasure, type NervecenterEvent } from '../../../../core/signals/index.ts';
import { DeltaMeterProvider } from '../../../../metrics/meter-provider.ts';
import { SnapshotReader } from '../../../../metrics/snapshot-reader.ts';

/** Half of what an instrument has room for; a process has no more routes and models than that. */
const SERIES_KEPT = 1000;
/** Processes measured at once; of more nobody tells the figures apart, and they are the collector's. */
const PROCESSES_MAX = 1000;

interface Process {
  readonly sender: Sender | undefined;
  readonly provider: DeltaMeterProvider;
  readonly measure: (event: NervecenterEvent) => void;
}

/** What the events of each process measure, by the instruments of their signals. */
export class EventFigures {
  readonly #processes = new Map<string, Process>();

  /** What cannot be measured adds nothing: whoever makes its row finds out, and counts it. */
  measure(events: readonly NervecenterEvent[]): void {
    for (const event of events) {
      try {
        this.#processOf(event.sender).measure(event);
      } catch {
        // Of no signal, or of no shape that its signal knows.
      }
    }
  }

  /** What was measured since the last call, by process. */
  take(): { readonly sender: Sender | undefined; readonly points: readonly Point[] }[] {
    return [...this.#processes].flatMap(([instanceId, { sender, provider }]) => {
      const points = new SnapshotReader([provider]).collectNow();
      // Processes come and go, and so do the names they send.
      if (points.length === 0 || provider.seriesMax > SERIES_KEPT) this.#processes.delete(instanceId);
      return points.length === 0 ? [] : [{ sender, points }];
    });
  }

  #processOf(sender: Sender | undefined): Process {
    const instanceId = sender?.instanceId ?? '';
    const known = this.#processes.get(instanceId);
    if (known !== undefined) return known;
    if (this.#processes.size >= PROCESSES_MAX && instanceId !== '') return this.#processOf(undefined);
    const provider = new DeltaMeterProvider();
    const made = { sender, provider, measure: eventMeasure(provider.getMeter()) };
    this.#processes.set(instanceId, made);
    return made;
  }
}

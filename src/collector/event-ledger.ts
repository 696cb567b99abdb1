import type { Sender } from '../core/event.ts';
import type { Point } from '../core/frame.ts';
import { takenBack } from '../core/measured.ts';
import { eventMeasure, type NervecenterEvent } from '../core/signals/index.ts';
import type { StorageState } from '../core/snapshot.ts';
import { DeltaMeterProvider } from '../metrics/meter-provider.ts';
import { SnapshotReader } from '../metrics/snapshot-reader.ts';
import type { PipelineCounts } from './live/live.ts';
import type { OfferedBatch } from './sinks/postgres/spool/batch.ts';
import type { Storage, StorageCounts } from './sinks/postgres/storage.ts';
import type { Measuring } from './sinks/postgres/write/held-batch.ts';

/** Half of what an instrument has room for; a lot has no more events than that. */
const SERIES_KEPT = 1000;
const NO_TRACE = { traceId: null, timeMs: 0 };
const NOTHING_STORED: StorageCounts = {
  accepted: 0,
  stored: 0,
  queued: 0,
  inFlight: 0,
  dropped: {},
  spoolBytes: 0,
};

/**
 * Measures events with the instruments of their signals, and tells of each lot what it adds. What cannot be measured adds
 * nothing: whoever makes its row finds out, and counts it.
 */
export class EventMeter {
  #provider = new DeltaMeterProvider();
  #measure = eventMeasure(this.#provider.getMeter());

  /** The points of each sender, which they name; of what is taken back by themselves. */
  measure(events: readonly NervecenterEvent[]): Point[] {
    if (events.every((event) => event?.retractsMs === undefined)) return this.#measureTold(events);
    return [...Map.groupBy(events, (event) => event?.retractsMs)].flatMap(([countedMs, own]) => {
      const points = this.#measureTold(own);
      return countedMs === undefined ? points : points.map((point) => takenBack(point, countedMs));
    });
  }

  #measureTold(events: readonly NervecenterEvent[]): Point[] {
    const [first] = events;
    // Most often they are of one process, whose events need not be looked for.
    if (events.every((event) => event?.sender === first?.sender))
      return this.#measureOf(events, first?.sender);
    const bySender = Map.groupBy(events, (event) => event?.sender?.instanceId);
    return [...bySender.values()].flatMap((own) => this.#measureOf(own, own[0]?.sender));
  }

  #measureOf(events: readonly NervecenterEvent[], sender: Sender | undefined): Point[] {
    if (events.length === 0) return [];
    for (const event of events) {
      try {
        this.#provider.during('traceId' in event ? event : NO_TRACE);
        this.#measure(event);
      } catch {
        // Of no signal, or of no shape that its signal knows.
      }
    }
    const points = new SnapshotReader([this.#provider]).collectNow();
    if (this.#provider.seriesMax > SERIES_KEPT) this.#renew();
    return sender === undefined ? points : points.map((point) => ({ ...point, sender }));
  }

  /** Routes and models of all apps come and go over the years; no lot is to find the instruments full of those of others. */
  #renew(): void {
    this.#provider = new DeltaMeterProvider();
    this.#measure = eventMeasure(this.#provider.getMeter());
  }
}

/** What became of the events, as the pipeline of the snapshot shows it. */
export class EventLedger {
  readonly #storage: Storage | null;
  readonly #measuring: Measuring;
  readonly #pricesVersion: string;
  #refused = 0;
  /** Whether what was counted before this start is known; without storage nothing was. */
  totals: 'loading' | 'known';
  /** Storage that is not there yet is no failure: until it was tried once it counts as well. */
  starting: boolean;

  constructor(storage: Storage | null, measuring: Measuring, pricesVersion: string) {
    this.#storage = storage;
    this.#measuring = measuring;
    this.#pricesVersion = pricesVersion;
    this.starting = storage !== null;
    this.totals = storage === null ? 'known' : 'loading';
  }

  /** Whether so much waits for the disk that no more should be taken where it can come later. */
  get crowded(): boolean {
    return this.#storage?.crowded ?? false;
  }

  /** @param sent whose batch they are, and which. */
  async offer(events: readonly NervecenterEvent[], sent?: OfferedBatch): Promise<void> {
    if (this.#storage !== null) await this.#storage.offer(events, sent);
    else this.#measuring.show(this.#measuring.measure(events));
  }

  /** What an agent measured itself. */
  addPoints(points: readonly Point[]): void {
    if (this.#storage !== null) this.#storage.addPoints(points);
    else this.#measuring.show(points);
  }

  /** Events that came in a shape nobody can store. */
  refuse(count: number): void {
    this.#refused += count;
  }

  counts(): PipelineCounts {
    const counts = this.#storage?.counts() ?? NOTHING_STORED;
    const storage: StorageState = this.starting ? 'ok' : (this.#storage?.state ?? 'off');
    return {
      offered: counts.accepted + this.#refused,
      events_stored: counts.stored,
      events_queued: counts.queued,
      events_in_flight: counts.inFlight,
      dropped: this.#refused === 0 ? counts.dropped : { ...counts.dropped, malformed: this.#refused },
      durable: this.#storage?.durable ?? true,
      spool_bytes: counts.spoolBytes,
      storage,
      totals: this.totals,
      prices_version: this.#pricesVersion,
    };
  }
}

import type { Frame, Point, Source } from '../../core/frame.ts';
import { evaluateHealth } from '../../core/health.ts';
import { EVERYBODY, isEverybody, type SenderFilter } from '../../core/history/sender-filter.ts';
import { FOLDED_LABEL, FOLDED_LABELS } from '../../core/llm/labels.ts';
import { labelKind } from '../../core/names/label-bounds.ts';
import type { Health, PipelineSnapshot, Snapshot } from '../../core/snapshot.ts';
import { GIVEN_UP, GIVEN_UP_REASON, GIVEN_UP_REASONS } from '../../core/unfinished-observations.ts';
import { type Milliseconds, milliseconds } from '../../core/units.ts';
import type { HostSample } from '../host/host-sample.ts';
import type { MetricFamily } from '../metric-family.ts';
import { Earlier, type EarlierFigures } from './earlier.ts';
import { Instances } from './instances.ts';
import { sumOf } from './sections/numbers.ts';
import type { LiveView } from './sections/view.ts';
import { Senders } from './senders.ts';
import type { GaugeSeries } from './series.ts';
import { SlidingSum, slotAt } from './sliding.ts';
import { buildSnapshot } from './snapshot.ts';
import { COLLECTOR_INSTANCE, LiveStore } from './store.ts';
import {
  hostReadings,
  PROCESS_READING_GAUGES,
  processReading,
  type SystemReading,
} from './system-readings.ts';

/** What the live view asks of the storage side: counts that add up at every moment. */
export type PipelineCounts = Omit<
  PipelineSnapshot,
  | 'events_dropped'
  | 'events_dropped_window'
  | 'events_accepted'
  | 'labels_folded'
  | 'labels_folded_by'
  | 'observations_given_up'
> & {
  /** Events offered to storage. */
  readonly offered: number;
  readonly dropped: Readonly<Record<string, number>>;
};

export interface LiveOptions {
  readonly service: string;
  readonly bootId: string;
  readonly windowMs: Milliseconds;
  readonly now: () => Milliseconds;
  readonly pipeline: () => PipelineCounts;
}

/** What waits to be merged is bounded; more of it would not be merged any cheaper. */
const ADDED_POINTS_MAX = 1000;
const NO_HOST_YET: HostSample = {
  cpuPercent: null,
  cpuCount: 0,
  load1m: 0,
  memoryUsedBytes: 0,
  memoryTotalBytes: 0,
  disks: [],
  networkRxBytesPerSecond: null,
  networkTxBytesPerSecond: null,
  containerLimited: false,
};

/** The state of the last window and the totals, over all instances. */
export class Live {
  readonly #options: LiveOptions;
  readonly #store: LiveStore;
  /** In snapshots, never at `/metrics`. */
  readonly #earlier: Earlier;
  readonly #instances = new Instances();
  /** Beside the whole, its parts. */
  readonly #senders: Senders;
  readonly #startedMs: Milliseconds;
  readonly #drops = new SlidingSum();
  /** Nobody has looked at them yet: in one go they cost less. What reads or changes anything calls `#mergeAdded` first. */
  readonly #added: { readonly points: readonly Point[]; readonly nowMs: Milliseconds }[] = [];
  #addedPoints = 0;
  #droppedBefore = 0;
  #host: HostSample = NO_HOST_YET;
  #seq = 0;

  constructor(options: LiveOptions) {
    this.#options = options;
    this.#store = new LiveStore(options.windowMs);
    this.#earlier = new Earlier(options.windowMs, this.#store.names);
    this.#senders = new Senders(options.windowMs, this.#instances);
    this.#startedMs = options.now();
  }

  /** Returns false when there are too many instances already. */
  join(source: Source): boolean {
    this.#mergeAdded();
    const now = this.#options.now();
    if (!this.#instances.join(source, now)) return false;
    this.#senders.join(source, now);
    return true;
  }

  /** Returns the points that were not taken, as `LiveStore.merge` does. */
  merge(instanceId: string, frame: Pick<Frame, 'points' | 'dropped' | 'nextInMs'>): readonly Point[] {
    this.#mergeAdded();
    const now = this.#options.now();
    this.#instances.saw(instanceId, frame, now);
    const refused = this.#store.merge(instanceId, frame, now);
    this.#countFolded(now);
    return refused;
  }

  /** An instance has gone: its gauges with it, never its counts. */
  leave(instanceId: string): void {
    this.#mergeAdded();
    this.#instances.left(instanceId);
    this.#store.forgetInstance(instanceId);
  }

  /** An instance has gone as it should: it is not on the list of those that may be missed either. */
  end(instanceId: string): void {
    this.leave(instanceId);
    this.#instances.ended(instanceId);
  }

  /** What the sections tell of the host; its gauges are measured, and come with everything else that is. */
  setHost(host: HostSample): void {
    this.#mergeAdded();
    this.#host = host;
    // A disk that is unmounted must not stay: the host's gauges are replaced as a whole.
    this.#store.forgetInstance(COLLECTOR_INSTANCE);
  }

  /** What was counted before this process, or a part of it that was not known yet. */
  addEarlier(figures: EarlierFigures): void {
    this.#mergeAdded();
    const now = this.#options.now();
    this.#earlier.add(figures, now);
    this.#countFolded(now);
    this.#senders.addEarlier(figures, now);
  }

  /** What was measured here: of the senders that the points name, or of nobody's own. */
  add(points: readonly Point[]): void {
    if (points.length > 0) this.#added.push({ points, nowMs: this.#options.now() });
    this.#addedPoints += points.length;
    if (this.#addedPoints >= ADDED_POINTS_MAX) this.#mergeAdded();
  }

  /** Begins the next tick: the next snapshots carry its number. */
  tick(): void {
    this.#seq++;
    this.#mergeAdded();
    const now = this.#options.now();
    for (const instanceId of this.#instances.silent(now)) this.leave(instanceId);
    this.#instances.forgetGone(now);
    this.#senders.tidy(now);
    const dropped = sumOf(Object.values(this.#pipeline().events_dropped), (count) => count);
    this.#drops.add(dropped - this.#droppedBefore, slotAt(now, this.#options.windowMs));
    this.#droppedBefore = dropped;
  }

  /** @param filter whose figures; what is the host's and the pipeline's is everybody's. @default all */
  snapshot(filter: SenderFilter = EVERYBODY): Snapshot {
    this.#mergeAdded();
    const { bootId } = this.#options;
    const nowMs = this.#options.now();
    const { store, instances, service } = this.#senders.view(filter, this.#earlier.before(this.#store));
    const view: LiveView = {
      store,
      nowMs,
      windowMs: this.#options.windowMs,
      sinceMs: milliseconds(Math.min(this.#startedMs, this.#earlier.sinceMs)),
      host: this.#host,
      instances,
      pipeline: this.#pipeline(),
    };
    const identity = { seq: this.#seq, bootId, startedMs: this.#startedMs };
    const snapshot = buildSnapshot(view, { ...identity, service: service ?? this.#options.service });
    return isEverybody(filter)
      ? snapshot
      : { ...snapshot, filter: this.#senders.filterSnapshot(filter, nowMs) };
  }

  health(): Health {
    return evaluateHealth(this.snapshot());
  }

  /** The rows of `system_metrics` for this moment. */
  systemReadings(): SystemReading[] {
    this.#mergeAdded();
    const processes = PROCESS_READING_GAUGES.flatMap((gauge) =>
      [...perInstance(this.#store.gauges(gauge))].flatMap(([instanceId, value]) => {
        const service = this.#instances.serviceOf(instanceId);
        return processReading(gauge, value, { instanceId, service }) ?? [];
      }),
    );
    return [...hostReadings(this.#host), ...processes];
  }

  /** The processes that send at the moment. */
  sources(): readonly Source[] {
    return this.#instances.sources;
  }

  metricFamilies(): Iterable<MetricFamily> {
    this.#mergeAdded();
    return this.#store.families();
  }

  #mergeAdded(): void {
    for (let piece = this.#added.shift(); piece !== undefined; piece = this.#added.shift()) {
      const { points, nowMs } = piece;
      this.#addedPoints -= points.length;
      const refused = new Set(this.#store.merge(COLLECTOR_INSTANCE, { points }, nowMs));
      this.#countFolded(nowMs);
      this.#senders.add(refused.size === 0 ? points : points.filter((point) => !refused.has(point)), nowMs);
    }
  }

  #pipeline(): PipelineSnapshot {
    const { now, windowMs, pipeline } = this.#options;
    const { offered, dropped, ...counts } = pipeline();
    const agents = this.#instances.dropped;
    const all: Record<string, number> = { ...dropped };
    for (const [reason, count] of Object.entries(agents)) all[reason] = (all[reason] ?? 0) + count;
    return {
      events_accepted: offered + sumOf(Object.values(agents), (count) => count),
      ...counts,
      events_dropped: all,
      ...this.#folded(),
      observations_given_up: this.#givenUp(),
      events_dropped_window: this.#drops.sum(slotAt(now(), windowMs)),
    };
  }

  /** Names of the store itself are counted with those of agents. */
  #countFolded(nowMs: number): void {
    const folded = this.#store.names.takeFolded();
    if (folded.length === 0) return;
    const points = folded.map(([attribute, value]) => ({
      ...FOLDED_LABELS,
      attributes: { [FOLDED_LABEL]: attribute },
      value,
    }));
    this.#store.merge(COLLECTOR_INSTANCE, { points }, nowMs);
  }

  #folded(): Pick<PipelineSnapshot, 'labels_folded' | 'labels_folded_by'> {
    const by: Record<string, number> = {};
    let all = 0;
    for (const { attributes, total } of this.#store.counters(FOLDED_LABELS.name)) {
      const kind = labelKind(String(attributes[FOLDED_LABEL]));
      by[kind] = (by[kind] ?? 0) + total;
      all += total;
    }
    return { labels_folded: all, labels_folded_by: by };
  }

  #givenUp(): Record<string, number> {
    const series = this.#store.counters(GIVEN_UP.name);
    const counts = GIVEN_UP_REASONS.map((reason): [string, number] => [
      reason,
      sumOf(series, ({ attributes, total }) => (attributes[GIVEN_UP_REASON] === reason ? total : 0)),
    ]);
    return Object.fromEntries(counts.filter(([, count]) => count > 0));
  }
}

/** SDKs tell a gauge apart by state or by space of the heap: the process has all of them together. */
function perInstance(series: readonly GaugeSeries[]): Map<string, number> {
  const sums = new Map<string, number>();
  for (const { values } of series) {
    for (const [instanceId, value] of values) sums.set(instanceId, (sums.get(instanceId) ?? 0) + value);
  }
  return sums;
}

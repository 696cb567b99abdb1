import type { Sender } from '../../core/event.ts';
import type { Point } from '../../core/frame.ts';
import { isEverybody, OTHER_SENDERS, type SenderFilter } from '../../core/history/sender-filter.ts';
import { isLasting } from '../../core/measured.ts';
import type { FilterSnapshot } from '../../core/snapshot.ts';
import { MINUTE_MS, type Milliseconds } from '../../core/units.ts';
import type { EarlierFigures, SeriesSource } from './earlier.ts';
import { type Instance, type Instances, instanceSnapshot } from './instances.ts';
import { Parts } from './parts.ts';
import type { GaugeSeries } from './series.ts';

const SERVICES_MAX = 100;
const INSTANCES_MAX = 500;
const SERIES_MAX = 20_000;
/** An instance that is gone from the list and silent for so long is not told apart any more. */
const SILENT_MS = 5 * MINUTE_MS;
const TIDY_EVERY_MS = MINUTE_MS;

/** A view of some senders. */
export interface SenderView {
  readonly store: SeriesSource;
  readonly instances: readonly Instance[];
  /** What the snapshot calls itself; `null` where no one service is meant. */
  readonly service: string | null;
}

/**
 * The figures of the whole once more, by service and by instance, so that some of them can be shown without the others.
 * Nothing is measured or stored for that: the points of a batch are of one sender each. Gauges are kept with their instance
 * anyway, and are taken from the whole.
 */
export class Senders {
  readonly #instances: Instances;
  readonly #services: Parts;
  readonly #processes: Parts;
  #tidiedMs = 0;

  constructor(windowMs: Milliseconds, instances: Instances) {
    this.#instances = instances;
    this.#services = new Parts({
      windowMs,
      max: SERVICES_MAX,
      seriesMax: SERIES_MAX,
      isPresent: (name) => instances.hasService(name),
    });
    this.#processes = new Parts({
      windowMs,
      max: INSTANCES_MAX,
      seriesMax: SERIES_MAX,
      isPresent: (id) => instances.has(id),
    });
  }

  join({ service, instanceId }: Sender, nowMs: number): void {
    this.#services.admit(service, nowMs);
    this.#processes.admit(instanceId, nowMs);
  }

  add(points: readonly Point[], nowMs: number): void {
    const lasting = points.filter(isLasting);
    for (const own of Map.groupBy(lasting, ({ sender }) => sender?.instanceId).values()) {
      const sender = own[0]?.sender;
      this.#services.add(sender?.service ?? null, own, nowMs);
      this.#processes.add(sender?.instanceId || null, own, nowMs); // What was stored names none.
    }
  }

  /** Services go on where they stood; processes do not outlive the collector that saw them. */
  addEarlier({ totals, window }: EarlierFigures, nowMs: number): void {
    const serviceOf = ({ sender }: Point) => sender?.service ?? null;
    const byService = Map.groupBy(totals, serviceOf);
    const names = new Set([...byService.keys(), ...window.flatMap(({ points }) => points.map(serviceOf))]);
    for (const name of names) {
      const figures = {
        totals: byService.get(name) ?? [],
        window: window.map(({ atMs, points }) => ({
          atMs,
          points: points.filter((point) => serviceOf(point) === name),
        })),
      };
      this.#services.addEarlier(name, figures, nowMs);
    }
  }

  tidy(nowMs: number): void {
    if (nowMs - this.#tidiedMs < TIDY_EVERY_MS) return;
    this.#tidiedMs = nowMs;
    this.#processes.foldSilent(nowMs - SILENT_MS, nowMs);
    for (const parts of [this.#services, this.#processes]) {
      parts.forgetPast(nowMs);
      parts.forgetLate();
    }
    // Whoever found no room before may find some now.
    for (const { source, up } of this.#instances.all) if (up) this.join(source, nowMs);
  }

  /** @param whole where the gauges of all instances are. Whom nobody knows has no figures. */
  view(filter: SenderFilter, whole: SeriesSource): SenderView {
    const all = this.#instances.all;
    if (isEverybody(filter)) return { store: whole, instances: all, service: null };
    const instances = all.filter(({ source }) => this.#matches(filter, source));
    const ids = new Set(instances.map(({ source }) => source.instanceId));
    const part = this.#partOf(filter);
    return {
      store: {
        counters: (name) => part?.counters(name) ?? [],
        histograms: (name) => part?.histograms(name) ?? [],
        gauges: (name) => gaugesOf(whole, name, ids),
      },
      instances,
      service: filter.service ?? instances[0]?.source.service ?? null,
    };
  }

  /** What an answer to `filter` says of itself. */
  filterSnapshot({ service, instance }: SenderFilter, nowMs: number): FilterSnapshot {
    return {
      service,
      instance,
      senders: this.#instances.all.map((one) => instanceSnapshot(one, nowMs)),
      folded: { services: this.#services.folded, instances: this.#processes.folded },
    };
  }

  /** Of both a service and an instance: those of the instance, if it is one of the service. */
  #partOf({ service, instance }: SenderFilter): SeriesSource | null {
    if (instance === null) return partNamed(this.#services, service);
    if (service !== null && this.#instances.serviceOf(instance) !== service) return null;
    return partNamed(this.#processes, instance);
  }

  #matches({ service, instance }: SenderFilter, source: Instance['source']): boolean {
    const isOf = (parts: Parts, wanted: string | null, name: string) =>
      wanted === null || wanted === name || (wanted === OTHER_SENDERS && !parts.has(name));
    return (
      isOf(this.#services, service, source.service) && isOf(this.#processes, instance, source.instanceId)
    );
  }
}

function partNamed(parts: Parts, name: string | null): SeriesSource | null {
  return name === OTHER_SENDERS ? parts.other : parts.of(name ?? '');
}

function gaugesOf(whole: SeriesSource, name: string, ids: ReadonlySet<string>): GaugeSeries[] {
  return whole.gauges(name).flatMap((series) => {
    const own = [...series.values].filter(([instanceId]) => ids.has(instanceId));
    return own.length === 0 ? [] : [{ ...series, values: new Map(own) }];
  });
}

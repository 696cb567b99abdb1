import type {
  Attributes,
  BatchObservableCallback,
  BatchObservableResult,
  Counter,
  Gauge,
  Histogram,
  Meter,
  MeterProvider,
  MetricOptions,
  Observable,
  ObservableCallback,
  ObservableCounter,
  ObservableGauge,
  ObservableUpDownCounter,
  UpDownCounter,
} from '@opentelemetry/api';
import type { CollectionResult, MetricData } from '@opentelemetry/sdk-metrics';
import type { FrameEncoder } from '../core/frames/frame-encoder.ts';
import type { Distribution } from '../core/histogram.ts';
import type { ImmediateProducer } from './points.ts';
import { type Descriptor, type HrTime, type SeriesKind, SeriesSet } from './series.ts';

/** What an app's observable instrument may take to answer; what a slower one says is in the next frame. */
const OBSERVE_TIMEOUT_MS = 500;

/** Of all that our own instruments collect: this very object. */
export const SCOPE = { name: 'nervecenter' };

/** A histogram that takes in values gathered elsewhere as well. */
export interface MergingHistogram extends Histogram {
  merge(values: Distribution, attributes: Attributes): void;
}

/**
 * A meter provider of OpenTelemetry's API whose instruments aggregate deltas and reach a reader as an OpenTelemetry
 * `MetricProducer`. It stands in for the SDK's where every microsecond is the app's, or every event is measured: there
 * `record` sorts and serialises the attributes at each call (1.0 µs against 0.2), and collecting an exponential histogram
 * takes 20 µs per series (bench/RESULTS.md). What a reader collects of either is equal, which a contract suite shows.
 *
 * All meters of one provider are one: an instrument is known by its name and kind.
 */
export class DeltaMeterProvider implements MeterProvider, ImmediateProducer {
  readonly #instruments = new Map<string, SeriesSet>();
  readonly #observed = new Observed();
  readonly #shownAs: (name: string) => string;
  readonly #now: Now = { work: { traceId: null, timeMs: 0 } };
  readonly #meter = new DeltaMeter(
    (kind, name, options) => this.#series(kind, name, options),
    this.#observed,
    this.#now,
  );
  #takenAt: HrTime = [0, 0];

  /** @param shownAs by which name an instrument is told when it is collected. @default its own */
  constructor(shownAs = (name: string) => name) {
    this.#shownAs = shownAs;
  }

  getMeter(): DeltaMeter {
    return this.#meter;
  }

  /**
   * What is recorded from now on was measured in this trace: of each histogram's series the largest value since the last
   * collection becomes its exemplar. It stands in for the context that the API's `record` takes, which nobody has who
   * measures an event after the fact.
   *
   * @param work the trace is looked at only when there is an exemplar of it.
   */
  during(work: Work): void {
    this.#now.work = work;
  }

  /** What the instruments are that were made so far. */
  get instruments(): Descriptor[] {
    return [...this.#instruments.values()].map(({ descriptor }) => descriptor);
  }

  /** Series of the instrument that has the most; it keeps them, measured or not. */
  get seriesMax(): number {
    let max = 0;
    for (const { size } of this.#instruments.values()) max = Math.max(max, size);
    return max;
  }

  /**
   * Asks what is observed, for `writeTo`.
   *
   * @returns resolves when those have answered that answer later, or have had the time for it; `null`: there are none.
   */
  observe(): Promise<void> | null {
    const later = this.#observed.observe();
    if (later.length === 0) return null;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, OBSERVE_TIMEOUT_MS).unref();
    void Promise.all(later).then(() => resolve());
    return promise.finally(() => clearTimeout(timer));
  }

  /** Everything that was measured since the last call of this or of `take`, into a frame. */
  writeTo(frame: FrameEncoder): void {
    for (const series of this.#instruments.values()) {
      if (series.size === 0) continue; // Of most instruments nothing was ever measured.
      series.showAs(this.#shownAs(series.descriptor.name));
      series.writeTo(frame);
    }
  }

  /** Likewise, as OpenTelemetry has it, and what is observed is asked before. */
  take(): MetricData[] {
    this.#observed.observe();
    return this.taken();
  }

  /** The same without asking. */
  taken(): MetricData[] {
    const startTime = this.#takenAt;
    this.#takenAt = [Math.floor(Date.now() / 1000), 0];
    const times = { startTime, endTime: this.#takenAt };
    return [...this.#instruments.values()].flatMap((series) => {
      series.showAs(this.#shownAs(series.descriptor.name));
      return series.take(times) ?? [];
    });
  }

  /** The same for a reader. */
  async collect(): Promise<CollectionResult> {
    return collectionOf(this.take());
  }

  #series(kind: SeriesKind, name: string, { unit = '', description = '' }: MetricOptions = {}): SeriesSet {
    const key = `${kind} ${name}`;
    let series = this.#instruments.get(key);
    if (series === undefined) {
      series = new SeriesSet({ name, unit, description, kind });
      this.#instruments.set(key, series);
    }
    return series;
  }
}

/** The reader takes the resource from the SDK; a producer's own is never looked at. */
const EMPTY_RESOURCE: CollectionResult['resourceMetrics']['resource'] = {
  attributes: {},
  merge: () => EMPTY_RESOURCE,
  getRawAttributes: () => [],
};

/** Metrics of ours as a reader takes them from a producer. */
export function collectionOf(metrics: MetricData[]): CollectionResult {
  return {
    resourceMetrics: { resource: EMPTY_RESOURCE, scopeMetrics: [{ scope: SCOPE, metrics }] },
    errors: [],
  };
}

/** In what values are recorded. */
export interface Work {
  /** 32 lower-case hex digits, what is none gives no exemplar; `null`: in no trace. */
  readonly traceId: string | null;
  readonly timeMs: number;
}

/** What is under way at the moment. */
interface Now {
  work: Work;
}

type MakeSeries = (kind: SeriesKind, name: string, options?: MetricOptions) => SeriesSet;

export class DeltaMeter implements Meter {
  readonly #series: MakeSeries;
  readonly #observed: Observed;
  readonly #now: Readonly<Now>;

  constructor(series: MakeSeries, observed: Observed, now: Readonly<Now>) {
    this.#series = series;
    this.#observed = observed;
    this.#now = now;
  }

  createCounter(name: string, options?: MetricOptions): Counter {
    const series = this.#series('counter', name, options);
    return {
      add: (value, attributes = NO_ATTRIBUTES) => {
        if (value >= 0) add(series, value, attributes);
      },
    };
  }

  createUpDownCounter(name: string, options?: MetricOptions): UpDownCounter {
    const series = this.#series('level', name, options);
    return { add: (value, attributes = NO_ATTRIBUTES) => addToLevel(series, value, attributes) };
  }

  createGauge(name: string, options?: MetricOptions): Gauge {
    const series = this.#series('gauge', name, options);
    return { record: (value, attributes = NO_ATTRIBUTES) => set(series, value, attributes) };
  }

  createHistogram(name: string, options?: MetricOptions): MergingHistogram {
    const series = this.#series('histogram', name, options);
    return {
      record: (value, attributes = NO_ATTRIBUTES) => {
        if (!Number.isFinite(value) || value < 0) return;
        const one = series.of(attributes);
        one.touched = true;
        one.histogram?.record(value);
        if (one.exemplar !== null && one.exemplar.value >= value) return;
        const { traceId, timeMs } = this.#now.work;
        if (traceId !== null) one.exemplar = { value, traceId, timeMs };
      },
      merge: (values, attributes) => {
        const one = series.of(attributes);
        one.touched = true;
        one.histogram?.add(values);
      },
    };
  }

  createObservableCounter(name: string, options?: MetricOptions): ObservableCounter {
    return this.#observed.instrument(this.#series('counter', name, options), countTo);
  }

  createObservableUpDownCounter(name: string, options?: MetricOptions): ObservableUpDownCounter {
    return this.#observed.instrument(this.#series('level', name, options), set);
  }

  createObservableGauge(name: string, options?: MetricOptions): ObservableGauge {
    return this.#observed.instrument(this.#series('gauge', name, options), set);
  }

  addBatchObservableCallback(callback: BatchObservableCallback, observables: Observable[]): void {
    this.#observed.addBatch(callback, observables);
  }

  removeBatchObservableCallback(callback: BatchObservableCallback): void {
    this.#observed.removeBatch(callback);
  }
}

type Measure = (series: SeriesSet, value: number, attributes: Attributes) => void;

/** The instruments that are asked when somebody collects. A callback that throws measures nothing. */
class Observed {
  readonly #callbacks = new Map<Observable, Set<ObservableCallback>>();
  readonly #measures = new Map<Observable, (value: number, attributes?: Attributes) => void>();
  readonly #batches = new Map<BatchObservableCallback, readonly Observable[]>();

  instrument(series: SeriesSet, measure: Measure): Observable {
    const callbacks = new Set<ObservableCallback>();
    const observable: Observable = {
      addCallback: (callback) => void callbacks.add(callback),
      removeCallback: (callback) => void callbacks.delete(callback),
    };
    this.#callbacks.set(observable, callbacks);
    this.#measures.set(observable, (value, attributes = NO_ATTRIBUTES) => measure(series, value, attributes));
    return observable;
  }

  addBatch(callback: BatchObservableCallback, observables: readonly Observable[]): void {
    this.#batches.set(callback, observables);
  }

  removeBatch(callback: BatchObservableCallback): void {
    this.#batches.delete(callback);
  }

  /** @returns what answers later. */
  observe(): readonly Promise<void>[] {
    if (this.#callbacks.size === 0) return NOTHING_LATER;
    const later: Promise<void>[] = [];
    for (const [observable, callbacks] of this.#callbacks) {
      const observe = this.#measures.get(observable) ?? (() => {});
      for (const callback of callbacks) quietly(() => callback({ observe }), later);
    }
    for (const [callback, observables] of this.#batches) {
      const result: BatchObservableResult = {
        observe: (observable, value, attributes) => {
          if (observables.includes(observable)) this.#measures.get(observable)?.(value, attributes);
        },
      };
      quietly(() => callback(result), later);
    }
    return later;
  }
}

const NO_ATTRIBUTES: Attributes = Object.freeze({});
const NOTHING_LATER: readonly Promise<void>[] = [];

function add(series: SeriesSet, value: number, attributes: Attributes): void {
  if (!Number.isFinite(value)) return;
  const one = series.of(attributes);
  one.touched = true;
  one.value += value;
}

/** It goes on, and is told to whoever collects next as well. */
function addToLevel(series: SeriesSet, value: number, attributes: Attributes): void {
  if (!Number.isFinite(value)) return;
  const one = series.of(attributes);
  one.stands = true;
  one.value += value;
}

function set(series: SeriesSet, value: number, attributes: Attributes): void {
  if (!Number.isFinite(value)) return;
  const one = series.of(attributes);
  one.touched = true;
  one.value = value;
}

/** An observed counter says what it stands at; the first time it is told even if that is nothing. */
function countTo(series: SeriesSet, total: number, attributes: Attributes): void {
  if (!Number.isFinite(total)) return;
  const one = series.of(attributes);
  // What falls began anew.
  one.value += total >= one.observed ? total - one.observed : total;
  one.observed = total;
  one.touched = true;
}

/** As the SDK: an instrument that fails is left out. */
function quietly(callback: () => void | Promise<void>, later: Promise<void>[]): void {
  try {
    const answer = callback();
    if (answer !== undefined) later.push(Promise.resolve(answer).catch(() => {}));
  } catch {
    // Nothing was observed.
  }
}

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
import type { Distribution } from '../core/histogram.ts';
import { type Descriptor, type HrTime, type SeriesKind, SeriesSet } from './series.ts';
import type { ImmediateProducer } from './snapshot-reader.ts';

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
 * All meters of one provider are one: an instrument is known by its name.
 */
export class DeltaMeterProvider implements MeterProvider, ImmediateProducer {
  readonly #instruments = new Map<string, SeriesSet>();
  readonly #observed = new Observed();
  readonly #work: Work = { traceId: null, timeMs: 0 };
  readonly #meter = new DeltaMeter(
    (kind, name, options) => this.#series(kind, name, options),
    this.#observed,
    this.#work,
  );
  #takenAt: HrTime = [0, 0];

  getMeter(): DeltaMeter {
    return this.#meter;
  }

  /**
   * What is recorded from now on was measured in this trace: of each histogram's series the largest value since the last
   * collection becomes its exemplar. It stands in for the context that the API's `record` takes, which nobody has who
   * measures an event after the fact.
   *
   * @param traceId 32 lower-case hex digits, what is none gives no exemplar; `null`: in no trace.
   */
  during(traceId: string | null, timeMs: number): void {
    this.#work.traceId = traceId;
    this.#work.timeMs = timeMs;
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

  take(): MetricData[] {
    this.#observed.observe();
    const startTime = this.#takenAt;
    this.#takenAt = [Math.floor(Date.now() / 1000), 0];
    const times = { startTime, endTime: this.#takenAt };
    return [...this.#instruments.values()].flatMap((series) => series.take(times) ?? []);
  }

  /** The same for a reader. */
  async collect(): Promise<CollectionResult> {
    return collectionOf(this.take());
  }

  #series(kind: SeriesKind, name: string, { unit = '', description = '' }: MetricOptions = {}): SeriesSet {
    let series = this.#instruments.get(name);
    if (series === undefined) {
      series = new SeriesSet({ name, unit, description, kind });
      this.#instruments.set(name, series);
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

/** In what values are recorded at the moment. */
interface Work {
  traceId: string | null;
  timeMs: number;
}

type MakeSeries = (kind: SeriesKind, name: string, options?: MetricOptions) => SeriesSet;

export class DeltaMeter implements Meter {
  readonly #series: MakeSeries;
  readonly #observed: Observed;
  readonly #work: Readonly<Work>;

  constructor(series: MakeSeries, observed: Observed, work: Readonly<Work>) {
    this.#series = series;
    this.#observed = observed;
    this.#work = work;
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
    return { add: (value, attributes = NO_ATTRIBUTES) => add(series, value, attributes) };
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
        const { traceId, timeMs } = this.#work;
        if (traceId === null || (one.exemplar !== null && one.exemplar.value >= value)) return;
        one.exemplar = { value, traceId, timeMs };
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

/** The instruments that are asked when somebody collects. A callback that throws, or answers later, measures nothing. */
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

  observe(): void {
    for (const [observable, callbacks] of this.#callbacks) {
      const observe = this.#measures.get(observable) ?? (() => {});
      for (const callback of callbacks) quietly(() => callback({ observe }));
    }
    for (const [callback, observables] of this.#batches) {
      const result: BatchObservableResult = {
        observe: (observable, value, attributes) => {
          if (observables.includes(observable)) this.#measures.get(observable)?.(value, attributes);
        },
      };
      quietly(() => callback(result));
    }
  }
}

const NO_ATTRIBUTES: Attributes = {};

function add(series: SeriesSet, value: number, attributes: Attributes): void {
  if (!Number.isFinite(value)) return;
  const one = series.of(attributes);
  one.touched = true;
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
function quietly(callback: () => void | Promise<void>): void {
  try {
    callback()?.catch(() => {});
  } catch {
    // Nothing was observed.
  }
}

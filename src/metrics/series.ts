import { type Attributes as ApiAttributes, ValueType } from '@opentelemetry/api';
import {
  AggregationTemporality,
  type DataPoint,
  DataPointType,
  type ExponentialHistogram,
  type MetricData,
} from '@opentelemetry/sdk-metrics';
import type { Attributes, AttributeValue, Exemplar } from '../core/frame.ts';
import {
  type FrameEncoder,
  type Known,
  type KnownInstrument,
  unknown,
} from '../core/frames/frame-encoder.ts';
import { HISTOGRAM_SCALE, HistogramDelta } from '../core/histogram.ts';
import { OVERFLOW } from '../core/names/label-bounds.ts';
import { isTraceId } from '../core/signals/checks.ts';

/**
 * As OpenTelemetry's SDK: past so many series measured in one interval an instrument's further ones are one, marked as
 * overflow. What was not measured in it is told already and makes room: its place is only one for the next value.
 */
const SERIES_MAX_PER_INSTRUMENT = 2000;

export type HrTime = [seconds: number, nanoseconds: number];

/** The interval that a collection covers. */
export interface Times {
  readonly startTime: HrTime;
  readonly endTime: HrTime;
}

/** `level`: an up-down counter, whose sum goes on from one collection to the next. */
export type SeriesKind = 'counter' | 'level' | 'gauge' | 'histogram';

export interface Descriptor {
  readonly name: string;
  readonly unit: string;
  readonly description: string;
  readonly kind: SeriesKind;
}

/** What one series added up to since it was last taken. */
export interface Series {
  readonly attributes: Attributes;
  /** Sum of a counter or a level, last value of a gauge. */
  value: number;
  touched: boolean;
  /** What an observed counter said last. */
  observed: number;
  /** It is told every time, measured or not, because it goes on: of an up-down counter. */
  stands: boolean;
  /** As what frames know it. */
  readonly known: Known;
  readonly histogram: HistogramDelta | null;
  /** The largest value of a histogram that was recorded in a trace. */
  exemplar: Exemplar | null;
}

/** A histogram's data point with what the SDK's has no place for. */
export interface HistogramDataPoint extends DataPoint<ExponentialHistogram> {
  readonly exemplar?: Exemplar;
}

/** A series is found by walking its attributes in the order they are given: a name, then its value, and so on. */
interface Step {
  readonly next: Map<AttributeValue, Step>;
  series: Series | null;
}

/** All series of one instrument. */
export class SeriesSet {
  readonly descriptor: Descriptor;
  /** Itself as frames know it. */
  #shown: KnownInstrument;
  #root: Step = { next: new Map(), series: null };
  /** Of attributes that cannot change any more: walking them takes longer than all the rest of a measurement. */
  #frozen = new WeakMap<ApiAttributes, Series>();
  #all: Series[] = [];
  #overflow: Series | null = null;
  /** Whether all that could make room since the last call of `take` has done so. */
  #swept = false;

  constructor(descriptor: Descriptor) {
    this.descriptor = descriptor;
    const { name, unit, description, kind } = descriptor;
    const shownKind = kind === 'level' ? 'gauge' : kind;
    this.#shown = { name, unit, description, kind: shownKind, known: unknown() };
  }

  get size(): number {
    return this.#all.length;
  }

  /** The order of names is nothing that tells series apart. Frozen attributes are known again by what they are. */
  of(attributes: ApiAttributes): Series {
    return this.#frozen.get(attributes) ?? this.#find(attributes);
  }

  #find(attributes: ApiAttributes): Series {
    const series = this.#stepOf(attributes).series ?? this.#findInOrder(attributes);
    if (series === this.#overflow) return series;
    if (Object.isFrozen(attributes)) this.#frozen.set(attributes, series);
    return series;
  }

  /** By its names in one order; from then on it is found by this order as well. */
  #findInOrder(attributes: ApiAttributes): Series {
    const sorted = inOrder(attributes);
    const known = this.#stepOf(sorted).series;
    if (known === null && !this.#hasRoom()) return this.#overflowing();
    const series = known ?? this.#add(primitives(attributes));
    // Making room may have made all steps anew.
    this.#stepOf(sorted).series = series;
    this.#stepOf(attributes).series = series;
    return series;
  }

  #stepOf(attributes: ApiAttributes): Step {
    let step = this.#root;
    for (const name in attributes) {
      const value = attributes[name];
      if (value === undefined || value === null) continue;
      step = following(following(step, name), primitive(value));
    }
    return step;
  }

  /** What was measured since the last call, `null` when nothing was. Series without a measurement are left out. */
  take(times: Times): MetricData | null {
    const touched = this.#begun();
    if (touched.length === 0) return null;
    const { kind } = this.descriptor;
    const { name, unit, description } = this.#shown;
    const base = {
      descriptor: { name, unit, description, valueType: ValueType.DOUBLE },
      aggregationTemporality: AggregationTemporality.DELTA,
    };
    if (kind === 'histogram') {
      const dataPoints = touched.flatMap((series) => histogramPoint(series, times) ?? []);
      return { ...base, dataPointType: DataPointType.EXPONENTIAL_HISTOGRAM, dataPoints };
    }
    const dataPoints: DataPoint<number>[] = touched.map(({ attributes, value }) => ({
      ...times,
      attributes,
      value,
    }));
    if (kind === 'gauge') return { ...base, dataPointType: DataPointType.GAUGE, dataPoints };
    if (kind === 'counter') for (const series of touched) series.value = 0;
    const aggregationTemporality =
      kind === 'counter' ? AggregationTemporality.DELTA : AggregationTemporality.CUMULATIVE;
    const isMonotonic = kind === 'counter';
    return { ...base, aggregationTemporality, dataPointType: DataPointType.SUM, isMonotonic, dataPoints };
  }

  /** The same into a frame. */
  writeTo(frame: FrameEncoder): void {
    for (const series of this.#begun()) {
      const { histogram, exemplar } = series;
      if (histogram === null) frame.value(this.#shown, series, series.value);
      else {
        frame.histogram(this.#shown, series, histogram, shownExemplar(exemplar));
        histogram.clear();
        series.exemplar = null;
      }
      if (this.descriptor.kind === 'counter') series.value = 0;
    }
  }

  /** From now on it is told by this name. */
  showAs(name: string): void {
    if (name === this.#shown.name) return;
    this.#shown = { ...this.#shown, name, known: unknown() };
    for (const { known } of this.#all) known.table = null;
  }

  /** What there is to tell, which is told by that. */
  #begun(): Series[] {
    this.#swept = false;
    const told = this.#all.filter((series) => series.touched || series.stands);
    // Steps were made for what is in the overflow, too.
    if (this.#overflow?.touched === true) this.#keep(told);
    for (const series of told) series.touched = false;
    return told;
  }

  #hasRoom(): boolean {
    if (this.#all.length >= SERIES_MAX_PER_INSTRUMENT && !this.#swept) {
      this.#swept = true;
      this.#keep(this.#all.filter((series) => series.touched));
    }
    return this.#all.length < SERIES_MAX_PER_INSTRUMENT;
  }

  #overflowing(): Series {
    this.#overflow ??= this.#add(OVERFLOW);
    return this.#overflow;
  }

  /** Forgets all other series but those whose next value is told by what they were at before. */
  #keep(series: readonly Series[]): void {
    const kept = new Set(series);
    const goesOn = ({ observed }: Series) => this.descriptor.kind === 'level' || observed !== 0;
    this.#all = this.#all.filter((one) => kept.has(one) || goesOn(one) || one === this.#overflow);
    this.#root = { next: new Map(), series: null };
    this.#frozen = new WeakMap();
    for (const one of this.#all)
      if (one !== this.#overflow) this.#stepOf(inOrder(one.attributes)).series = one;
  }

  #add(attributes: Attributes): Series {
    const histogram = this.descriptor.kind === 'histogram' ? new HistogramDelta() : null;
    const series: Series = {
      attributes,
      value: 0,
      touched: false,
      observed: 0,
      stands: false,
      known: unknown(),
      histogram,
      exemplar: null,
    };
    this.#all.push(series);
    return series;
  }
}

function following(step: Step, key: AttributeValue): Step {
  let next = step.next.get(key);
  if (next === undefined) {
    next = { next: new Map(), series: null };
    step.next.set(key, next);
  }
  return next;
}

/** By which a series is found whatever order they are given in. */
function inOrder(attributes: ApiAttributes): ApiAttributes {
  const names = Object.keys(attributes);
  if (names.length < 2) return attributes;
  return Object.fromEntries(names.sort().map((name) => [name, attributes[name]]));
}

/** Lists as text: a series is told apart by text, number or boolean. */
function primitives(attributes: ApiAttributes): Attributes {
  const entries = Object.entries(attributes).flatMap(([name, value]): [string, AttributeValue][] =>
    value === undefined || value === null ? [] : [[name, primitive(value)]],
  );
  return Object.fromEntries(entries);
}

function primitive(value: unknown): AttributeValue {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function histogramPoint(series: Series, times: Times): HistogramDataPoint | null {
  const { attributes, histogram } = series;
  if (histogram === null) return null;
  const exemplar = shownExemplar(series.exemplar);
  series.exemplar = null;
  const point = { ...times, attributes, value: exponentialHistogram(histogram) };
  return exemplar === null ? point : { ...point, exemplar };
}

function shownExemplar(exemplar: Exemplar | null): Exemplar | null {
  return exemplar !== null && isTraceId(exemplar.traceId) ? exemplar : null;
}

function exponentialHistogram(histogram: HistogramDelta) {
  const { count, sum, min, max, zeroCount, offset, counts } = histogram.take();
  return {
    count,
    sum,
    min,
    max,
    zeroCount,
    scale: HISTOGRAM_SCALE,
    positive: { offset, bucketCounts: [...counts] },
    negative: { offset: 0, bucketCounts: [] },
  };
}

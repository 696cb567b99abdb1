import type { Attributes, AttributeValue, HistogramPoint, Point } from './frame.ts';
import { HistogramDelta } from './histogram.ts';
import { currentPoints, OLDER_INSTRUMENTS } from './llm/older-names.ts';
import { SIGNALS } from './signals/index.ts';
import type { InstrumentSpec } from './signals/instruments.ts';
import { text } from './signals/row.ts';

/**
 * What a batch of events adds to the live view, as it travels with the batch: counters as name, attributes and value,
 * histograms as name, attributes, count, sum, min, max, count of zeros, and buckets from an offset on. Units and descriptions
 * are the instrument's and known by its name.
 */
export type Measured = readonly MeasuredSeries[];
type MeasuredSeries = readonly [
  name: string,
  attributes: Attributes,
  ...figures: (number | readonly number[])[],
];

/** In a series, behind its name and attributes. */
const FIGURES_AT = 2;
const NO_COUNTS: readonly number[] = [];

/** As what attribute the service that a figure is of is stored with it; what earlier versions stored has none. */
export const SERVICE = 'service.name';
/** Read back from storage a figure is a service's, and no process'. */
const NO_INSTANCE = '';

/** Longest text of an attribute; the columns of the rows take no more. */
const ATTRIBUTE_CHARS_MAX = 255;
/** As the live view: what is larger is a bug of its sender. */
const MAGNITUDE_MAX = 1e30;

/** The instruments whose figures outlive the process: counters and histograms of the signals. */
const LASTING = new Map<string, InstrumentSpec>(
  Object.values(SIGNALS)
    .flatMap(({ instruments }): readonly InstrumentSpec[] => instruments)
    .filter(({ kind }) => kind !== 'gauge')
    .map((instrument) => [instrument.name, instrument]),
);

/** What is read back may bear names of before as well. */
const READABLE = new Map([...LASTING, ...OLDER_INSTRUMENTS.map((one) => [one.name, one] as const)]);

/** What figures by a name are, those of before included; `undefined` for what no totals are kept of. */
export function storedKind(name: string): InstrumentSpec['kind'] | undefined {
  return READABLE.get(name)?.kind;
}

/** What takes the figures of a point back, which were counted at that time. */
export function takenBack(point: Point, countedMs: number): Point {
  if (point.kind !== 'histogram') return { ...point, value: -point.value, countedMs };
  const { exemplar: _, ...figures } = point;
  const counts = point.counts.map((count) => -count);
  const { count, sum, zeroCount } = point;
  return { ...figures, count: -count, sum: -sum, zeroCount: -zeroCount, counts, countedMs };
}

/** Figures that are taken back, by when they were counted. */
export type Retracted = readonly (readonly [countedMs: number, measured: Measured])[];

/** Those of the points that take something back, for the batch they belong to. */
export function toRetracted(points: readonly Point[]): Retracted {
  const ofTimes = Map.groupBy(points, ({ countedMs }) => countedMs);
  return [...ofTimes].flatMap(([countedMs, own]) =>
    countedMs === undefined ? [] : [[countedMs, toMeasured(mergePoints(own))] as const],
  );
}

/** The points again. */
export function fromRetracted(retracted: unknown): Point[] {
  if (!Array.isArray(retracted)) return [];
  return retracted.flatMap((entry): Point[] => {
    const [at, measured] = Array.isArray(entry) ? (entry as unknown[]) : [];
    const countedMs = Number(at);
    return Number.isFinite(countedMs) ? fromMeasured(measured).map((point) => ({ ...point, countedMs })) : [];
  });
}

const LONG_AGO_MS = 0;

/** What all of it adds up to, what is taken back taken off: for totals, which have no time. */
export function netOf(points: readonly Point[]): Point[] {
  return mergePoints(points.map((point) => ({ ...point, countedMs: LONG_AGO_MS })));
}

/** Whether a point is one that totals are kept of. */
export function isLasting({ name, kind }: Pick<Point, 'name' | 'kind'>): boolean {
  return LASTING.get(name)?.kind === kind;
}

/** The lasting ones of some points, for the batch they belong to: those of one service as one. */
export function toMeasured(points: readonly Point[]): Measured {
  return oneByService(points.filter(isLasting)).flatMap((point): MeasuredSeries[] => {
    const attributes = storedAttributes(point);
    if (point.kind === 'histogram') {
      const { count, sum, min, max, zeroCount, offset, counts } = point;
      const figures = [count, sum, isFigure(min) ? min : 0, isFigure(max) ? max : 0, zeroCount, offset];
      return isFigure(sum) ? [[point.name, attributes, ...figures, counts]] : [];
    }
    const counts = point.value > 0 || (point.countedMs !== undefined && point.value < 0);
    return isFigure(point.value) && counts ? [[point.name, attributes, point.value]] : [];
  });
}

/** The points again, by the names of today. What neither this version nor one before measured, or no figure, is left out. */
export function fromMeasured(measured: unknown): Point[] {
  if (!Array.isArray(measured)) return [];
  return measured.flatMap((series) => pointOf(series) ?? []).flatMap(currentPoints);
}

function pointOf(series: unknown): Point | null {
  if (!Array.isArray(series)) return null;
  const [name, attributes] = series as unknown[];
  const instrument = READABLE.get(String(name));
  if (instrument === undefined || typeof attributes !== 'object' || attributes === null) return null;
  const base = {
    name: instrument.name,
    unit: instrument.unit,
    description: instrument.description,
    ...unstored(storable(attributes as Attributes)),
  };
  const figure = (place: number) => Number(series[FIGURES_AT + place] ?? 0);
  const value = figure(0);
  if (instrument.kind === 'counter') return isFigure(value) ? { ...base, kind: 'counter', value } : null;
  const given: unknown = series[FIGURES_AT + 6];
  const counts: readonly unknown[] = Array.isArray(given) ? given : NO_COUNTS;
  if (!counts.every(isFigure)) return null;
  const [sum, min, max] = [figure(1), figure(2), figure(3)];
  const [zeroCount, offset] = [figure(4), figure(5)];
  const isHistogram = [value, sum, min, max, zeroCount, offset].every(isFigure);
  return isHistogram
    ? { ...base, kind: 'histogram', count: value, sum, min, max, zeroCount, offset, counts }
    : null;
}

/** Processes of one service that sent in one batch add up here; of one process nothing does. */
function oneByService(points: readonly Point[]): readonly Point[] {
  const [first] = points;
  if (points.every(({ sender }) => sender?.instanceId === first?.sender?.instanceId)) return points;
  return mergePoints(
    points.map((point) => (point.sender === undefined ? point : ofService(point, point.sender.service))),
  );
}

const ofService = (point: Point, service: string): Point => ({
  ...point,
  sender: { service, instanceId: NO_INSTANCE },
});

/** The attributes that a point is stored with. */
export function storedAttributes({ attributes, sender }: Pick<Point, 'attributes' | 'sender'>): Attributes {
  const clean = storable(attributes);
  if (sender === undefined) return clean;
  const byService = STORED.get(clean) ?? new Map<string, Attributes>();
  STORED.set(clean, byService);
  const stored = byService.get(sender.service) ?? cleaned({ ...clean, [SERVICE]: sender.service });
  if (byService.size >= SERVICES_REMEMBERED_MAX) byService.clear();
  byService.set(sender.service, stored);
  return stored;
}

/** Again what a point was before it was stored. */
function unstored(attributes: Attributes): Pick<Point, 'attributes' | 'sender'> {
  let known = UNSTORED.get(attributes);
  if (known === undefined) {
    const { [SERVICE]: service, ...own } = attributes;
    known =
      typeof service === 'string'
        ? { attributes: own, sender: { service, instanceId: NO_INSTANCE } }
        : { attributes };
    UNSTORED.set(attributes, known);
  }
  return known;
}

function isFigure(value: unknown): value is number {
  return typeof value === 'number' && Math.abs(value) <= MAGNITUDE_MAX;
}

/** Of series that live on, which come with every batch. */
const STORABLE = new WeakMap<Attributes, Attributes>();
/** Likewise, by service. */
const STORED = new WeakMap<Attributes, Map<string, Attributes>>();
const SERVICES_REMEMBERED_MAX = 100;
/** Of those that are stored, what they were before. */
const UNSTORED = new WeakMap<Attributes, Pick<Point, 'attributes' | 'sender'>>();

/** Text that every store takes, of bounded length, in one order of names whatever the sender's. */
function storable(attributes: Attributes): Attributes {
  let known = STORABLE.get(attributes);
  if (known === undefined) {
    known = cleaned(attributes);
    STORABLE.set(attributes, known);
  }
  return known;
}

function cleaned(attributes: Attributes): Attributes {
  const entries = Object.entries(attributes).map(([name, value]): [string, AttributeValue] => [
    text(name, ATTRIBUTE_CHARS_MAX) ?? '',
    typeof value === 'string' ? (text(value, ATTRIBUTE_CHARS_MAX) ?? '') : value,
  ]);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}

interface HistogramSum {
  readonly first: HistogramPoint;
  readonly sum: HistogramDelta;
}

/** Points of any number of batches as one per series and sender. Of what is no counter or histogram the last one counts. */
export class PointSum {
  readonly #histograms = new Map<string, HistogramSum>();
  readonly #others = new Map<string, Point>();

  add(points: Iterable<Point>): this {
    for (const point of points) {
      const key = `${seriesOf(point)}${senderKey(point)}${point.countedMs ?? ''}`;
      if (point.kind === 'histogram') {
        const known = this.#histograms.get(key) ?? { first: point, sum: new HistogramDelta() };
        known.sum.add(point);
        this.#histograms.set(key, known);
      } else {
        const known = this.#others.get(key);
        const before = point.kind === 'counter' && known?.kind === 'counter' ? known.value : 0;
        this.#others.set(key, { ...point, value: before + point.value });
      }
    }
    return this;
  }

  /** What they add up to; the next ones begin anew. */
  take(): Point[] {
    const points = [...this.#histograms.values()].map(({ first, sum }) => ({ ...first, ...sum.take() }));
    const others = [...this.#others.values()];
    this.#histograms.clear();
    this.#others.clear();
    return [...points, ...others];
  }
}

export function mergePoints(points: Iterable<Point>): Point[] {
  return new PointSum().add(points).take();
}

function senderKey({ sender }: Point): string {
  return sender === undefined ? '' : `\u0000${sender.instanceId}\u0000${sender.service}`;
}

/** One text per metric and set of attributes, whose names stand in one order. */
export function seriesOf({ name, attributes }: Pick<Point, 'name' | 'attributes'>): string {
  return `${name}\u0000${JSON.stringify(attributes)}`;
}

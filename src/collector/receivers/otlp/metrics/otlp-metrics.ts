import type { Counter } from '@opentelemetry/api';
import type { Attributes, Point, Source } from '../../../../core/frame.ts';
import { currentPoints } from '../../../../core/llm/older-names.ts';
import { isLasting } from '../../../../core/measured.ts';
import { NO_VIA, type Via } from '../../../../core/passage.ts';
import type { SignalName } from '../../../../core/signals/index.ts';
import { ATTRIBUTES_MAX, bounded } from '../attributes.ts';
import type { OtlpLabels } from '../labels.ts';
import type { OtlpMetric, OtlpRejected } from '../model.ts';
import { Refusals } from '../refusals.ts';
import { sourceOfResource } from '../sender.ts';
import type { Subjects } from '../subjects.ts';
import { isUnusable } from './figures.ts';
import { Generations } from './generations.ts';
import { type Gain, HeldMetrics } from './held.ts';
import { factorTo, isOlderName, type KnownMetric, knownMetric } from './known.ts';
import { attributesPassedOn, descriptorOf, passedOn, pointOf, summaryPoints } from './points.ts';
import { type AnyPoint, figuresOf, kindOf, seriesPoint, stepOf, unusableMetric } from './read.ts';
import { SeriesState, type Step } from './series-state.ts';

/** Where points go. */
export interface PointSink {
  /** Returns false when there are too many processes already. */
  join(source: Source, via: Via): boolean;
  /** Those that totals are kept of, of one sender. */
  addLasting(points: readonly Point[]): void;
  /** Returns the points that were not taken. */
  merge(instanceId: string, points: readonly Point[]): readonly Point[];
}

export interface OtlpMetricsOptions {
  readonly sink: PointSink;
  readonly subjects: Subjects;
  readonly labels: OtlpLabels;
  /** `OTLP_OUTCOMES`. */
  readonly records: Counter;
  /**
   * When counting began here, in milliseconds since the epoch: a cumulative series that is older may have been counted by
   * the collector before, so that its first point only says where it stands.
   */
  readonly sinceMs: number;
}

const NOT_KEPT = 'of more metrics than are kept (2000), or of another kind than the metric had before';
const TOO_MANY_ATTRIBUTES = `with more than ${ATTRIBUTES_MAX} attributes`;
const TOO_MANY_INSTANCES = 'of more processes than are followed';
const OTHER_KIND = 'of another kind than the metric of this name is by convention';

/** A request while it is read. */
interface Reading {
  readonly nowMs: number;
  readonly via: Via;
  readonly refusals: Refusals;
  readonly points: Map<Source, Point[]>;
  readonly outcomes: Map<string, number>;
}

/** One point with what it is of. */
interface Found {
  readonly metric: OtlpMetric;
  readonly point: AnyPoint;
  readonly source: Source;
  readonly known: KnownMetric | undefined;
}

type Gained = Extract<Step, { readonly kind: 'gained' }>;

/**
 * Takes the metrics of OTLP senders: as deltas at our scale, each value once, those that figures of the snapshot are made of
 * by our names, everything else for `/metrics`.
 */
export class OtlpMetrics {
  readonly #options: OtlpMetricsOptions;
  readonly #state: SeriesState;
  readonly #generations = new Generations();
  readonly #held = new HeldMetrics();

  constructor(options: OtlpMetricsOptions) {
    this.#options = options;
    this.#state = new SeriesState(options.sinceMs);
  }

  take(metrics: readonly OtlpMetric[], nowMs: number, via: Via = NO_VIA): OtlpRejected {
    const reading = newReading(nowMs, via);
    for (const metric of laterNamesFirst(metrics)) this.#read(metric, reading);
    this.#deliver(reading);
    for (const [outcome, count] of reading.outcomes) {
      this.#options.records.add(count, { signal: 'metrics', outcome });
    }
    return reading.refusals.rejected;
  }

  /** To be called every few seconds: gives on what was held back, of processes that were new, as soon as it is due. */
  release(nowMs: number): void {
    const reading = newReading(nowMs, NO_VIA);
    for (const gain of this.#held.take()) this.#judge(gain, reading);
    this.#deliver(reading);
  }

  #read(metric: OtlpMetric, reading: Reading): void {
    const source = sourceOfResource(metric.resource);
    this.#options.subjects.meet(source.instanceId, metric.resource);
    const known = knownMetric(metric.name);
    const { data } = metric;
    const points: readonly AnyPoint[] = data.kind === 'none' ? [] : data.points;
    const unusable =
      unusableMetric(metric) ?? (known && kindOf(data) !== known.instrument.kind ? OTHER_KIND : null);
    if (unusable !== null) {
      refuse(reading, unusable, metric, Math.max(1, points.length));
      return;
    }
    if (!reading.points.has(source)) {
      if (!this.#options.sink.join(source, reading.via)) {
        refuse(reading, TOO_MANY_INSTANCES, metric, points.length);
        return;
      }
      reading.points.set(source, []);
    }
    for (const point of points) this.#readPoint({ metric, point, source, known }, reading);
  }

  #readPoint(found: Found, reading: Reading): void {
    const { metric, point, source } = found;
    const attributes = bounded(point.attributes);
    if (attributes === null) {
      refuse(reading, TOO_MANY_ATTRIBUTES, metric);
      return;
    }
    if (metric.data.kind === 'summary' && 'quantiles' in point) {
      const all = attributesPassedOn(metric, source, attributes);
      add(reading, source, summaryPoints(passedOn(metric, false), all, point));
      count(reading, 'accepted');
      return;
    }
    const figures = figuresOf(point);
    if (figures !== null && isUnusable(figures)) {
      refuse(reading, figures.unusable, metric);
      return;
    }
    const at = seriesPoint({ metric, instanceId: source.instanceId, point, attributes, figures });
    const step = stepOf(this.#state, metric.data, at, reading.nowMs);
    if (step.kind === 'refused') refuse(reading, step.reason, metric);
    else count(reading, step.kind === 'known' ? 'known' : 'accepted');
    if (step.kind === 'gained') this.#place(found, attributes, step, reading);
  }

  /** Under which name something is shown, and whether figures are made of it. */
  #place(
    { metric, point, source, known }: Found,
    attributes: Attributes,
    gained: Gained,
    reading: Reading,
  ): void {
    const { afterMs, untilMs, figures } = gained;
    const kind = kindOf(metric.data) === 'gauge' ? 'gauge' : 'counter';
    const shown = () => {
      const all = attributesPassedOn(metric, source, attributes);
      return [pointOf(passedOn(metric, known !== undefined), all, figures, { kind, factor: 1 })].flatMap(
        present,
      );
    };
    const { labels } = this.#options;
    const ours = known?.attributes(point.attributes, labels) ?? null;
    if (known === undefined || ours === null) {
      add(reading, source, shown());
      return;
    }
    const as = { kind, factor: factorTo(metric.unit, known) } as const;
    const own = [pointOf(descriptorOf(known.instrument), ours, figures, as)]
      .flatMap(present)
      .flatMap(currentPoints);
    const family = `${source.instanceId} ${metric.scope.name}\u0000${known.family(point.attributes)}`;
    const isLatest = this.#generations.counts(family, known.generation(point.attributes), afterMs, untilMs);
    const gain = { source, figures: own, repeated: shown, afterMs, untilMs };
    if (!isLatest) add(reading, source, shown());
    else if (known.subject === null) add(reading, source, own);
    else this.#judge({ ...gain, subject: known.subject }, reading);
  }

  /** Whether figures count that others may tell as well. */
  #judge(gain: Gain, reading: Reading): void {
    const { source, subject } = gain;
    const verdict = this.#told(subject, gain, reading.nowMs);
    if (verdict === 'held') this.#held.add(gain);
    else add(reading, source, verdict === 'counted' ? gain.figures : gain.repeated());
  }

  #told(subject: SignalName, { source, afterMs, untilMs }: Gain, nowMs: number) {
    const telling = { afterMs, untilMs, nowMs };
    return this.#options.subjects.told(source.instanceId, subject, 'metrics', telling);
  }

  #deliver({ points, refusals, outcomes }: Reading): void {
    const { sink } = this.#options;
    for (const [source, all] of points) {
      const sender = { instanceId: source.instanceId, service: source.service };
      const lasting = all.filter(isLasting).map((point) => ({ ...point, sender }));
      if (lasting.length > 0) sink.addLasting(lasting);
      const others = all.filter((point) => !isLasting(point));
      for (const { name } of sink.merge(source.instanceId, others)) {
        refusals.add(NOT_KEPT, name);
        outcomes.set('refused', (outcomes.get('refused') ?? 0) + 1);
      }
    }
  }
}

function newReading(nowMs: number, via: Via): Reading {
  return { nowMs, via, refusals: new Refusals(), points: new Map(), outcomes: new Map() };
}

function present(point: Point | null): Point[] {
  return point === null ? [] : [point];
}

function add({ points }: Reading, source: Source, more: readonly Point[]): void {
  const all = points.get(source);
  if (all === undefined) points.set(source, [...more]);
  else all.push(...more);
}

function refuse(reading: Reading, reason: string, { name }: OtlpMetric, points = 1): void {
  reading.refusals.add(reason, name, points);
  count(reading, 'refused', points);
}

function count({ outcomes }: Reading, outcome: 'accepted' | 'known' | 'refused', points = 1): void {
  outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + points);
}

/** What came first would count. */
function laterNamesFirst(metrics: readonly OtlpMetric[]): readonly OtlpMetric[] {
  if (!metrics.some(({ name }) => isOlderName(name))) return metrics;
  return metrics.toSorted((a, b) => Number(isOlderName(a.name)) - Number(isOlderName(b.name)));
}

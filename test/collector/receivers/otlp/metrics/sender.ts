import { OTLP_OUTCOMES } from '../../../../../src/collector/receivers/otlp/acceptance.ts';
import { type OtlpLabels, otlpLabels } from '../../../../../src/collector/receivers/otlp/labels.ts';
import {
  OtlpMetrics,
  type PointSink,
} from '../../../../../src/collector/receivers/otlp/metrics/otlp-metrics.ts';
import type {
  OtlpExponentialPoint,
  OtlpHistogramPoint,
  OtlpMetric,
  OtlpMetricData,
  OtlpNumberPoint,
  OtlpResource,
} from '../../../../../src/collector/receivers/otlp/model.ts';
import { Subjects } from '../../../../../src/collector/receivers/otlp/subjects.ts';
import type { Attributes, Point, Source } from '../../../../../src/core/frame.ts';
import { mergePoints } from '../../../../../src/core/measured.ts';
import { counterOf } from '../../../../../src/core/signals/instruments.ts';
import { DeltaMeterProvider } from '../../../../../src/metrics/meter-provider.ts';
import { SnapshotReader } from '../../../../../src/metrics/snapshot-reader.ts';

/** When the collector of a test began; senders that begin later are counted from their start. */
export const SINCE_MS = 1_000_000;
/** Long past every grace. */
export const LATER_MS = SINCE_MS + 3_600_000;

export const labels = (): OtlpLabels => otlpLabels();

export const resourceOf = (attributes: Record<string, string | number | boolean>): OtlpResource => ({
  attributes,
});
export const APP = resourceOf({ 'service.name': 'shop', 'host.name': 'web-1', 'process.pid': 7 });

export function metricOf(name: string, data: OtlpMetricData, more: Partial<OtlpMetric> = {}): OtlpMetric {
  return {
    resource: APP,
    scope: { name: 'test', version: '' },
    name,
    description: '',
    unit: '',
    data,
    ...more,
  };
}

const BASE = { attributes: {}, startMs: SINCE_MS + 1, timeMs: SINCE_MS + 1000, noRecordedValue: false };

export const numberOf = (value: number, more: Partial<OtlpNumberPoint> = {}): OtlpNumberPoint => ({
  ...BASE,
  value,
  ...more,
});

export const explicitOf = (more: Partial<OtlpHistogramPoint>): OtlpHistogramPoint => ({
  ...BASE,
  count: 0,
  sum: 0,
  min: null,
  max: null,
  explicitBounds: [],
  bucketCounts: [],
  ...more,
});

export const exponentialOf = (more: Partial<OtlpExponentialPoint>): OtlpExponentialPoint => ({
  ...BASE,
  count: 0,
  sum: 0,
  min: null,
  max: null,
  scale: 3,
  zeroCount: 0,
  zeroThreshold: 0,
  positive: { offset: 0, counts: [] },
  negative: { offset: 0, counts: [] },
  ...more,
});

export const sum = (
  points: readonly OtlpNumberPoint[],
  temporality: 'delta' | 'cumulative',
  isMonotonic = true,
) => ({ kind: 'sum', isMonotonic, temporality, points }) as const;

/** What a collector received, added up over all requests. */
export class Received {
  readonly sources: Source[] = [];
  readonly lasting: Point[] = [];
  readonly merged: Point[] = [];
  readonly subjects = new Subjects();
  readonly metrics: OtlpMetrics;
  readonly #own = new DeltaMeterProvider();
  readonly #reader = new SnapshotReader([this.#own]);

  constructor(sink: Partial<PointSink> = {}) {
    this.metrics = new OtlpMetrics({
      subjects: this.subjects,
      labels: labels(),
      records: counterOf(this.#own.getMeter(), OTLP_OUTCOMES),
      sinceMs: SINCE_MS,
      sink: {
        join: (source) => this.sources.push(source) > 0,
        addLasting: (points) => void this.lasting.push(...points),
        merge: (_instanceId, points) => {
          this.merged.push(...points);
          return [];
        },
        ...sink,
      },
    });
  }

  /** All points of a name as one per series. */
  of(name: string): Point[] {
    return mergePoints([...this.lasting, ...this.merged].filter((point) => point.name === name));
  }

  /** The value of a counter or the count of a histogram, over all series that have these attributes. */
  total(name: string, having: Attributes = {}): number {
    return this.of(name)
      .filter(({ attributes }) => Object.entries(having).every(([key, value]) => attributes[key] === value))
      .reduce((all, point) => all + (point.kind === 'histogram' ? point.count : point.value), 0);
  }

  /** How often something became of what came. */
  outcomes(): Record<string, number> {
    const points = this.#reader.collectNow().filter(({ name }) => name === OTLP_OUTCOMES.name);
    return Object.fromEntries(
      points.map((point) => [
        String(point.attributes['outcome']),
        point.kind === 'counter' ? point.value : 0,
      ]),
    );
  }
}

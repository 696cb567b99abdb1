import type { Attributes } from '../../../../core/frame.ts';
import type {
  OtlpExponentialPoint,
  OtlpHistogramPoint,
  OtlpMetric,
  OtlpMetricData,
  OtlpNumberPoint,
  OtlpSummaryPoint,
} from '../model.ts';
import { explicitFigures, exponentialFigures, type Figures, type Read, UNUSABLE } from './figures.ts';
import type { SeriesPoint, SeriesState, Step } from './series-state.ts';

export type AnyPoint = OtlpNumberPoint | OtlpHistogramPoint | OtlpExponentialPoint | OtlpSummaryPoint;

const NAME_CHARS_MAX = 255;

/** Why no point of a metric can be used, `null` where they can. */
export function unusableMetric({ name, data }: OtlpMetric): string | null {
  if (name === '' || name.length > NAME_CHARS_MAX)
    return `of a metric without a name of 1 to ${NAME_CHARS_MAX} characters`;
  if (data.kind === 'none') return 'of a kind of metric that is not known';
  if ('temporality' in data && data.temporality === 'unspecified') {
    return 'without an aggregation temporality: neither delta nor cumulative';
  }
  return null;
}

/** What a metric is here: what only rises is counted, everything else that is a number has a latest value. */
export function kindOf(data: OtlpMetricData): 'counter' | 'gauge' | 'histogram' | 'summary' {
  if (data.kind === 'histogram' || data.kind === 'exponential') return 'histogram';
  if (data.kind === 'summary') return 'summary';
  return data.kind === 'sum' && data.isMonotonic ? 'counter' : 'gauge';
}

/** What a point says, `null` where its sender marks a gap. */
export function figuresOf(point: AnyPoint): Read<Figures> | null {
  if (point.noRecordedValue) return null;
  if ('explicitBounds' in point) return explicitFigures(point);
  if ('scale' in point) return exponentialFigures(point);
  if (!('value' in point) || !Number.isFinite(point.value)) return { unusable: UNUSABLE.noNumber };
  return { kind: 'number', value: point.value };
}

interface PointOfSeries {
  readonly metric: OtlpMetric;
  readonly instanceId: string;
  readonly point: AnyPoint;
  readonly attributes: Attributes;
  readonly figures: Figures | null;
}

export function seriesPoint({ metric, instanceId, point, attributes, figures }: PointOfSeries): SeriesPoint {
  const { startMs, timeMs } = point;
  const stream = `${metric.scope.name}\u0000${metric.name}`;
  return {
    instanceId,
    stream,
    series: `${stream}\u0000${JSON.stringify(attributes)}`,
    startMs,
    timeMs,
    figures,
  };
}

const FELL = 'of a counter that went down by its own account';

/** What a point adds. A gauge has its value whatever came before; a gap leaves it without one. */
export function stepOf(state: SeriesState, data: OtlpMetricData, point: SeriesPoint, nowMs: number): Step {
  const { figures } = point;
  const isSum = data.kind === 'sum';
  const isLevel = isSum && !data.isMonotonic;
  if (data.kind === 'gauge' || (isLevel && data.temporality === 'cumulative')) {
    const value = figures ?? { kind: 'number', value: Number.NaN };
    return { kind: 'gained', figures: value, afterMs: point.timeMs, untilMs: point.timeMs };
  }
  if (isLevel) return state.level(point, nowMs);
  if (figures?.kind === 'number' && figures.value < 0) return { kind: 'refused', reason: FELL };
  if ('temporality' in data && data.temporality === 'cumulative') return state.cumulative(point, nowMs);
  return state.delta(point, nowMs);
}

import type { Attributes, Point, Source } from '../../../../core/frame.ts';
import { text } from '../../../../core/signals/row.ts';
import type { OtlpMetric, OtlpSummaryPoint } from '../model.ts';
import { distributionOf } from './distribution.ts';
import type { Figures } from './figures.ts';

const UNIT_CHARS_MAX = 63;
const DESCRIPTION_CHARS_MAX = 1024;
/** In front of a metric whose figures are told otherwise: beside them it would count twice in every sum. */
const TOLD_OTHERWISE = 'otlp.';

/** What points of a metric have in common. */
export type Descriptor = Pick<Point, 'name' | 'unit' | 'description'>;

export function descriptorOf({ name, unit, description }: Descriptor): Descriptor {
  return { name, unit, description };
}

/** A metric as `/metrics` shows it that no figure is made of. */
export function passedOn(metric: OtlpMetric, isKnown: boolean): Descriptor {
  return {
    name: isKnown ? `${TOLD_OTHERWISE}${metric.name}` : metric.name,
    unit: text(metric.unit, UNIT_CHARS_MAX) ?? '',
    description: text(metric.description, DESCRIPTION_CHARS_MAX) ?? '',
  };
}

/** Counts are added up over all processes: the service tells them apart, and of a machine its name. */
export function attributesPassedOn(metric: OtlpMetric, source: Source, attributes: Attributes): Attributes {
  if (!metric.name.startsWith('system.')) return { 'service.name': source.service, ...attributes };
  return source.host === '' ? attributes : { 'host.name': source.host, ...attributes };
}

/** @returns `null` for a distribution of nothing. */
export function pointOf(
  descriptor: Descriptor,
  attributes: Attributes,
  figures: Figures,
  { kind, factor }: { readonly kind: 'counter' | 'gauge'; readonly factor: number },
): Point | null {
  const base = { ...descriptor, attributes };
  if (figures.kind === 'number') return { ...base, kind, value: figures.value * factor };
  if (figures.count === 0) return null;
  return { ...base, kind: 'histogram', ...distributionOf(figures, factor) };
}

/** Quantiles, count and sum as the sender's latest values, under the names that Prometheus gives them. */
export function summaryPoints(
  descriptor: Descriptor,
  attributes: Attributes,
  { quantiles, count, sum, noRecordedValue }: OtlpSummaryPoint,
): Point[] {
  const gauge = (name: string, unit: string, value: number, more: Attributes): Point => ({
    ...descriptor,
    name,
    unit,
    kind: 'gauge',
    attributes: { ...attributes, ...more },
    value: noRecordedValue ? Number.NaN : value,
  });
  const { name, unit } = descriptor;
  return [
    ...quantiles.map(({ quantile, value }) => gauge(name, unit, value, { quantile: String(quantile) })),
    gauge(`${name}.count`, '', count, {}),
    gauge(`${name}.sum`, unit, sum, {}),
  ];
}

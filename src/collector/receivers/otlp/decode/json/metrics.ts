import type { OtlpMetric, OtlpMetricData } from '../../model.ts';
import { placed } from '../decode-error.ts';
import type { LeftOut } from '../left-out.ts';
import { NAME_BYTES_MAX, RECORDS_MAX } from '../limits.ts';
import { BEYOND, isConsistent, NO_DATA, TEMPORALITIES } from '../records.ts';
import { each, type Fields, objectIn, objectOf, read, textIn, toBool, toEnum } from './fields.ts';
import { exponentialOf, histogramOf, numberOf, summaryOf } from './points.ts';
import { walkJson } from './request.ts';

const LEVELS = { resources: 'resourceMetrics', scopes: 'scopeMetrics', records: 'metrics' };
const toTemporality = toEnum(TEMPORALITIES.map((one) => `AGGREGATION_TEMPORALITY_${one.toUpperCase()}`));

/** How many points of the request have been read. */
interface Tally {
  points: number;
  readonly leftOut: LeftOut;
}

/** The metrics of an `ExportMetricsServiceRequest` in JSON. @throws DecodeError */
export function decodeJsonMetrics(body: Buffer, leftOut: LeftOut): OtlpMetric[] {
  const metrics: OtlpMetric[] = [];
  const tally: Tally = { points: 0, leftOut };
  walkJson(body, LEVELS, leftOut, (fields, { resource, scope }) => {
    const name = textIn(fields, 'name', NAME_BYTES_MAX);
    const description = textIn(fields, 'description', NAME_BYTES_MAX);
    const unit = textIn(fields, 'unit', NAME_BYTES_MAX);
    metrics.push({ resource, scope, name, description, unit, data: dataOf(fields, tally) });
  });
  return metrics;
}

function dataOf(fields: Fields, tally: Tally): OtlpMetricData {
  const gauge = objectIn(fields, 'gauge');
  if (gauge !== null) {
    return { kind: 'gauge', points: aggregation('gauge', gauge, numberOf, tally).points };
  }
  const sum = objectIn(fields, 'sum');
  if (sum !== null) {
    const isMonotonic = read(sum, 'isMonotonic', toBool) ?? false;
    return { kind: 'sum', isMonotonic, ...aggregation('sum', sum, numberOf, tally) };
  }
  const histogram = objectIn(fields, 'histogram');
  if (histogram !== null) {
    return { kind: 'histogram', ...aggregation('histogram', histogram, histogramOf, tally) };
  }
  const exponential = objectIn(fields, 'exponentialHistogram');
  if (exponential !== null) {
    return { kind: 'exponential', ...aggregation('exponentialHistogram', exponential, exponentialOf, tally) };
  }
  const summary = objectIn(fields, 'summary');
  if (summary !== null) {
    return { kind: 'summary', points: aggregation('summary', summary, summaryOf, tally).points };
  }
  return NO_DATA;
}

function aggregation<P extends object>(
  name: string,
  fields: Fields,
  pointOf: (fields: Fields, leftOut: LeftOut) => P,
  tally: Tally,
) {
  const points: P[] = [];
  try {
    each(fields, 'dataPoints', (item) => {
      if (++tally.points > RECORDS_MAX) {
        tally.leftOut.records(BEYOND);
        return;
      }
      const point = pointOf(objectOf(item), tally.leftOut);
      if (isConsistent(point, tally.leftOut)) points.push(point);
    });
    const temporality =
      TEMPORALITIES[read(fields, 'aggregationTemporality', toTemporality) ?? 0] ?? 'unspecified';
    return { temporality, points };
  } catch (error) {
    throw placed(error, name);
  }
}

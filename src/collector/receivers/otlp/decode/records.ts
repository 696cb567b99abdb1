import type { OtlpAttributes, OtlpMetric, OtlpMetricData, OtlpSpan, OtlpTemporality } from '../model.ts';
import type { LeftOut } from './left-out.ts';
import { ATTRIBUTES_MAX, EVENTS_MAX, EVENTS_OF_REQUEST_MAX, RECORDS_MAX } from './limits.ts';

/** What protobuf and JSON agree on. */

/** `StatusCode`, by number. */
export const STATUSES: readonly OtlpSpan['status'][] = ['unset', 'ok', 'error'];

/** `AggregationTemporality`, by number. */
export const TEMPORALITIES: readonly OtlpTemporality[] = ['unspecified', 'delta', 'cumulative'];

/** Why records are left out, behind a count. */
export const WITHOUT_TRACE_ID = 'spans without a trace id';
export const WITHOUT_SPAN_ID = 'spans without a span id';
export const BEYOND = `records beyond the ${RECORDS_MAX} of a request`;

/** Why parts of records are. */
export const EVENTS_BEYOND = `events beyond the ${EVENTS_MAX} of a span`;
export const EVENTS_BEYOND_REQUEST = `events beyond the ${EVENTS_OF_REQUEST_MAX} of a request`;
export const ATTRIBUTES_BEYOND = `attributes beyond the ${ATTRIBUTES_MAX} of a record`;

/** `DataPointFlags`: the series has no value any more. */
const NO_RECORDED_VALUE = 1;

export function hasNoRecordedValue(flags: number): boolean {
  return (flags & NO_RECORDED_VALUE) !== 0;
}

export const NO_DATA: OtlpMetricData = Object.freeze({ kind: 'none' });
export const NO_BUCKETS = Object.freeze({ offset: 0, counts: Object.freeze([]) });

/** Whether a point says of itself what can be true; one that does not is counted as left out. */
export function isConsistent(point: object, leftOut: LeftOut): boolean {
  if (!('explicitBounds' in point) || !('bucketCounts' in point)) return true;
  const { length: bounds } = point.explicitBounds as readonly number[];
  const { length: counts } = point.bucketCounts as readonly number[];
  if (counts === bounds + 1 || (counts === 0 && bounds === 0)) return true;
  leftOut.records('data points of histograms that have not one bucket more than bounds');
  return false;
}

/** Metrics are counted by their points. */
export function pointsIn(metrics: readonly OtlpMetric[]): number {
  return metrics.reduce((sum, { data }) => sum + (data.kind === 'none' ? 0 : data.points.length), 0);
}

/** Older senders have no field for it. */
const EVENT_NAME = 'event.name';

/** Of a log record that is an event, its name; empty otherwise. */
export function nameOfEvent(field: string, attributes: OtlpAttributes): string {
  const attribute = attributes[EVENT_NAME];
  return field === '' && typeof attribute === 'string' ? attribute : field;
}

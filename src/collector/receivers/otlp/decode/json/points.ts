import type {
  OtlpBuckets,
  OtlpExponentialPoint,
  OtlpHistogramPoint,
  OtlpNumberPoint,
  OtlpSummaryPoint,
} from '../../model.ts';
import { DecodeError } from '../decode-error.ts';
import type { LeftOut } from '../left-out.ts';
import { BUCKETS_MAX } from '../limits.ts';
import { hasNoRecordedValue, NO_BUCKETS } from '../records.ts';
import { each, type Fields, objectOf, read, toCount, toDouble, toInteger, toTimeMs } from './fields.ts';
import { attributesOf } from './values.ts';

/** A `NumberDataPoint`. */
export function numberOf(fields: Fields, leftOut: LeftOut): OtlpNumberPoint {
  const value = read(fields, 'asDouble', toDouble) ?? read(fields, 'asInt', toInteger) ?? 0;
  return { ...baseOf(fields, leftOut), value };
}

/** A `HistogramDataPoint`. */
export function histogramOf(fields: Fields, leftOut: LeftOut): OtlpHistogramPoint {
  return {
    ...baseOf(fields, leftOut),
    ...statisticsOf(fields),
    explicitBounds: numbersIn(fields, 'explicitBounds', toDouble),
    bucketCounts: numbersIn(fields, 'bucketCounts', toCount),
  };
}

/** An `ExponentialHistogramDataPoint`. */
export function exponentialOf(fields: Fields, leftOut: LeftOut): OtlpExponentialPoint {
  return {
    ...baseOf(fields, leftOut),
    ...statisticsOf(fields),
    scale: read(fields, 'scale', toInteger) ?? 0,
    zeroCount: read(fields, 'zeroCount', toCount) ?? 0,
    zeroThreshold: read(fields, 'zeroThreshold', toDouble) ?? 0,
    positive: read(fields, 'positive', bucketsOf) ?? NO_BUCKETS,
    negative: read(fields, 'negative', bucketsOf) ?? NO_BUCKETS,
  };
}

/** A `SummaryDataPoint`. */
export function summaryOf(fields: Fields, leftOut: LeftOut): OtlpSummaryPoint {
  const quantiles: { quantile: number; value: number }[] = [];
  each(fields, 'quantileValues', (item) => {
    const one = objectOf(item);
    refuseTooMany(quantiles.length);
    quantiles.push({
      quantile: read(one, 'quantile', toDouble) ?? 0,
      value: read(one, 'value', toDouble) ?? 0,
    });
  });
  return {
    ...baseOf(fields, leftOut),
    count: read(fields, 'count', toCount) ?? 0,
    sum: read(fields, 'sum', toDouble) ?? 0,
    quantiles,
  };
}

function baseOf(fields: Fields, leftOut: LeftOut) {
  return {
    attributes: attributesOf(fields, leftOut),
    startMs: read(fields, 'startTimeUnixNano', toTimeMs) ?? 0,
    timeMs: read(fields, 'timeUnixNano', toTimeMs) ?? 0,
    noRecordedValue: hasNoRecordedValue(read(fields, 'flags', toCount) ?? 0),
  };
}

function statisticsOf(fields: Fields) {
  return {
    count: read(fields, 'count', toCount) ?? 0,
    sum: read(fields, 'sum', toDouble) ?? null,
    min: read(fields, 'min', toDouble) ?? null,
    max: read(fields, 'max', toDouble) ?? null,
  };
}

function bucketsOf(value: unknown): OtlpBuckets {
  const fields = objectOf(value);
  return {
    offset: read(fields, 'offset', toInteger) ?? 0,
    counts: numbersIn(fields, 'bucketCounts', toCount),
  };
}

function numbersIn(fields: Fields, name: string, convert: (value: unknown) => number): number[] {
  const numbers: number[] = [];
  each(fields, name, (item) => {
    refuseTooMany(numbers.length);
    numbers.push(convert(item));
  });
  return numbers;
}

function refuseTooMany(count: number): void {
  if (count >= BUCKETS_MAX) throw new DecodeError(`expected at most ${BUCKETS_MAX} of them`);
}

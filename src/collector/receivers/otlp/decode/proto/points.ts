import type {
  OtlpBuckets,
  OtlpExponentialPoint,
  OtlpHistogramPoint,
  OtlpNumberPoint,
  OtlpSummaryPoint,
} from '../../model.ts';
import { placed } from '../decode-error.ts';
import type { LeftOut } from '../left-out.ts';
import { BUCKETS_MAX } from '../limits.ts';
import { hasNoRecordedValue, NO_BUCKETS } from '../records.ts';
import { readDoubles, readFixed64s, readVarints } from './numbers.ts';
import type { ProtoReader } from './reader.ts';
import { AttributeReading } from './values.ts';

/** A number that need not be there. */
type Optional = number | null;

/** What is left of the message that is being read, as a `NumberDataPoint`. */
export function readNumber(reader: ProtoReader, leftOut: LeftOut): OtlpNumberPoint {
  const reading = new AttributeReading(leftOut);
  let [startMs, timeMs, value, flags] = [0, 0, 0, 0];
  for (let field = reader.field(); field !== 0; field = reader.field()) {
    if (field === 2) startMs = reader.timeMs();
    else if (field === 3) timeMs = reader.timeMs();
    else if (field === 4) value = reader.double();
    else if (field === 6) value = reader.signedFixed64();
    else if (field === 7) reading.read(reader);
    else if (field === 8) flags = reader.unsigned();
    else reader.skip();
  }
  const { attributes } = reading;
  return { attributes, startMs, timeMs, noRecordedValue: hasNoRecordedValue(flags), value };
}

/** The same as a `HistogramDataPoint`. */
export function readHistogram(reader: ProtoReader, leftOut: LeftOut): OtlpHistogramPoint {
  const reading = new AttributeReading(leftOut);
  let [startMs, timeMs, count, flags] = [0, 0, 0, 0];
  let [sum, min, max]: [Optional, Optional, Optional] = [null, null, null];
  const bucketCounts: number[] = [];
  const explicitBounds: number[] = [];
  for (let field = reader.field(); field !== 0; field = reader.field()) {
    if (field === 2) startMs = reader.timeMs();
    else if (field === 3) timeMs = reader.timeMs();
    else if (field === 4) count = reader.fixed64();
    else if (field === 5) sum = reader.double();
    else if (field === 6) readFixed64s(reader, bucketCounts, BUCKETS_MAX);
    else if (field === 7) readDoubles(reader, explicitBounds, BUCKETS_MAX);
    else if (field === 9) reading.read(reader);
    else if (field === 10) flags = reader.unsigned();
    else if (field === 11) min = reader.double();
    else if (field === 12) max = reader.double();
    else reader.skip();
  }
  const { attributes } = reading;
  const noRecordedValue = hasNoRecordedValue(flags);
  return { attributes, startMs, timeMs, noRecordedValue, count, sum, min, max, explicitBounds, bucketCounts };
}

/** The same as an `ExponentialHistogramDataPoint`. */
export function readExponential(reader: ProtoReader, leftOut: LeftOut): OtlpExponentialPoint {
  const reading = new AttributeReading(leftOut);
  let [startMs, timeMs, count, flags, scale, zeroCount, zeroThreshold] = [0, 0, 0, 0, 0, 0, 0];
  let [sum, min, max]: [Optional, Optional, Optional] = [null, null, null];
  let [positive, negative]: [OtlpBuckets, OtlpBuckets] = [NO_BUCKETS, NO_BUCKETS];
  for (let field = reader.field(); field !== 0; field = reader.field()) {
    if (field === 1) reading.read(reader);
    else if (field === 2) startMs = reader.timeMs();
    else if (field === 3) timeMs = reader.timeMs();
    else if (field === 4) count = reader.fixed64();
    else if (field === 5) sum = reader.double();
    else if (field === 6) scale = reader.zigzag();
    else if (field === 7) zeroCount = reader.fixed64();
    else if (field === 8) positive = readBuckets(reader, 'positive');
    else if (field === 9) negative = readBuckets(reader, 'negative');
    else if (field === 10) flags = reader.unsigned();
    else if (field === 12) min = reader.double();
    else if (field === 13) max = reader.double();
    else if (field === 14) zeroThreshold = reader.double();
    else reader.skip();
  }
  const { attributes } = reading;
  const base = { attributes, startMs, timeMs, noRecordedValue: hasNoRecordedValue(flags) };
  return { ...base, count, sum, min, max, scale, zeroCount, zeroThreshold, positive, negative };
}

/** `Buckets`: offset 1, counts 2. */
function readBuckets(reader: ProtoReader, name: string): OtlpBuckets {
  try {
    const counts: number[] = [];
    let offset = 0;
    const outer = reader.enter();
    for (let field = reader.field(); field !== 0; field = reader.field()) {
      if (field === 1) offset = reader.zigzag();
      else if (field === 2) readVarints(reader, counts, BUCKETS_MAX);
      else reader.skip();
    }
    reader.leave(outer);
    return { offset, counts };
  } catch (error) {
    throw placed(error, name);
  }
}

/** The same as a `SummaryDataPoint`. */
export function readSummary(reader: ProtoReader, leftOut: LeftOut): OtlpSummaryPoint {
  const reading = new AttributeReading(leftOut);
  let [startMs, timeMs, count, sum, flags] = [0, 0, 0, 0, 0];
  const quantiles: { quantile: number; value: number }[] = [];
  for (let field = reader.field(); field !== 0; field = reader.field()) {
    if (field === 2) startMs = reader.timeMs();
    else if (field === 3) timeMs = reader.timeMs();
    else if (field === 4) count = reader.fixed64();
    else if (field === 5) sum = reader.double();
    else if (field === 6 && quantiles.length < BUCKETS_MAX) quantiles.push(readQuantile(reader));
    else if (field === 7) reading.read(reader);
    else if (field === 8) flags = reader.unsigned();
    else reader.skip();
  }
  const { attributes } = reading;
  return { attributes, startMs, timeMs, noRecordedValue: hasNoRecordedValue(flags), count, sum, quantiles };
}

/** `ValueAtQuantile`: quantile 1, value 2. */
function readQuantile(reader: ProtoReader): { quantile: number; value: number } {
  let [quantile, value] = [0, 0];
  const outer = reader.enter();
  for (let field = reader.field(); field !== 0; field = reader.field()) {
    if (field === 1) quantile = reader.double();
    else if (field === 2) value = reader.double();
    else reader.skip();
  }
  reader.leave(outer);
  return { quantile, value };
}

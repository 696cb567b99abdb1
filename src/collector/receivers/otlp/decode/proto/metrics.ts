import type { OtlpMetric, OtlpMetricData } from '../../model.ts';
import { placed } from '../decode-error.ts';
import type { LeftOut } from '../left-out.ts';
import { NAME_BYTES_MAX, RECORDS_MAX } from '../limits.ts';
import { BEYOND, isConsistent, NO_DATA, TEMPORALITIES } from '../records.ts';
import { readExponential, readHistogram, readNumber, readSummary } from './points.ts';
import { ProtoReader } from './reader.ts';
import { RequestWalk, type Surroundings } from './request.ts';

const LEVELS = { resources: 'resourceMetrics', scopes: 'scopeMetrics', records: 'metrics' };

/** The metrics of an `ExportMetricsServiceRequest`. @throws DecodeError */
export function decodeMetrics(body: Uint8Array, leftOut: LeftOut): OtlpMetric[] {
  const reader = new ProtoReader(body);
  const decoding = new MetricDecoding(reader, leftOut);
  const metrics: OtlpMetric[] = [];
  new RequestWalk(reader, LEVELS, leftOut, (surroundings) =>
    metrics.push(decoding.read(surroundings)),
  ).walk();
  return metrics;
}

/** Reads one metric after the other. */
class MetricDecoding {
  readonly #reader: ProtoReader;
  readonly #leftOut: LeftOut;
  #points = 0;

  constructor(reader: ProtoReader, leftOut: LeftOut) {
    this.#reader = reader;
    this.#leftOut = leftOut;
  }

  /** `Metric`: name 1, description 2, unit 3, and one of the kinds of data. */
  read(surroundings: Surroundings): OtlpMetric {
    const reader = this.#reader;
    const outer = reader.enter();
    let [name, description, unit] = ['', '', ''];
    let data: OtlpMetricData = NO_DATA;
    for (let field = reader.field(); field !== 0; field = reader.field()) {
      if (field === 1) name = reader.text(NAME_BYTES_MAX);
      else if (field === 2) description = reader.text(NAME_BYTES_MAX);
      else if (field === 3) unit = reader.text(NAME_BYTES_MAX);
      else data = this.#data(field) ?? data;
    }
    reader.leave(outer);
    return { ...surroundings, name, description, unit, data };
  }

  /** `null`: another field, which was passed over. */
  #data(field: number): OtlpMetricData | null {
    if (field === 5) {
      return { kind: 'gauge', points: this.#aggregation('gauge', readNumber).points };
    }
    if (field === 7) {
      return { kind: 'sum', ...this.#aggregation('sum', readNumber) };
    }
    if (field === 9) {
      const { points, temporality } = this.#aggregation('histogram', readHistogram);
      return { kind: 'histogram', temporality, points };
    }
    if (field === 10) {
      const { points, temporality } = this.#aggregation('exponentialHistogram', readExponential);
      return { kind: 'exponential', temporality, points };
    }
    if (field === 11) {
      return { kind: 'summary', points: this.#aggregation('summary', readSummary).points };
    }
    this.#reader.skip();
    return null;
  }

  /** `Gauge` and its like: data points 1, temporality 2, whether it is monotonic 3. */
  #aggregation<P extends object>(name: string, readPoint: (reader: ProtoReader, leftOut: LeftOut) => P) {
    const reader = this.#reader;
    const points: P[] = [];
    let [temporality, isMonotonic, index] = [0, false, 0];
    const outer = reader.enter();
    for (let field = reader.field(); field !== 0; field = reader.field()) {
      if (field === 1) this.#point(`${name}.dataPoints[${index++}]`, points, readPoint);
      else if (field === 2) temporality = reader.unsigned();
      else if (field === 3) isMonotonic = reader.bool();
      else reader.skip();
    }
    reader.leave(outer);
    return { temporality: TEMPORALITIES[temporality] ?? 'unspecified', isMonotonic, points };
  }

  #point<P extends object>(
    place: string,
    into: P[],
    readPoint: (reader: ProtoReader, leftOut: LeftOut) => P,
  ): void {
    const reader = this.#reader;
    if (++this.#points > RECORDS_MAX) {
      reader.delimited();
      this.#leftOut.records(BEYOND);
      return;
    }
    try {
      const outer = reader.enter();
      const point = readPoint(reader, this.#leftOut);
      reader.leave(outer);
      if (isConsistent(point, this.#leftOut)) into.push(point);
    } catch (error) {
      throw placed(error, place);
    }
  }
}

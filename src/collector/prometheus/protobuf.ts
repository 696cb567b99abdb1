/**
 * Prometheus' Protocol Buffers format, the only one with native histograms: messages of `io.prometheus.client`, each behind
 * its length. https://github.com/prometheus/client_model/blob/master/io/prometheus/client/metrics.proto
 */
import type { Exemplar } from '../../core/frame.ts';
import { HISTOGRAM_SCALE } from '../../core/histogram.ts';
import type { HistogramSeries, MetricFamily, ScalarSeries } from '../metric-family.ts';
import {
  CHUNK_LENGTH,
  DistinctSeries,
  type FamilyWriter,
  isScalar,
  SERIES_PER_PAUSE,
} from './family-writer.ts';
import { cumulativeCounts, exemplarsByRung, type Ladder, ladderOf } from './ladder.ts';
import type { Label } from './names.ts';
import { ProtobufFields, signedLength, varintLength } from './protobuf-wire.ts';

const FAMILY = { name: 1, help: 2, type: 3, metric: 4, unit: 5 } as const;
const METRIC = { label: 1, gauge: 2, counter: 3, histogram: 7 } as const;
const LABEL = { name: 1, value: 2 } as const;
const GAUGE = { value: 1 } as const;
const COUNTER = { value: 1, createdTimestamp: 3 } as const;
const HISTOGRAM = {
  sampleCount: 1,
  sampleSum: 2,
  bucket: 3,
  schema: 5,
  zeroThreshold: 6,
  zeroCount: 7,
  positiveSpan: 12,
  positiveDelta: 13,
  createdTimestamp: 15,
  exemplars: 16,
} as const;
const BUCKET = { cumulativeCount: 1, upperBound: 2, exemplar: 3 } as const;
const SPAN = { offset: 1, length: 2 } as const;
const EXEMPLAR = { label: 1, value: 2, timestamp: 3 } as const;
const TIMESTAMP = { seconds: 1, nanos: 2 } as const;
/** An info is a gauge that is always 1. */
const TYPES: Readonly<Record<MetricFamily['kind'], number>> = { counter: 0, gauge: 1, info: 1, histogram: 4 };
const DOUBLE_LENGTH = 8;
const NANOS_PER_MS = 1_000_000;
/** OpenTelemetry's own, where a histogram has none: what is counted as zero is zero. */
const ZERO_THRESHOLD = 1e-128;
/** So many empty buckets cost less than a span of their own. */
const GAP_MAX = 2;

export class ProtobufWriter implements FamilyWriter {
  omitted = 0;
  readonly #fields = new ProtobufFields();

  /** A family's length stands before it, so all of it is made before the first piece is handed out. */
  *write(family: MetricFamily): Generator<string | Uint8Array> {
    const distinct = new DistinctSeries(family.kind);
    const pieces = [this.#head(family)];
    for (const done of this.#metrics(family, distinct)) {
      if (done) pieces.push(this.#fields.take());
      yield '';
    }
    this.omitted += distinct.omitted;
    pieces.push(this.#fields.take());
    this.#fields.varint(pieces.reduce((length, piece) => length + piece.length, 0));
    yield this.#fields.take();
    yield* pieces;
  }

  #head({ name, description, kind, unit }: MetricFamily): Uint8Array {
    const fields = this.#fields;
    fields.text(FAMILY.name, kind === 'counter' ? `${name}_total` : kind === 'info' ? `${name}_info` : name);
    if (description !== '') fields.text(FAMILY.help, description.toWellFormed());
    fields.unsigned(FAMILY.type, TYPES[kind]);
    if (unit !== '') fields.text(FAMILY.unit, unit);
    return fields.take();
  }

  /** @returns at each pause whether there is a piece to take. */
  *#metrics({ kind, series }: MetricFamily, distinct: DistinctSeries): Generator<boolean> {
    const fields = this.#fields;
    const histograms: HistogramSeries[] = [];
    for (const one of series) {
      if (!isScalar(one)) {
        histograms.push(one);
        if (histograms.length % SERIES_PER_PAUSE === 0) yield false;
        continue;
      }
      const labels = distinct.labelled(one.attributes)?.labels;
      if (labels === undefined) continue;
      fields.message(FAMILY.metric, () => writeScalar(fields, labels, kind, one));
      if (fields.length >= CHUNK_LENGTH) yield true;
    }
    const ladder = ladderOf(histograms);
    for (const one of histograms) {
      const labels = distinct.labelled(one.attributes)?.labels;
      if (labels === undefined) continue;
      fields.message(FAMILY.metric, () => writeHistogram(fields, labels, one, ladder));
      if (fields.length >= CHUNK_LENGTH) yield true;
    }
  }
}

function writeScalar(
  fields: ProtobufFields,
  labels: readonly Label[],
  kind: MetricFamily['kind'],
  { value, createdMs }: ScalarSeries,
): void {
  writeLabels(fields, METRIC.label, labels);
  if (kind === 'counter') {
    fields.message(METRIC.counter, () => {
      fields.double(COUNTER.value, value);
      writeTime(fields, COUNTER.createdTimestamp, createdMs);
    });
  } else fields.message(METRIC.gauge, () => fields.double(GAUGE.value, value));
}

function writeLabels(fields: ProtobufFields, field: number, labels: readonly Label[]): void {
  for (const [name, value] of labels) {
    fields.message(field, () => {
      fields.text(LABEL.name, name);
      fields.text(LABEL.value, value);
    });
  }
}

function writeTime(fields: ProtobufFields, field: number, timeMs: number | undefined): void {
  if (timeMs === undefined) return;
  const seconds = Math.floor(timeMs / 1000);
  fields.message(field, () => {
    fields.unsigned(TIMESTAMP.seconds, seconds);
    fields.unsigned(TIMESTAMP.nanos, Math.round((timeMs - seconds * 1000) * NANOS_PER_MS));
  });
}

/** Both kinds in one: who reads native histograms takes that, others the classic buckets. */
function writeHistogram(
  fields: ProtobufFields,
  labels: readonly Label[],
  series: HistogramSeries,
  ladder: Ladder,
): void {
  writeLabels(fields, METRIC.label, labels);
  const exemplars = [...(series.exemplars ?? [])];
  fields.message(METRIC.histogram, () => {
    fields.unsigned(HISTOGRAM.sampleCount, series.count);
    fields.double(HISTOGRAM.sampleSum, series.sum);
    writeClassic(fields, series, ladder, exemplars);
    writeNative(fields, series);
    writeTime(fields, HISTOGRAM.createdTimestamp, series.createdMs);
    for (const exemplar of exemplars) writeExemplar(fields, HISTOGRAM.exemplars, exemplar);
  });
}

function writeClassic(
  fields: ProtobufFields,
  series: HistogramSeries,
  ladder: Ladder,
  exemplars: readonly Exemplar[],
): void {
  const byRung = exemplars.length === 0 ? null : exemplarsByRung(exemplars, ladder);
  const counts = cumulativeCounts(series, ladder);
  for (let rung = 0; rung < counts.length; rung++) {
    const count = counts[rung] ?? 0;
    const boundary = ladder.boundaries[rung] ?? 0;
    const exemplar = byRung?.get(rung);
    // By far the most messages there are, of a length that is known.
    if (exemplar === undefined) {
      fields.sized(HISTOGRAM.bucket, 1 + varintLength(count) + 1 + DOUBLE_LENGTH);
      writeBucket(fields, count, boundary);
    } else {
      fields.message(HISTOGRAM.bucket, () => {
        writeBucket(fields, count, boundary);
        writeExemplar(fields, BUCKET.exemplar, exemplar);
      });
    }
  }
}

function writeBucket(fields: ProtobufFields, count: number, boundary: number): void {
  fields.unsigned(BUCKET.cumulativeCount, count);
  fields.double(BUCKET.upperBound, boundary);
}

/** Buckets of Prometheus are numbered by their upper end, those of OpenTelemetry by their lower one: one less. */
function writeNative(
  fields: ProtobufFields,
  { zeroCount, buckets: { offset, counts } }: HistogramSeries,
): void {
  fields.signed(HISTOGRAM.schema, HISTOGRAM_SCALE);
  fields.double(HISTOGRAM.zeroThreshold, ZERO_THRESHOLD);
  fields.unsigned(HISTOGRAM.zeroCount, zeroCount);
  let previous = 0;
  let end = -offset - 1;
  for (const [from, to] of occupied(counts)) {
    const [gap, length] = [from - end, to - from];
    fields.sized(HISTOGRAM.positiveSpan, 1 + signedLength(gap) + 1 + varintLength(length));
    fields.signed(SPAN.offset, gap);
    fields.unsigned(SPAN.length, length);
    for (let i = from; i < to; i++) {
      const count = counts[i] ?? 0;
      fields.signed(HISTOGRAM.positiveDelta, count - previous);
      previous = count;
    }
    end = to;
  }
}

/** Stretches of buckets, `to` excluded, with no more than `GAP_MAX` empty ones in a row. */
function* occupied(counts: readonly number[]): Generator<readonly [from: number, to: number]> {
  let from = -1;
  let to = -1;
  for (let i = 0; i < counts.length; i++) {
    if (!counts[i]) continue;
    if (from !== -1 && i - to > GAP_MAX) {
      yield [from, to];
      from = i;
    }
    if (from === -1) from = i;
    to = i + 1;
  }
  if (from !== -1) yield [from, to];
}

function writeExemplar(fields: ProtobufFields, field: number, { value, traceId, timeMs }: Exemplar): void {
  fields.message(field, () => {
    writeLabels(fields, EXEMPLAR.label, [['trace_id', traceId]]);
    fields.double(EXEMPLAR.value, value);
    writeTime(fields, EXEMPLAR.timestamp, timeMs);
  });
}

import type { Attributes, AttributeValue, DropCounts, Exemplar, Frame, Point } from '../frame.ts';
import { milliseconds } from '../units.ts';
import { ByteReader } from './byte-reader.ts';
import {
  ATTRIBUTES_MAX,
  DROP_REASONS_MAX,
  FALSE,
  FORMAT,
  KINDS,
  NEW_TABLE,
  NUMBER,
  TEXT,
  TRUE,
} from './format.ts';

const { MAX_SAFE_INTEGER } = Number;
/** Several times what an encoder has in one table. */
const SERIES_MAX = 200_000;
const INSTRUMENTS_MAX = 20_000;
const DESCRIBED_BYTES_MAX = 32 * 1024 * 1024;
/** More than any agent has in one interval. */
const POINTS_MAX = 100_000;
/** Of one histogram: from the smallest to the largest finite number. */
const BUCKETS_MAX = 2 * 8 * 1074;
/** Of all histograms of a frame: two that are far apart make a long list of few bytes. */
const BUCKETS_IN_ALL_MAX = 4_000_000;

interface Instrument {
  readonly kind: Point['kind'];
  readonly name: string;
  readonly unit: string;
  readonly description: string;
}

interface Series {
  readonly instrument: Instrument;
  readonly attributes: Attributes;
}

/**
 * Reads the frames of one agent in the order in which they were written. Their sender may be anybody: what is read has the
 * shape of points, and whether their names and values can be used is for who takes them to judge.
 */
export class FrameDecoder {
  readonly #series: Series[] = [];
  readonly #instruments: Instrument[] = [];
  #describedBytes = 0;
  /** Whether series are known that a later frame may name. */
  #knows = false;

  /** @throws Error where the bytes are no frame; then nothing is known until a frame begins a new table. */
  read(bytes: Uint8Array): Frame {
    const knew = this.#knows;
    this.#knows = false;
    const reader = new ByteReader(bytes);
    if (reader.byte() !== FORMAT) throw new Error('a frame of another format');
    const isNew = (reader.byte() & NEW_TABLE) !== 0;
    if (isNew) this.#forget();
    else if (!knew) throw new Error('a frame of a table that is not known');
    const frame = {
      seq: reader.whole(MAX_SAFE_INTEGER),
      endMs: milliseconds(reader.number()),
      dropped: droppedOf(reader),
      points: this.#points(reader),
    };
    this.#knows = true;
    return frame;
  }

  #forget(): void {
    this.#series.length = 0;
    this.#instruments.length = 0;
    this.#describedBytes = 0;
  }

  #points(reader: ByteReader): Point[] {
    const points: Point[] = [];
    let buckets = 0;
    while (!reader.ended) {
      if (points.length >= POINTS_MAX) throw new Error(`more than ${POINTS_MAX} points`);
      const head = reader.whole(2 * SERIES_MAX);
      const series = this.#seriesOf(reader, head >>> 1);
      const point = pointOf(reader, series, (head & 1) === 1);
      if (point.kind === 'histogram') buckets += point.counts.length;
      if (buckets > BUCKETS_IN_ALL_MAX) throw new Error(`more than ${BUCKETS_IN_ALL_MAX} buckets`);
      points.push(point);
    }
    return points;
  }

  #seriesOf(reader: ByteReader, number: number): Series {
    const known = this.#series[number];
    if (known !== undefined) return known;
    if (number !== this.#series.length || number >= SERIES_MAX) throw new Error('a series nobody described');
    const began = reader.at;
    const series = { instrument: this.#instrumentOf(reader), attributes: attributesOf(reader) };
    this.#describedBytes += reader.at - began;
    if (this.#describedBytes > DESCRIBED_BYTES_MAX) throw new Error('too much is described');
    this.#series.push(series);
    return series;
  }

  #instrumentOf(reader: ByteReader): Instrument {
    const number = reader.whole(INSTRUMENTS_MAX);
    const known = this.#instruments[number];
    if (known !== undefined) return known;
    if (number !== this.#instruments.length) throw new Error('an instrument nobody described');
    const kind = KINDS[reader.byte()];
    if (kind === undefined) throw new Error('an instrument of no kind');
    const instrument = { kind, name: reader.text(), unit: reader.text(), description: reader.text() };
    this.#instruments.push(instrument);
    return instrument;
  }
}

function pointOf(reader: ByteReader, { instrument, attributes }: Series, hasExemplar: boolean): Point {
  const { kind, name, unit, description } = instrument;
  if (kind !== 'histogram') {
    if (hasExemplar) throw new Error('an exemplar of what is no histogram');
    return { kind, name, unit, description, attributes, value: reader.number() };
  }
  const count = reader.whole(MAX_SAFE_INTEGER);
  const sum = reader.number();
  const min = reader.number();
  const max = reader.number();
  const buckets = bucketsOf(reader);
  const point = { kind, name, unit, description, attributes, count, sum, min, max, ...buckets };
  return hasExemplar ? { ...point, exemplar: exemplarOf(reader) } : point;
}

function bucketsOf(reader: ByteReader): { zeroCount: number; offset: number; counts: number[] } {
  const zeroCount = reader.whole(MAX_SAFE_INTEGER);
  const held = reader.whole(BUCKETS_MAX);
  if (held === 0) return { zeroCount, offset: 0, counts: [] };
  const first = reader.whole(2 * BUCKETS_MAX);
  const offset = first % 2 === 0 ? first / 2 : -(first + 1) / 2;
  const counts = [reader.whole(MAX_SAFE_INTEGER)];
  for (let i = 1; i < held; i++) {
    const distance = reader.whole(BUCKETS_MAX);
    if (distance === 0 || counts.length + distance > BUCKETS_MAX) throw new Error('no place for a bucket');
    for (let empty = 1; empty < distance; empty++) counts.push(0);
    counts.push(reader.whole(MAX_SAFE_INTEGER));
  }
  return { zeroCount, offset, counts };
}

function exemplarOf(reader: ByteReader): Exemplar {
  return { value: reader.number(), traceId: reader.text(), timeMs: reader.number() };
}

function attributesOf(reader: ByteReader): Attributes {
  const entries: [string, AttributeValue][] = [];
  const length = reader.whole(ATTRIBUTES_MAX);
  for (let i = 0; i < length; i++) entries.push([reader.text(), attributeValue(reader)]);
  return Object.fromEntries(entries);
}

function attributeValue(reader: ByteReader): AttributeValue {
  switch (reader.byte()) {
    case TEXT:
      return reader.text();
    case NUMBER:
      return reader.number();
    case FALSE:
      return false;
    case TRUE:
      return true;
    default:
      throw new Error('a value of no kind');
  }
}

function droppedOf(reader: ByteReader): DropCounts {
  const entries: [string, number][] = [];
  const length = reader.whole(DROP_REASONS_MAX);
  for (let i = 0; i < length; i++) entries.push([reader.text(), reader.whole(MAX_SAFE_INTEGER)]);
  return Object.fromEntries(entries);
}

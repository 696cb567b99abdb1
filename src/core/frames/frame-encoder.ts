import type { Attributes, DropCounts, Exemplar, Frame, Point } from '../frame.ts';
import type { Buckets, Distribution } from '../histogram.ts';
import { ByteWriter } from './byte-writer.ts';
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

/** Under which number something is known, and in whose table. It belongs to one encoder. */
export interface Known {
  table: object | null;
  number: number;
}

export interface KnownInstrument {
  readonly name: string;
  readonly unit: string;
  readonly description: string;
  readonly kind: Point['kind'];
  readonly known: Known;
}

export interface KnownSeries {
  readonly attributes: Attributes;
  readonly known: Known;
}

/** Past so many bytes of descriptions a frame begins a new table: most of them are of series that are gone. */
const DESCRIBED_BYTES_MAX = 2 * 1024 * 1024;
/** So often a new table begins anyway, so that who has lost track of one does not for long: some eight minutes, twenty at rest. */
const FRAMES_PER_TABLE = 500;

/** Writes the frames of one agent, one after the other. */
export class FrameEncoder {
  readonly #writer = new ByteWriter();
  #table: object = {};
  #frames = FRAMES_PER_TABLE;
  #series = 0;
  #instruments = 0;
  #describedBytes = 0;
  /** Of points that belong to no series of ours. */
  readonly #strangers = new Map<string, KnownSeries>();
  readonly #strangeInstruments = new Map<string, KnownInstrument>();

  /** From the next frame on nothing is known to its reader. */
  restart(): void {
    this.#frames = FRAMES_PER_TABLE;
  }

  /** Begins a frame; `finish` ends it. */
  start({ seq, endMs, dropped }: Pick<Frame, 'seq' | 'endMs' | 'dropped'>): void {
    const isNew = this.#frames >= FRAMES_PER_TABLE || this.#describedBytes > DESCRIBED_BYTES_MAX;
    if (isNew) this.#beginTable();
    this.#frames++;
    const writer = this.#writer;
    writer.clear();
    writer.byte(FORMAT);
    writer.byte(isNew ? NEW_TABLE : 0);
    writer.whole(seq);
    writer.number(endMs);
    this.#writeDropped(dropped);
  }

  /** A point of a counter or a gauge. */
  value(instrument: KnownInstrument, series: KnownSeries, value: number): void {
    this.#head(instrument, series, false);
    this.#writer.number(value);
  }

  histogram(
    instrument: KnownInstrument,
    series: KnownSeries,
    distribution: Distribution,
    exemplar: Exemplar | null,
  ): void {
    this.#head(instrument, series, exemplar !== null);
    const writer = this.#writer;
    writer.whole(distribution.count);
    writer.number(distribution.sum);
    writer.number(distribution.min);
    writer.number(distribution.max);
    this.#writeBuckets(distribution);
    if (exemplar === null) return;
    writer.number(exemplar.value);
    writer.text(exemplar.traceId);
    writer.number(exemplar.timeMs);
  }

  /** A point of whatever comes: it takes several times as long as one of a series that is known. */
  point(point: Point): void {
    const instrument = this.#instrumentOf(point);
    const series = this.#seriesOf(point);
    if (point.kind === 'histogram') this.histogram(instrument, series, point, point.exemplar ?? null);
    else this.value(instrument, series, point.value);
  }

  /** The frame's bytes; they are the caller's. */
  finish(): Uint8Array<ArrayBuffer> {
    return this.#writer.copy();
  }

  #beginTable(): void {
    this.#table = {};
    this.#frames = 0;
    this.#series = 0;
    this.#instruments = 0;
    this.#describedBytes = 0;
    this.#strangers.clear();
    this.#strangeInstruments.clear();
  }

  #head(instrument: KnownInstrument, series: KnownSeries, hasExemplar: boolean): void {
    const { known } = series;
    const isNew = known.table !== this.#table;
    if (isNew) {
      known.table = this.#table;
      known.number = this.#series++;
    }
    this.#writer.whole(2 * known.number + (hasExemplar ? 1 : 0));
    if (!isNew) return;
    const before = this.#writer.length;
    this.#describe(instrument);
    this.#writeAttributes(series.attributes);
    this.#describedBytes += this.#writer.length - before;
  }

  #describe({ known, kind, name, unit, description }: KnownInstrument): void {
    const writer = this.#writer;
    const isNew = known.table !== this.#table;
    if (isNew) {
      known.table = this.#table;
      known.number = this.#instruments++;
    }
    writer.whole(known.number);
    if (!isNew) return;
    writer.byte(KINDS.indexOf(kind));
    writer.text(name);
    writer.text(unit);
    writer.text(description);
  }

  #writeAttributes(attributes: Attributes): void {
    const entries = Object.entries(attributes).slice(0, ATTRIBUTES_MAX);
    this.#writer.whole(entries.length);
    for (const [name, value] of entries) {
      this.#writer.text(name);
      if (typeof value === 'string') {
        this.#writer.byte(TEXT);
        this.#writer.text(value);
      } else if (typeof value === 'number') {
        this.#writer.byte(NUMBER);
        this.#writer.number(value);
      } else this.#writer.byte(value ? TRUE : FALSE);
    }
  }

  /** Those that hold something, each by its distance from the one before. */
  #writeBuckets({ zeroCount, offset, counts }: Buckets): void {
    const writer = this.#writer;
    writer.whole(zeroCount);
    let held = 0;
    for (let i = 0; i < counts.length; i++) if (counts[i] !== 0) held++;
    writer.whole(held);
    let previous = -1;
    for (let i = 0; i < counts.length; i++) {
      const count = counts[i] ?? 0;
      if (count === 0) continue;
      const index = offset + i;
      if (previous < 0) writer.whole(index < 0 ? -2 * index - 1 : 2 * index);
      else writer.whole(i - previous);
      writer.whole(count);
      previous = i;
    }
  }

  #writeDropped(dropped: DropCounts): void {
    const entries = Object.entries(dropped).slice(0, DROP_REASONS_MAX);
    this.#writer.whole(entries.length);
    for (const [reason, count] of entries) {
      this.#writer.text(reason);
      this.#writer.whole(count);
    }
  }

  #instrumentOf({ kind, name, unit, description }: Point): KnownInstrument {
    const key = JSON.stringify([kind, name, unit, description]);
    const known = this.#strangeInstruments.get(key);
    if (known !== undefined) return known;
    const instrument = { kind, name, unit, description, known: unknown() };
    this.#strangeInstruments.set(key, instrument);
    return instrument;
  }

  #seriesOf({ kind, name, unit, description, attributes }: Point): KnownSeries {
    const key = JSON.stringify([kind, name, unit, description, Object.entries(attributes)]);
    const known = this.#strangers.get(key);
    if (known !== undefined) return known;
    const series = { attributes, known: unknown() };
    this.#strangers.set(key, series);
    return series;
  }
}

/** Of what was never sent. */
export function unknown(): Known {
  return { table: null, number: 0 };
}

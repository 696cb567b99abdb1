import { type NervecenterEvent, SIGNAL_NAMES, SIGNALS, signalNamed } from '../../../../core/signals/index.ts';
import { toRow } from '../../../../core/signals/row.ts';
import type { Signal } from '../../../../core/signals/signal.ts';
import { type ColumnType, CopyEncoder } from './copy-encoder.ts';

/** Rows that are stored together or not at all. `(writer, seq)` is unique: the ledger refuses a batch sent twice. */
export interface Batch {
  /** UUID, new with every start of a collector. */
  readonly writer: string;
  readonly seq: number;
  readonly rows: number;
  /** Made by `encodeEvents`, read by `sectionsOf`. */
  readonly payload: Buffer;
}

/** A batch's rows for one table. */
export interface Section {
  readonly table: string;
  readonly columns: readonly SectionColumn[];
  readonly rows: number;
  /** As binary COPY takes them, without its header and trailer. */
  readonly tuples: Buffer;
}

export type SectionColumn = readonly [name: string, type: ColumnType];

export interface EncodedEvents {
  readonly rows: number;
  readonly payload: Buffer;
  readonly rejected: readonly RejectedEvent[];
}

/** An event that has no row at all. */
export interface RejectedEvent {
  /** Its table, or its signal where there is no such table. */
  readonly table: string;
  readonly error: unknown;
}

type SectionHeader = Omit<Section, 'tuples'> & { readonly bytes: number };

const LENGTH_BYTES = 4;

/**
 * Events as a batch's payload: which columns of which tables, as JSON, then the rows. The payload says itself what it
 * holds, so that a later version, whose tables have more columns, can still store what an earlier one has left.
 */
export function encodeEvents(events: readonly NervecenterEvent[]): EncodedEvents {
  const bySignal = Map.groupBy(events, (event) => String(event?.signal));
  const rejected: RejectedEvent[] = [];
  for (const [signal, unknown] of bySignal) {
    if (!Object.hasOwn(SIGNALS, signal))
      rejected.push(...unknown.map(() => ({ table: signal, error: null })));
  }
  const encoder = new CopyEncoder();
  const sections: SectionHeader[] = [];
  // Always in the same order of tables, so that two collectors cannot lock each other out.
  for (const name of SIGNAL_NAMES) {
    const ofSignal = bySignal.get(name);
    if (ofSignal === undefined) continue;
    const section = encodeSection(encoder, signalNamed(name), ofSignal, rejected);
    if (section.rows > 0) sections.push(section);
  }
  const rows = sections.reduce((sum, section) => sum + section.rows, 0);
  return { rows, payload: payloadOf(sections, encoder.take()), rejected };
}

/** @throws Error when it is no payload. */
export function sectionsOf(payload: Buffer): Section[] {
  let at = LENGTH_BYTES + payload.readUInt32BE(0);
  const headers = JSON.parse(payload.toString('utf8', LENGTH_BYTES, at)) as SectionHeader[];
  return headers.map(({ table, columns, rows, bytes }) => {
    const tuples = payload.subarray(at, at + bytes);
    at += bytes;
    return { table, columns, rows, tuples };
  });
}

function encodeSection(
  encoder: CopyEncoder,
  signal: Signal<NervecenterEvent>,
  events: readonly NervecenterEvent[],
  rejected: RejectedEvent[],
): SectionHeader {
  const types = signal.columns.map(({ type }) => type);
  const start = encoder.length;
  let rows = 0;
  for (const event of events) {
    try {
      encoder.row(types, toRow(signal, event));
      rows++;
    } catch (error) {
      rejected.push({ table: signal.table, error });
    }
  }
  const columns = signal.columns.map(({ name, type }) => [name, type] as const);
  return { table: signal.table, columns, rows, bytes: encoder.length - start };
}

function payloadOf(sections: readonly SectionHeader[], tuples: Buffer): Buffer {
  const header = Buffer.from(JSON.stringify(sections));
  const length = Buffer.allocUnsafe(LENGTH_BYTES);
  length.writeUInt32BE(header.length);
  return Buffer.concat([length, header, tuples]);
}

import type { Measured, Retracted } from '../../../../core/measured.ts';
import { type NervecenterEvent, SIGNAL_NAMES, SIGNALS, signalNamed } from '../../../../core/signals/index.ts';
import type { Signal } from '../../../../core/signals/signal.ts';
import { MINUTE_MS } from '../../../../core/units.ts';
import { type ColumnType, CopyEncoder } from './copy-encoder.ts';

/** Rows that are stored together or not at all. `(writer, seq)` is unique: the ledger refuses a batch sent twice. */
export interface Batch {
  /** UUID, new with every start of a collector. */
  readonly writer: string;
  readonly seq: number;
  readonly rows: number;
  /** Made by `encodeEvents`, read by `sectionsOf` and `factsOf`. */
  readonly payload: Buffer;
}

/** A batch's rows for one table. */
export interface Section {
  readonly table: string;
  readonly columns: readonly SectionColumn[];
  readonly rows: number;
  /** Minutes the rows are in, each once, by the beginning; absent in what an earlier version left. */
  readonly minutesMs?: readonly number[];
  /** Rows that are not so any more, by id and time: they go before these come. */
  readonly retracted?: readonly RetractedRow[];
  /** As binary COPY takes them, without its header and trailer. */
  readonly tuples: Buffer;
}

type RetractedRow = readonly [id: string, timeMs: number];
export type SectionColumn = readonly [name: string, type: ColumnType];

/** The last batch of a sending process that is in a batch of ours, by the number it had there. */
export type SentBatch = readonly [instanceId: string, batch: number];
/** A doubtful one came again when nobody knew what is stored. */
export type OfferedBatch = SentBatch | readonly [instanceId: string, batch: number, doubtful: true];

/** What a batch says of itself beside its rows. */
export interface BatchFacts {
  /** When it was made, in milliseconds since the epoch. */
  readonly atMs: number;
  /** What it adds to the live view. */
  readonly measured: Measured;
  /** What it takes back. */
  readonly retracted?: Retracted;
  /** What batches adds that were given up because the disk was full: to be added to the totals, and shown already. */
  readonly carried?: Measured;
  readonly sent: readonly SentBatch[];
  /** It counts once it is stored, and not at all if what was sent was stored before. */
  readonly doubtful?: true;
}

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
type PayloadHeader = BatchFacts & { readonly sections: readonly SectionHeader[] };

const LENGTH_BYTES = 4;
/** Beyond what JavaScript's dates can say. */
const TIME_MS_MAX = 8.64e15;
/** One for all: each for itself would grow its memory anew to half a megabyte. */
const encoder = new CopyEncoder();
/** What payloads made or read here say of themselves: a writer asks twice, for their rows and for their facts. */
const HEADERS = new WeakMap<Buffer, PayloadHeader>();
const NO_FACTS: BatchFacts = { atMs: 0, measured: [], sent: [] };

/**
 * Events as a batch's payload: a header of JSON with the facts and which columns of which tables there are, then the rows.
 * The payload says itself what it holds, so that a later version, whose tables have more columns, can still store what an
 * earlier one has left.
 */
export function encodeEvents(
  events: readonly NervecenterEvent[],
  facts: BatchFacts = NO_FACTS,
): EncodedEvents {
  const bySignal = groupedBySignal(events);
  const rejected: RejectedEvent[] = [];
  for (const [signal, unknown] of bySignal) {
    if (!Object.hasOwn(SIGNALS, signal))
      rejected.push(...unknown.map(() => ({ table: signal, error: null })));
  }
  if (encoder.length > 0) encoder.take(); // Of one that failed.
  const sections: SectionHeader[] = [];
  // Always in the same order of tables, so that two collectors cannot lock each other out.
  for (const name of SIGNAL_NAMES) {
    const ofSignal = bySignal.get(name);
    if (ofSignal === undefined) continue;
    const section = encodeSection(signalNamed(name), ofSignal, rejected);
    if (section.rows > 0 || section.retracted !== undefined) sections.push(section);
  }
  // What takes a row back counts as one.
  const rows = events.length - rejected.length;
  return { rows, payload: payloadOf({ ...facts, sections }, encoder.take()), rejected };
}

/** A payload of another sink, which says nothing of itself and has no rows for a table. */
export function payloadAround(content: Buffer): Buffer {
  return payloadOf({ ...NO_FACTS, sections: [] }, content);
}

/** What `payloadAround` was given. @throws RangeError when it is no payload. */
export function contentOf(payload: Buffer): Buffer {
  return payload.subarray(factsBytes(payload));
}

/** @throws Error when it is no payload. */
export function sectionsOf(payload: Buffer): Section[] {
  let at = factsBytes(payload);
  return headerOf(payload).sections.map(({ bytes, ...section }) => {
    const tuples = payload.subarray(at, at + bytes);
    at += bytes;
    return { ...section, tuples };
  });
}

export function offeredBatch(instanceId: string, batch: number, doubtful: boolean): OfferedBatch {
  return doubtful ? [instanceId, batch, true] : [instanceId, batch];
}

/** How much of a payload that begins with these bytes `factsOf` needs. */
export function factsBytes(payloadStart: Buffer): number {
  return LENGTH_BYTES + payloadStart.readUInt32BE(0);
}

/** The facts of a payload of which the header at least is there; none where it cannot be read. */
export function factsOf(payload: Buffer): BatchFacts {
  try {
    return headerOf(payload);
  } catch {
    return NO_FACTS;
  }
}

/** The payload, saying that it adds this to the totals as well. */
export function withCarried(payload: Buffer, carried: Measured): Buffer {
  return payloadOf({ ...headerOf(payload), carried }, payload.subarray(factsBytes(payload)));
}

function payloadOf(header: PayloadHeader, tuples: Buffer): Buffer {
  const bytes = Buffer.from(JSON.stringify(header));
  const length = Buffer.allocUnsafe(LENGTH_BYTES);
  length.writeUInt32BE(bytes.length);
  const payload = Buffer.concat([length, bytes, tuples]);
  HEADERS.set(payload, header);
  return payload;
}

/** Earlier versions wrote the list of sections only. */
function headerOf(payload: Buffer): PayloadHeader {
  const known = HEADERS.get(payload);
  if (known !== undefined) return known;
  const json = payload.toString('utf8', LENGTH_BYTES, factsBytes(payload));
  const header = JSON.parse(json) as PayloadHeader | readonly SectionHeader[];
  const read = 'sections' in header ? header : { ...NO_FACTS, sections: header };
  HEADERS.set(payload, read);
  return read;
}

/** By hand, because most often all are of one signal, and `Map.groupBy` asks for each of them. */
function groupedBySignal(events: readonly NervecenterEvent[]): Map<string, NervecenterEvent[]> {
  const groups = new Map<string, NervecenterEvent[]>();
  let last = '';
  let group: NervecenterEvent[] = [];
  for (const event of events) {
    const signal = String(event?.signal);
    if (signal !== last || groups.size === 0) {
      group = groups.get(signal) ?? [];
      groups.set(signal, group);
      last = signal;
    }
    group.push(event);
  }
  return groups;
}

function encodeSection(
  signal: Signal<NervecenterEvent>,
  events: readonly NervecenterEvent[],
  rejected: RejectedEvent[],
): SectionHeader {
  const start = encoder.length;
  const { told, retracted } = netOf(events);
  const minutes = new Set(retracted.map(minuteOf));
  let last = Number.NaN;
  let rows = 0;
  for (const event of told) {
    try {
      encoder.row(signal.columns, event);
      rows++;
      const minute = minuteOf(event);
      if (minute !== last) minutes.add(minute);
      last = minute;
    } catch (error) {
      rejected.push({ table: signal.table, error });
    }
  }
  const columns = signal.columns.map(({ name, type }) => [name, type] as const);
  const minutesMs = [...minutes].filter((minute) => Math.abs(minute) < TIME_MS_MAX);
  return {
    table: signal.table,
    columns,
    rows,
    minutesMs,
    ...(retracted.length > 0 && { retracted: retracted.map(({ id, timeMs }) => [id, timeMs] as const) }),
    bytes: encoder.length - start,
  };
}

const minuteOf = ({ timeMs }: NervecenterEvent): number => Math.floor(timeMs / MINUTE_MS) * MINUTE_MS;

/** What is left of events of one signal when each has taken back what it takes back, and what of before is to go. */
function netOf(events: readonly NervecenterEvent[]) {
  const retracted = events.filter((event) => event.retractsMs !== undefined);
  if (retracted.length === 0) return { told: events, retracted };
  const gone = new Set(retracted.map(({ id }) => id));
  const last = new Map<string, NervecenterEvent | null>();
  const told: NervecenterEvent[] = [];
  for (const event of events) {
    if (!gone.has(event.id)) told.push(event);
    else last.set(event.id, event.retractsMs === undefined ? event : null);
  }
  return { told: [...told, ...[...last.values()].filter((event) => event !== null)], retracted };
}

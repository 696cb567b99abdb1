import { type NervecenterEvent, ofSignals } from '../signals/index.ts';
import { type FieldKind, NAMES_MAX, SPAN_BYTES, TRACE_BYTES } from './layout.ts';
import type { RecordOutput } from './record-output.ts';

type Fields = Readonly<Record<string, unknown>>;

interface Layout {
  readonly names: readonly string[];
  readonly kinds: readonly FieldKind[];
}

const LAYOUTS = ofSignals(
  ({ record }): Layout => ({
    names: Object.keys(record),
    kinds: Object.values(record) as readonly FieldKind[],
  }),
);
/** Of the event that is being written, in the order in which it needs them. */
const numbers: number[] = [];

/** Writes an event of any signal. @returns false where it does not fit. */
export function writeEvent(records: RecordOutput, event: NervecenterEvent): boolean {
  const { names, kinds } = LAYOUTS[event.signal];
  const fields = event as unknown as Fields;
  numbers.length = 0;
  const signal = records.numberOf(event.signal);
  // No iterators: there may be thousands of events a second.
  for (let at = 0; at < kinds.length; at++) {
    const kind = kinds[at];
    if (kind === 'name') numbers.push(records.numberOf(fields[names[at] ?? '']));
    else if (kind === 'numbers') numberNames(records, fields[names[at] ?? '']);
  }
  records.open(signal);
  let used = 0;
  for (let at = 0; at < kinds.length; at++) {
    const kind = kinds[at];
    const value = fields[names[at] ?? ''];
    if (kind === 'name') records.name(numbers[used++]);
    else if (kind === 'numbers') used = writeNumbers(records, value, used);
    else writeField(records, kind, value);
  }
  return records.close();
}

function writeField(records: RecordOutput, kind: FieldKind | undefined, value: unknown): void {
  switch (kind) {
    case 'uuid':
      records.uuid(String(value));
      break;
    case 'trace':
      records.id(value, TRACE_BYTES);
      break;
    case 'span':
      records.id(value, SPAN_BYTES);
      break;
    case 'flag':
      records.flag(value);
      break;
    case 'text':
      records.text(value);
      break;
    case 'json':
      records.text(value === undefined ? undefined : JSON.stringify(value));
      break;
    default:
      records.number(value);
  }
}

function numberNames(records: RecordOutput, value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  for (const name in value) numbers.push(records.numberOf(name));
}

/** @param used how many of the event's names are written. @returns the same by then. */
function writeNumbers(records: RecordOutput, value: unknown, used: number): number {
  if (typeof value !== 'object' || value === null) {
    records.name(value === null ? NAMES_MAX : NAMES_MAX - 1);
    return used;
  }
  let count = 0;
  for (const _ in value) count++;
  records.name(count);
  let next = used;
  for (const name in value) {
    records.name(numbers[next++]);
    records.number((value as Fields)[name]);
  }
  return next;
}

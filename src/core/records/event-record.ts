import { type NervecenterEvent, ofSignals } from '../signals/index.ts';
import { type FieldKind, SPAN_BYTES, TRACE_BYTES } from './layout.ts';
import { numberNames, writeNumbers } from './numbers.ts';
import type { RecordOutput } from './record-output.ts';

type Fields = Readonly<Record<string, unknown>>;

interface Layout {
  readonly fields: readonly string[];
  readonly kinds: readonly FieldKind[];
}

const LAYOUTS = ofSignals(
  ({ record }): Layout => ({
    fields: Object.keys(record),
    kinds: Object.values(record) as readonly FieldKind[],
  }),
);
/** Of the names in the event that is being written, in the order in which it needs them. */
const names: number[] = [];

/** Writes an event of any signal. @returns false where it does not fit. */
export function writeEvent(records: RecordOutput, event: NervecenterEvent): boolean {
  const { fields, kinds } = LAYOUTS[event.signal];
  const values = event as unknown as Fields;
  let told = 0;
  let used = 0;
  const signal = records.numberOf(event.signal);
  // No iterators: there may be thousands of events a second.
  for (let at = 0; at < kinds.length; at++) {
    const kind = kinds[at];
    const value = values[fields[at] ?? ''];
    if (kind === 'name') names[told++] = records.numberOf(value);
    else if (kind === 'numbers') used = numberNames(records, value, used);
  }
  records.open(signal);
  told = 0;
  used = 0;
  for (let at = 0; at < kinds.length; at++) {
    const kind = kinds[at];
    const value = values[fields[at] ?? ''];
    if (kind === 'name') records.name(names[told++]);
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
      records.json(value);
      break;
    default:
      records.number(value);
  }
}

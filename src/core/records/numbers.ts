import { NAMES_MAX } from './layout.ts';
import type { RecordOutput } from './record-output.ts';

/** Of the names in the event that is being written, in the order in which it needs them. */
const numbers: number[] = [];

/**
 * Tells the names in a record of numbers before its event is written.
 *
 * @param used how many are told for other fields of the event.
 * @returns the same by then.
 */
export function numberNames(records: RecordOutput, value: unknown, used: number): number {
  if (typeof value !== 'object' || value === null) return used;
  let next = used;
  for (const name in value) numbers[next++] = records.numberOf(name);
  return next;
}

/** @param used as given to `numberNames`. @returns the same by then. */
export function writeNumbers(records: RecordOutput, value: unknown, used: number): number {
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
    records.number((value as Readonly<Record<string, unknown>>)[name]);
  }
  return next;
}

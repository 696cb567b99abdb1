import type { ColumnValue } from '../../core/signal.ts';

/** What a quoted element must escape; everything else Postgres takes as it is. */
const ESCAPED = /["\\]/g;

/**
 * Values as a Postgres array literal (`{"a",NULL,1.5}`), the text form of any array parameter. The driver can serialise a
 * JS array too, at one and a half times the CPU.
 *
 * Text is always quoted, so that a value spelled NULL, an empty one or one with a comma stays text.
 */
export function arrayLiteral(values: readonly ColumnValue[]): string {
  let literal = '{';
  for (const [index, value] of values.entries()) {
    if (index > 0) literal += ',';
    literal += element(value);
  }
  return `${literal}}`;
}

function element(value: ColumnValue): string {
  if (value === null) return 'NULL';
  if (typeof value !== 'string') return String(value);
  return `"${value.replace(ESCAPED, '\\$&')}"`;
}

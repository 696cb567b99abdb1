import { SIGNALS } from '../../../../core/signals/index.ts';
import { MINUTE_MS, SECOND_MS } from '../../../../core/units.ts';
import type { Section } from '../spool/batch.ts';

const FIELD_COUNT_BYTES = 2;
const LENGTH_BYTES = 4;
const TIMESTAMP_BYTES = 8;
/** Binary timestamps are microseconds since the year 2000. */
const EPOCH_MS = Date.UTC(2000, 0, 1);
const MINUTE_US = BigInt(MINUTE_MS) * 1000n;
/** The years of JavaScript's dates; the infinities lie beyond. */
const BELIEVED_US = 8_000_000_000_000_000_000n;

/** The minute that a row `r` is in, in SQL. */
export const TOUCHED_MINUTE = `date_bin('1 minute', r.timestamp, 'epoch'::timestamptz)`;

const SIGNAL_OF = new Map<string, string>(Object.values(SIGNALS).map(({ table, name }) => [table, name]));

/**
 * The statement that marks the minutes of some batches for the rollups, each once per signal, to be run in the transaction
 * of their rows; empty when there is nothing to mark. It holds nothing but our own names and numbers.
 */
export function markStatement(sections: readonly Section[]): string {
  const minutesOf = new Map<string, Set<number>>();
  for (const section of sections) {
    const signal = SIGNAL_OF.get(section.table);
    if (signal === undefined) continue;
    const minutes = minutesOf.get(signal) ?? new Set();
    for (const minute of touchedMinutes(section)) minutes.add(minute);
    if (minutes.size > 0) minutesOf.set(signal, minutes);
  }
  if (minutesOf.size === 0) return '';
  const marks = [...minutesOf].map(([signal, minutes]) => {
    const times = [...minutes].map((minute) => `to_timestamp(${minute / SECOND_MS})`);
    return `('${signal}', ARRAY[${times.join(', ')}])`;
  });
  return `INSERT INTO enterprise.nervecenter_rollup_pending (signal, minutes) VALUES ${marks.join(', ')}; `;
}

/** Beginnings of the minutes that rows of a section are in, each once. What cannot be read has no row either. */
export function touchedMinutes({ columns, tuples }: Pick<Section, 'columns' | 'tuples'>): number[] {
  const column = columns.findIndex(([name]) => name === 'timestamp');
  const minutes = new Set<bigint>();
  try {
    for (let at = 0; at < tuples.length; ) {
      const fields = tuples.readInt16BE(at);
      at += FIELD_COUNT_BYTES;
      for (let field = 0; field < fields; field++) {
        const length = tuples.readInt32BE(at);
        at += LENGTH_BYTES;
        if (field === column && length === TIMESTAMP_BYTES)
          minutes.add(tuples.readBigInt64BE(at) / MINUTE_US);
        at += Math.max(0, length);
      }
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  return [...minutes]
    .filter((minute) => minute > -BELIEVED_US / MINUTE_US && minute < BELIEVED_US / MINUTE_US)
    .map((minute) => EPOCH_MS + Number(minute) * MINUTE_MS);
}

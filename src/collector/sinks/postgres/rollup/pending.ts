import { SIGNALS } from '../../../../core/signals/index.ts';
import { SECOND_MS } from '../../../../core/units.ts';
import type { Section } from '../spool/batch.ts';

/** The minute that a row `r` is in, in SQL. */
export const TOUCHED_MINUTE = `date_bin('1 minute', r.timestamp, 'epoch'::timestamptz)`;

const SIGNAL_OF = new Map<string, string>(Object.values(SIGNALS).map(({ table, name }) => [table, name]));

/**
 * The statement that marks the minutes of some batches for the rollups, each once per signal, to be run in the transaction
 * of their rows; empty when there is nothing to mark. It holds nothing but our own names and numbers.
 */
export function markStatement(sections: readonly Pick<Section, 'table' | 'minutesMs'>[]): string {
  const minutesOf = new Map<string, Set<number>>();
  for (const { table, minutesMs = [] } of sections) {
    const signal = SIGNAL_OF.get(table);
    if (signal === undefined || minutesMs.length === 0) continue;
    minutesOf.set(signal, new Set([...(minutesOf.get(signal) ?? []), ...minutesMs]));
  }
  if (minutesOf.size === 0) return '';
  const marks = [...minutesOf].map(([signal, minutes]) => {
    const times = [...minutes].map((minute) => `to_timestamp(${Number(minute) / SECOND_MS})`);
    return `('${signal}', ARRAY[${times.join(', ')}])`;
  });
  return `INSERT INTO enterprise.nervecenter_rollup_pending (signal, minutes) VALUES ${marks.join(', ')}; `;
}

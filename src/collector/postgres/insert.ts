import type { NervecenterEvent, SignalName } from '../../core/event.ts';
import { toRow } from '../../core/row.ts';
import type { ColumnValue, Signal } from '../../core/signal.ts';
import { SIGNALS } from '../../core/signals/index.ts';
import { arrayLiteral } from './array-literal.ts';

/** The events of one batch that go into one table, as the parameters of one statement. */
export interface Insert {
  readonly table: string;
  readonly text: string;
  /** One array literal per column. */
  readonly values: readonly string[];
}

const STATEMENTS: ReadonlyMap<string, string> = new Map(
  Object.values(SIGNALS).map((signal) => [signal.name, insertStatement(signal as unknown as Signal)]),
);

/**
 * One statement per table for every batch size: the rows arrive as one array per column. A row that is already there is
 * left alone, so a batch whose outcome is unknown may be sent again. No conflict target, because the primary key of a
 * partitioned table has other columns than the spec's.
 */
export function insertStatement(signal: Signal): string {
  const names = signal.columns.map(({ name }) => `"${name}"`).join(', ');
  const arrays = signal.columns.map(({ type }, index) => `$${index + 1}::${type}[]`).join(', ');
  return (
    `INSERT INTO enterprise.${signal.table} (${names}) ` +
    `SELECT * FROM unnest(${arrays}) ON CONFLICT DO NOTHING`
  );
}

/**
 * The statements that store these events, one per table, always in the same order of tables.
 *
 * @throws RangeError when an event has no row at all, for example a time outside the calendar or an unknown signal.
 */
export function insertsOf(events: readonly NervecenterEvent[]): Insert[] {
  for (const { signal } of events) {
    if (!Object.hasOwn(SIGNALS, signal)) throw new RangeError(`no such signal: ${signal}`);
  }
  const bySignal = Map.groupBy(events, ({ signal }) => signal);
  return (Object.keys(SIGNALS) as SignalName[]).flatMap((name) => {
    const signal = SIGNALS[name] as unknown as Signal;
    const rows = bySignal.get(name)?.map((event) => toRow(signal, event));
    return rows === undefined ? [] : [insertOf(signal, rows)];
  });
}

function insertOf(signal: Signal, rows: readonly ColumnValue[][]): Insert {
  return {
    table: signal.table,
    text: STATEMENTS.get(signal.name) ?? insertStatement(signal),
    values: signal.columns.map((_, index) => arrayLiteral(rows.map((row) => row[index] ?? null))),
  };
}

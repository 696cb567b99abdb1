import { countOf } from '../../../../core/signals/facts.ts';
import { ofSignals, type SignalName } from '../../../../core/signals/index.ts';
import type { HistoryField } from '../../../../core/signals/signal.ts';

/** Where a distribution comes from: an expression over the row `r`, and what else is joined to it. */
export interface FieldShape extends Pick<HistoryField, 'onlyWithValue' | 'rolledBy' | 'hourlyBy'> {
  readonly value: string;
  /** Appended to the FROM clause. */
  readonly join?: string;
}

/**
 * The row of `rollup_day` (as `open`, of the signal `$1`) whose bucket tells until when the day that is not over is rolled
 * up. It counts only while that is the hour watermark: one that was set back, or moved on by a version that knows no such
 * day, says that the day is not to be read.
 */
export const OPEN_DAY = `open.signal = $1 AND open.field = '' AND open.dimension = '' AND open.value = ''`;

/** How a signal's rows are read: SQL expressions over the row `r`. None of it ever comes from outside. */
export interface RowShape {
  readonly table: string;
  readonly fields: Readonly<Record<string, FieldShape>>;
  readonly dimensions: Readonly<Record<string, string>>;
  /** What adds up, by name. */
  readonly sums: Readonly<Record<string, string>>;
}

export const SHAPES: Readonly<Record<SignalName, RowShape>> = ofSignals(({ table, history }) => ({
  table: `enterprise.${table}`,
  fields: Object.fromEntries(Object.entries(history.fields).map(([name, field]) => [name, shapeOf(field)])),
  dimensions: history.dimensions,
  sums: Object.fromEntries(
    Object.entries(history.sums).map(([name, sum]) => [name, typeof sum === 'string' ? sum : countOf(sum)]),
  ),
}));

function shapeOf({ value, ...field }: HistoryField): FieldShape {
  if ('column' in value) return { ...field, value: `r.${value.column}` };
  const { sql, join } = value;
  return { ...field, value: sql, ...(join === undefined ? {} : { join }) };
}

import { countOf } from '../../../../core/signals/facts.ts';
import { ofSignals, type SignalName } from '../../../../core/signals/index.ts';
import type { HistoryField } from '../../../../core/signals/signal.ts';

/** Where a distribution comes from: an expression over the row `r`, and what else is joined to it. */
export interface FieldShape extends Pick<HistoryField, 'onlyWithValue' | 'rolledBy' | 'hourlyBy'> {
  readonly value: string;
  /** Appended to the FROM clause. */
  readonly join?: string;
}

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

/** A distribution, and one dimension of it, none (''), or two: how rows are told apart in a rollup. */
export interface Kind {
  readonly field: string;
  readonly dimension: string;
  /** '' where there is one at most. */
  readonly second: string;
}

/** By hour and day, and with histograms: any two of the dimensions that a field is rolled up by, in their order. */
export function pairsOf({ rolledBy }: Pick<FieldShape, 'rolledBy'>): [string, string][] {
  return rolledBy.flatMap((first, at) =>
    rolledBy.slice(at + 1).map((second): [string, string] => [first, second]),
  );
}

/** Every kind that a signal is rolled up by. */
export function kindsOf(signal: SignalName): Kind[] {
  return Object.entries(SHAPES[signal].fields).flatMap(([field, shape]) => [
    ...['', ...shape.rolledBy, ...(shape.hourlyBy ?? [])].map((dimension) => ({
      field,
      dimension,
      second: '',
    })),
    ...pairsOf(shape).map(([dimension, second]) => ({ field, dimension, second })),
  ]);
}

/** The kind that answers about some dimensions; `null`: no rollup does. */
export function kindFor(signal: SignalName, field: string, asked: readonly string[]): Kind | null {
  const [only = '', other] = asked;
  const found = kindsOf(signal).find(
    (kind) =>
      kind.field === field &&
      (other === undefined
        ? kind.dimension === only && kind.second === ''
        : asked.length === 2 && asked.includes(kind.dimension) && asked.includes(kind.second)),
  );
  return found ?? null;
}

import type { Column } from './signal.ts';

/**
 * A yes or no about one row, over its columns. It is stated once, as data: the live view asks it of an event by way of the
 * event's columns, history in SQL, the dashboard of the rows it is sent. A column that is `null` has no value to be equal to.
 */
export type Fact =
  | { readonly column: string; readonly is: Literal }
  | { readonly column: string; readonly isAtLeast: number }
  /** In any case of letters; the words are in lower case. */
  | { readonly column: string; readonly isWordOf: readonly string[] }
  | { readonly present: string }
  | { readonly anyOf: readonly Fact[] }
  | { readonly allOf: readonly Fact[] }
  | { readonly not: Fact };

type Literal = string | number | boolean;

export function equals(column: string, is: Literal): Fact {
  return { column, is };
}

export function isAtLeast(column: string, least: number): Fact {
  return { column, isAtLeast: least };
}

export function isWordOf(column: string, words: readonly string[]): Fact {
  return { column, isWordOf: words };
}

export function isPresent(column: string): Fact {
  return { present: column };
}

export function anyOf(...facts: readonly Fact[]): Fact {
  return { anyOf: facts };
}

export function allOf(...facts: readonly Fact[]): Fact {
  return { allOf: facts };
}

export function not(fact: Fact): Fact {
  return { not: fact };
}

/** Whether a fact holds of a row, told by its columns. */
export function holds(fact: Fact, valueIn: (column: string) => unknown): boolean {
  if ('anyOf' in fact) return fact.anyOf.some((one) => holds(one, valueIn));
  if ('allOf' in fact) return fact.allOf.every((one) => holds(one, valueIn));
  if ('not' in fact) return !holds(fact.not, valueIn);
  return holdsOf(fact, valueIn(columnOf(fact)));
}

type Leaf = Exclude<
  Fact,
  { readonly anyOf: unknown } | { readonly allOf: unknown } | { readonly not: unknown }
>;

function columnOf(fact: Leaf): string {
  return 'present' in fact ? fact.present : fact.column;
}

/** Whether a fact about one column holds of its value. */
function holdsOf(fact: Leaf, value: unknown): boolean {
  if ('present' in fact) return (value ?? null) !== null;
  if ('is' in fact) return value === fact.is;
  if ('isAtLeast' in fact) return typeof value === 'number' && value >= fact.isAtLeast;
  return typeof value === 'string' && fact.isWordOf.includes(value.toLowerCase());
}

/** The same of an event, by the columns it is stored in. */
export function asked<E>(fact: Fact, columns: readonly Column<E>[]): (event: E) => boolean {
  const values = new Map(columns.map(({ name, value }) => [name, value]));
  return compiled(fact, (column) => values.get(column) ?? (() => null));
}

/** `holds` for a fact that is asked of every event: taken apart once. */
function compiled<E>(fact: Fact, cellOf: (column: string) => (event: E) => unknown): (event: E) => boolean {
  if ('anyOf' in fact) {
    const parts = fact.anyOf.map((one) => compiled(one, cellOf));
    return (event) => parts.some((part) => part(event));
  }
  if ('allOf' in fact) {
    const parts = fact.allOf.map((one) => compiled(one, cellOf));
    return (event) => parts.every((part) => part(event));
  }
  if ('not' in fact) {
    const part = compiled(fact.not, cellOf);
    return (event) => !part(event);
  }
  const cell = cellOf(columnOf(fact));
  return (event) => holdsOf(fact, cell(event));
}

/** The same in SQL over the row `r`: true or false, never `NULL`. */
export function toSql(fact: Fact): string {
  if ('anyOf' in fact) return `(${fact.anyOf.map(toSql).join(' OR ')})`;
  if ('allOf' in fact) return `(${fact.allOf.map(toSql).join(' AND ')})`;
  if ('not' in fact) return `(NOT ${toSql(fact.not)})`;
  if ('present' in fact) return `(r.${fact.present} IS NOT NULL)`;
  if ('is' in fact) return `(r.${fact.column} IS NOT DISTINCT FROM ${literal(fact.is)})`;
  if ('isAtLeast' in fact) return `coalesce(r.${fact.column} >= ${fact.isAtLeast}, false)`;
  return `coalesce(lower(r.${fact.column}) IN (${fact.isWordOf.map(literal).join(', ')}), false)`;
}

/** What adds up to the number of rows a fact holds of, in SQL. */
export function countOf(fact: Fact): string {
  return `CASE WHEN ${toSql(fact)} THEN 1 ELSE 0 END`;
}

function literal(value: Literal): string {
  return typeof value === 'string' ? `'${value.replaceAll("'", "''")}'` : String(value);
}

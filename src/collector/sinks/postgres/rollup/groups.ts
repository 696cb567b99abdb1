import type { PoolClient } from 'pg';
import { merged } from '../../../../core/history/packed.ts';
import { TABLES, type Tier } from './cover.ts';

/** How many are read, and written, at once: memory is bounded by it. */
const BATCH = 2000;
const HEX = '\\x';

/** One row of a rollup, as text; `null` where there is nothing. */
export interface Group {
  readonly kind: number;
  /** Seconds since the epoch. */
  readonly bucket: string;
  readonly valueId: number;
  /** `count`, `sum`, `min`, `max`, `histogram` and the sums, as Postgres writes them. */
  readonly figures: readonly (string | null)[];
}

type Line = readonly (string | null)[];

export interface Source {
  readonly text: string;
  readonly values: readonly unknown[];
}

/**
 * Reads the rows of a query batch by batch, as text, and hands each batch over. To be called within a transaction, and one at
 * a time.
 */
export async function inBatches(
  client: PoolClient,
  { text, values }: Source,
  work: (lines: readonly Line[]) => Promise<void>,
): Promise<void> {
  await client.query(`DECLARE rolled NO SCROLL CURSOR FOR ${text}`, [...values]);
  for (;;) {
    const { rows } = await client.query<(string | null)[]>({
      text: `FETCH ${BATCH} FROM rolled`,
      rowMode: 'array',
      types: { getTypeParser: () => (value: string) => value },
    });
    if (rows.length > 0) await work(rows);
    if (rows.length < BATCH) break;
  }
  await client.query('CLOSE rolled');
}

/** Stores groups, their histograms in the fewest bytes. @param places the columns of the sums. */
export async function insertGroups(
  client: PoolClient,
  { tier, places }: { readonly tier: Tier; readonly places: readonly number[] },
  unsorted: readonly Group[],
): Promise<void> {
  const groups = unsorted.toSorted(byKey);
  const columns = ['count', 'sum', 'min', 'max', 'histogram', ...places.map((place) => `sum_${place}`)];
  const types = ['bigint', 'float8', 'float8', 'float8', 'text', ...places.map(() => 'numeric')];
  const figures = columns.map((column, at) => {
    const of = writer(column);
    return literal(groups.map(({ figures: own }) => of(own[at] ?? null)));
  });
  await client.query(
    `INSERT INTO enterprise.${TABLES[tier]} (kind, bucket, value_id, ${columns.join(', ')})
     SELECT kind, to_timestamp(seconds), value_id, ${columns.map((column) => (column === 'histogram' ? `decode(histogram, 'hex')` : column)).join(', ')}
     FROM unnest($1::smallint[], $2::float8[], $3::integer[], ${types.map((type, at) => `$${at + 4}::${type}[]`).join(', ')})
       AS groups(kind, seconds, value_id, ${columns.join(', ')})`,
    [
      literal(groups.map(({ kind }) => kind)),
      literal(groups.map(({ bucket }) => bucket)),
      literal(groups.map(({ valueId }) => valueId)),
      ...figures,
    ],
  );
}

function byKey(a: Group, b: Group): number {
  return a.kind - b.kind || Number(a.bucket) - Number(b.bucket) || a.valueId - b.valueId;
}

function writer(column: string): (value: string | null) => string | null {
  if (column === 'histogram') return (value) => (value === null ? null : mergedHex(value));
  // No room is taken by a sum of nothing.
  if (column.startsWith('sum_')) return (value) => (value === null || Number(value) === 0 ? null : value);
  return (value) => value;
}

function mergedHex(histogram: string): string {
  const bytes = Buffer.from(histogram.slice(HEX.length), 'hex');
  const { buffer, byteOffset, byteLength } = merged(bytes);
  return Buffer.from(buffer, byteOffset, byteLength).toString('hex');
}

/** Of numbers and hexadecimal digits, which need no quotes. */
function literal(values: readonly (string | number | null)[]): string {
  return `{${values.map((value) => value ?? 'NULL').join(',')}}`;
}

import { BUCKETS_PER_DOUBLING } from '../../../../core/histogram.ts';
import { BUCKET_MAX, BUCKET_MIN, tokenOf, ZERO_BUCKET } from '../../../../core/history/packed.ts';
import type { FieldShape, RowShape } from './shape.ts';

/** What rows are added up to, whoever asks. */
export interface AggregateOptions {
  /** Expression of the bucket over the row `r`. */
  readonly bucket: string;
  /** Expressions over `r`. */
  readonly dimensions: readonly string[];
  /** Rows are counted under each of them: places in `dimensions`. */
  readonly sets: readonly (readonly number[])[];
  /** Names of the sums wanted. */
  readonly sums: readonly string[];
  /** `long`: two bytes for each row, which is quick; `packed`: of a bounded length, whatever rows there are. */
  readonly histogram: 'none' | 'long' | 'packed';
  /** Add up per tuple of all dimensions first: quicker where a bucket has many more rows than tuples. @default false */
  readonly tupled?: boolean;
  /** FROM clause that binds `r`, and the condition on it. */
  readonly from: string;
  readonly where: string;
}

/**
 * Bucket of a positive value by `bucketIndex` of core/histogram.ts. Postgres has no log2 of a double, and ln(x)/ln(2) of a
 * power of two may come out a hair above the whole number, which would put it into the next bucket; the 1e-11 taken off
 * move a boundary by less than a millionth of a millionth.
 */
const BUCKET_INDEX = `least(greatest(ceil(ln(v) * ${BUCKETS_PER_DOUBLING / Math.LN2} - 1e-11) - 1, ${BUCKET_MIN}), ${BUCKET_MAX})`;
const [FIRST, PER_BUCKET] = [tokenOf(0), tokenOf(1) - tokenOf(0)];
/** `tokenOf` of core/history/packed.ts for the value `v`. */
const TOKEN = `CASE WHEN v > 0 THEN (${BUCKET_INDEX} * ${PER_BUCKET} + ${FIRST})::int2 WHEN v <= 0 THEN (${tokenOf(ZERO_BUCKET)})::int2 END`;
/** Octal digits of a count of rows. */
const DIGITS = Array.from({ length: 11 }, (_, exponent) => exponent);
const PACKED = DIGITS.map(
  (e) =>
    `CASE WHEN (n >> ${3 * e}) & 7 > 0 THEN int2send((token - 1 + ${8 * e} + ((n >> ${3 * e}) & 7))::int2) ELSE '' END`,
).join(' || ');

/**
 * Rows added up per bucket and set: `of` (which set, see `setOf`), `bucket`, `d0`… (the dimensions, '' for none, `NULL` for those
 * that are not of the set), `count`, `sum`, `min`, `max`, `histogram`, `s0`… (the sums). Each row is read once.
 */
export function aggregateRows(shape: RowShape, field: FieldShape, options: AggregateOptions): string {
  const { dimensions, sets, sums, histogram } = options;
  const names = dimensions.map((_, at) => `d${at}`);
  const summed = sums.map((_, at) => `s${at}`);
  const by = sets.map((set) => `(${['bucket', ...set.map((at) => `d${at}`)].join(', ')})`);
  const of = names.length === 0 ? '0' : `grouping(${names.join(', ')})`;
  const head = ['bucket', ...names].join(', ');
  const read = readSql(shape, field, options);
  const added = (columns: readonly string[]) =>
    columns.map((column) => `, sum(${column}) AS ${column}`).join('');
  const bySets = `GROUP BY GROUPING SETS (${by.join(', ')})`;
  if (histogram !== 'packed') {
    const long = histogram === 'none' ? 'NULL::bytea' : `string_agg(int2send(token), ''::bytea)`;
    const figures = `count(*) AS count, sum(v) AS sum, min(v) AS min, max(v) AS max, ${long} AS histogram${added(summed)}`;
    if (!options.tupled) return `SELECT ${of} AS of, ${head}, ${figures} FROM (${read}) AS read ${bySets}`;
    return `
    SELECT ${of} AS of, ${head}, sum(count)::bigint AS count, sum(sum) AS sum, min(min) AS min, max(max) AS max,
      string_agg(histogram, ''::bytea) AS histogram${added(summed)}
    FROM (SELECT ${head}, ${figures} FROM (${read}) AS read GROUP BY ${head}) AS tuples ${bySets}`;
  }
  const cells = by.map((set) => set.replace('(', '(token, '));
  return `
    SELECT of, ${head}, sum(n)::bigint AS count, sum(v) AS sum, min(low) AS min, max(high) AS max,
      string_agg(${PACKED}, ''::bytea) FILTER (WHERE token IS NOT NULL) AS histogram${added(summed)}
    FROM (
      SELECT ${of} AS of, ${head}, token, count(*) AS n, sum(v) AS v, min(v) AS low, max(v) AS high${added(summed)}
      FROM (${read}) AS read GROUP BY GROUPING SETS (${cells.join(', ')})
    ) AS cells GROUP BY ${['of', 'bucket', ...names].join(', ')}`;
}

/** What `of` is for a set of so many dimensions. */
export function setOf(set: readonly number[], dimensions: number): number {
  return set.reduce((left, at) => left - 2 ** (dimensions - 1 - at), 2 ** dimensions - 1);
}

/** Everything that is wanted of a row, once: OFFSET 0 keeps Postgres from working it out wherever it is named. */
function readSql(shape: RowShape, field: FieldShape, options: AggregateOptions): string {
  const { bucket, dimensions, sums, histogram, from, where } = options;
  const named = dimensions
    .map((expression, at) => `coalesce((${expression})::text, '') AS d${at}, `)
    .join('');
  const evaluated = sums.map((name, at) => `, ${shape.sums[name] ?? 'NULL::numeric'} AS s${at}`).join('');
  // NaN and the infinities are counted as rows and left out of the distribution: one of them would spoil every sum.
  const rows = `
      SELECT ${bucket} AS bucket, ${named}CASE WHEN x > '-Infinity' AND x < 'Infinity' THEN x END AS v${evaluated}
      FROM ${from} ${field.join ?? ''}
      CROSS JOIN LATERAL (SELECT (${field.value})::float8 AS x) AS field
      WHERE ${where}${field.onlyWithValue ? ' AND x IS NOT NULL' : ''} OFFSET 0`;
  return histogram === 'none' ? rows : `SELECT *, ${TOKEN} AS token FROM (${rows}) AS valued OFFSET 0`;
}

/**
 * Rollups as rollups of a coarser unit: `kind`, `bucket`, `value_id`, `count`, `sum`, `min`, `max`, `histogram` (put one behind
 * the other), `s0`… (the sums of `places`). `$1` kinds, `$2` and `$3` arrays of the spans' beginnings and ends (whole units):
 * the primary key leads straight to the finer ones.
 */
export function aggregateRollups(from: string, unit: string, places: readonly number[]): string {
  const sums = places.map((place, at) => `, sum(sum_${place}) AS s${at}`).join('');
  return `
    SELECT kind, date_bin('${unit}', bucket, 'epoch'::timestamptz) AS bucket, value_id, sum(count)::bigint AS count, sum(sum) AS sum,
      min(min) AS min, max(max) AS max, string_agg(histogram, ''::bytea) AS histogram${sums}
    FROM unnest($2::timestamptz[], $3::timestamptz[]) AS spans(starts, ends)
    CROSS JOIN unnest($1::smallint[]) AS wanted
    CROSS JOIN LATERAL (
      SELECT * FROM enterprise.${from}
      WHERE kind = wanted AND bucket >= spans.starts AND bucket < spans.ends OFFSET 0
    ) AS finer
    GROUP BY 1, 2, 3`;
}

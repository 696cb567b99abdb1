import { BUCKETS_PER_DOUBLING } from '../../../../core/histogram.ts';
import { BUCKET_MAX, BUCKET_MIN, ZERO_BUCKET } from '../../../../core/history/packed.ts';
import type { Tier } from './cover.ts';
import type { FieldShape, RowShape } from './shape.ts';

/** The columns of a rollup row, whichever source it was aggregated from. */
export interface AggregateOptions {
  /** Expression of the bucket over the row `r`. */
  readonly bucket: string;
  /** A row is counted under each of them: name (an SQL literal) and value (an expression over `r`). */
  readonly dimensions: readonly { readonly name: string; readonly value: string }[];
  /** Names of the sums wanted. */
  readonly sums: readonly string[];
  readonly histogram: boolean;
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
const CELL_INDEX = `CASE WHEN v > 0 THEN ${BUCKET_INDEX}::int2 WHEN v <= 0 THEN (${ZERO_BUCKET})::int2 END`;
export const PACK = `string_agg(int2send(index) || int4send(n::int4), ''::bytea ORDER BY index) FILTER (WHERE index IS NOT NULL)`;

const ADDED_CELLS = `sum(n)::bigint AS count, sum(total) AS sum, min(low) AS min, max(high) AS max, ${PACK} AS histogram`;
const ONLY_CELL = 'n AS count, total AS sum, low AS min, high AS max, NULL::bytea AS histogram';

/**
 * Rows as rollup rows: `bucket, dimension, value, count, sum, min, max, histogram, sums`. First into cells of one histogram
 * bucket each, then the cells together, so that no row is looked at twice; without histograms the cells are all there is.
 */
export function aggregateRows(shape: RowShape, field: FieldShape, options: AggregateOptions): string {
  const { bucket, dimensions, sums, histogram, from, where } = options;
  const expressions = sums.map((name) => shape.sums[name] ?? 'NULL');
  const under = dimensions.map(({ name, value }) => `('${name}', ${value})`).join(', ');
  const index = histogram ? CELL_INDEX : 'NULL::int2';
  const cells = expressions.map((_, at) => `, sum(e${at}) AS s${at}`).join('');
  const evaluated = expressions.map((expression, at) => `, ${expression} AS e${at}`).join('');
  // NaN and the infinities are counted as rows and left out of the distribution: one of them would spoil every sum.
  return `
    SELECT bucket, dimension, value, ${histogram ? ADDED_CELLS : ONLY_CELL}, ${sumsObject(sums, histogram)} AS sums
    FROM (
      SELECT bucket, dimension, coalesce(value, '') AS value, ${index} AS index, count(*) AS n,
        sum(v) AS total, min(v) AS low, max(v) AS high${cells}
      FROM (
        SELECT ${bucket} AS bucket, under.dimension, under.value::text AS value,
          CASE WHEN x > '-Infinity' AND x < 'Infinity' THEN x END AS v${evaluated}
        FROM ${from} ${field.join ?? ''}
        CROSS JOIN LATERAL (SELECT (${field.value})::float8 AS x) AS field
        CROSS JOIN LATERAL (VALUES ${under}) AS under(dimension, value)
        WHERE ${where}${field.onlyWithValue ? ' AND x IS NOT NULL' : ''}
      ) AS read
      GROUP BY 1, 2, 3, 4
    ) AS cells
    ${histogram ? 'GROUP BY 1, 2, 3' : ''}`;
}

function sumsObject(sums: readonly string[], ofCells: boolean): string {
  if (sums.length === 0) return 'NULL::jsonb';
  return `jsonb_build_object(${sums.map((name, at) => `'${name}', ${ofCells ? `sum(s${at})` : `s${at}`}`).join(', ')})`;
}

/**
 * Rollups as rollups of a coarser unit. `$1` signal, `$2` and `$3` arrays of the spans' beginnings and ends (whole units),
 * `$4` and `$5` its fields and dimensions: with them the primary key leads straight to the finer ones.
 */
export function aggregateRollups({
  from,
  unit,
  sums,
}: {
  readonly from: Tier;
  readonly unit: '1 hour' | '1 day';
  readonly sums: readonly string[];
}): string {
  const added =
    sums.length === 0
      ? 'NULL::jsonb'
      : `CASE WHEN count(m.sums) > 0 THEN jsonb_build_object(${sums
          .map((name) => `'${name}', sum((m.sums->>'${name}')::numeric)`)
          .join(', ')}) END`;
  return `
    WITH finer AS MATERIALIZED (
      SELECT m.*, date_bin('${unit}', m.bucket, 'epoch'::timestamptz) AS unit
      FROM unnest($2::timestamptz[], $3::timestamptz[]) AS spans(starts, ends)
      CROSS JOIN LATERAL (
        SELECT * FROM enterprise.${from}
        WHERE signal = $1 AND field = ANY ($4::text[]) AND dimension = ANY ($5::text[])
          AND bucket >= spans.starts AND bucket < spans.ends
        OFFSET 0
      ) AS m
    ), totals AS (
      SELECT field, dimension, unit, value, sum(count)::bigint AS count, sum(sum) AS sum, min(min) AS min, max(max) AS max,
        ${added} AS sums
      FROM finer m GROUP BY 1, 2, 3, 4
    ), cells AS (
      SELECT field, dimension, unit, value, index, sum(n) AS n FROM (
        SELECT field, dimension, unit, value,
          ((((get_byte(histogram, at) << 8) | get_byte(histogram, at + 1)) + 32768) % 65536 - 32768)::int2 AS index,
          ((get_byte(histogram, at + 2) << 24) | (get_byte(histogram, at + 3) << 16)
            | (get_byte(histogram, at + 4) << 8) | get_byte(histogram, at + 5)) AS n
        FROM finer CROSS JOIN LATERAL generate_series(0, length(histogram) - 6, 6) AS at
        WHERE histogram IS NOT NULL
      ) AS pairs GROUP BY 1, 2, 3, 4, 5
    ), packed AS (
      SELECT field, dimension, unit, value, ${PACK} AS histogram FROM cells GROUP BY 1, 2, 3, 4
    )
    SELECT $1::text, field, dimension, unit, value, count, sum, min, max, histogram, sums
    FROM totals LEFT JOIN packed USING (field, dimension, unit, value)`;
}

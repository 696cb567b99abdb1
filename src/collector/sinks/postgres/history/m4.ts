import type { Dimension } from '../../../../core/history/measures.ts';
import type { HistoryAnswer, HistoryQuery, HistorySeries } from '../../../../core/history/query.ts';
import { type Stretch, TABLES, TIERS, type Tier } from '../rollup/cover.ts';
import { SHAPES } from '../rollup/shape.ts';
import { type Cell, groupNamed, groupsOf, headOf, type Told } from './answer.ts';
import type { Rolled } from './rolled.ts';
import { filteredSql, GROUPS_MAX, OTHER, type Parameters, spansSql, valueSql } from './sql.ts';

/** What a bucket of one group looks like when it is drawn; all times in milliseconds since the epoch. */
export interface M4Cell extends Pick<Cell, 'at' | 'value' | 'other'> {
  /** Time and value. */
  readonly first: readonly [number, number];
  readonly last: readonly [number, number];
  /** Value and time. */
  readonly low: readonly [number, number];
  readonly high: readonly [number, number];
}

interface Part {
  readonly query: HistoryQuery;
  readonly parameters: Parameters;
  readonly boundaries: string;
  readonly stretches: readonly Stretch[];
}

/**
 * M4 (Jugel et al., VLDB 2014): of each bucket the first, lowest, highest and last value, which draw the same line as all of them
 * where a bucket is a column of pixels. A rollup stands for its time with its own lowest and highest, so no spike is lost; its
 * mean stands in for its first and last.
 */
export function m4Sql(
  query: HistoryQuery,
  stretches: readonly Stretch[],
  rolled: Rolled | null,
): { text: string; values: unknown[] } {
  const values: unknown[] = [];
  const parameters: Parameters = { values, add: (value) => `$${values.push(value)}` };
  const boundaries = `${parameters.add(query.buckets.boundariesMs.map((at) => new Date(at)))}::timestamptz[]`;
  const partOf = (wanted: Stretch['source'], sql: (part: Part) => string) => {
    const own = stretches.filter(({ source }) => source === wanted);
    return own.length === 0 ? [] : [sql({ query, parameters, boundaries, stretches: own })];
  };
  const parts = [
    ...TIERS.flatMap(({ source, unitMs }) =>
      rolled === null ? [] : partOf(source, (part) => rolledSql({ source, unitMs }, rolled, part)),
    ),
    ...partOf('rows', rowsSql),
  ];
  const all = parts.join(' UNION ALL ');
  return { text: query.groupBy === null ? extremesSql(all) : groupedSql(all), values };
}

function rowsSql({ query, parameters, boundaries, stretches }: Part): string {
  const { signal, measure, groupBy, filters } = query;
  const { table, dimensions, fields } = SHAPES[signal];
  const conditions = Object.entries(filters).map(
    ([name, value]) => `coalesce((${dimensions[name as Dimension]})::text, '') = ${parameters.add(value)}`,
  );
  const spans = spansSql(parameters, 'r.timestamp', stretches);
  const value = groupBy === null ? `''` : `coalesce((${dimensions[groupBy]})::text, '')`;
  return `SELECT width_bucket(r.timestamp, ${boundaries}) AS bucket, ${value} AS value,
      extract(epoch FROM r.timestamp)::float8 * 1000 AS at, 0::float8 AS unit, x AS mean, x AS low, x AS high
    FROM ${spans.before}${table} r${spans.on}
    CROSS JOIN LATERAL (SELECT (${fields[measure.field]?.value})::float8 AS x) AS field
    WHERE ${[spans.where, ...conditions].join(' AND ')} AND x > '-Infinity' AND x < 'Infinity'`;
}

function rolledSql(
  { source, unitMs }: { readonly source: Tier; readonly unitMs: number },
  rolled: Rolled,
  { query, parameters, boundaries, stretches }: Part,
): string {
  const { groupBy } = query;
  const spans = spansSql(parameters, 'bucket', stretches);
  const filtered = filteredSql(query, rolled, parameters);
  const conditions = [
    `kind = ${parameters.add(rolled.kind)}`,
    spans.where,
    ...(filtered === null ? [] : [filtered]),
  ];
  const value = groupBy === null ? `''` : valueSql('unit', rolled.columnOf(groupBy));
  return `SELECT width_bucket(bucket, ${boundaries}) AS bucket, ${value} AS value,
      extract(epoch FROM bucket)::float8 * 1000 AS at, ${unitMs}::float8 AS unit, sum / nullif(count, 0) AS mean, min AS low, max AS high
    FROM ${spans.before}enterprise.${TABLES[source]} AS unit${spans.on} WHERE ${conditions.join(' AND ')} AND min IS NOT NULL`;
}

/** Arrays are compared element by element: the least of (time, value) is the first value, the least of (value, time) the lowest. */
const EXTREMES = `min(ARRAY[at + unit / 2, mean]) AS first, max(ARRAY[at + unit / 2, mean]) AS last,
  min(ARRAY[low, at + unit / 3]) AS low, max(ARRAY[high, at + unit * 2 / 3]) AS high`;

function extremesSql(parts: string): string {
  return `SELECT bucket AS at, '' AS value, false AS other, ${EXTREMES} FROM (${parts}) AS parts GROUP BY bucket`;
}

/** All past the largest groups are one. */
function groupedSql(parts: string): string {
  return `
    WITH parts AS MATERIALIZED (${parts}),
    ranked AS MATERIALIZED (
      SELECT value, least(row_number() OVER (ORDER BY count(*) DESC, value), ${GROUPS_MAX + 1})::int AS place
      FROM parts GROUP BY value
    ), cells AS MATERIALIZED (
      SELECT bucket AS at, place, ${EXTREMES}
      FROM parts JOIN ranked USING (value) GROUP BY 1, 2
    )
    SELECT cells.at, coalesce(shown.value, '${OTHER}') AS value, shown.value IS NULL AS other, first, last, low, high
    FROM cells LEFT JOIN ranked AS shown ON shown.place = cells.place AND cells.place <= ${GROUPS_MAX}
    ORDER BY other, value`;
}

export function m4AnswerOf(query: HistoryQuery, told: Told, cells: readonly M4Cell[]): HistoryAnswer {
  const { groupBy, buckets } = query;
  const series = groupsOf(query, cells).map((own): HistorySeries => {
    const byBucket = new Map(own.map((cell) => [cell.at, cell]));
    return {
      group: groupNamed(groupBy, own),
      points: buckets.boundariesMs.slice(0, -1).flatMap((at, index) => pointsOf(at, byBucket.get(index + 1))),
    };
  });
  return { ...headOf(query, told), series };
}

/** One to four points in order of time, each a millisecond apart at least; without rows one that is a gap. */
function pointsOf(atMs: number, cell: M4Cell | undefined): [number, number | null][] {
  if (cell === undefined) return [[atMs, null]];
  const { first, last, low, high } = cell;
  const points: [number, number][] = [
    [first[0], first[1]],
    [low[1], low[0]],
    [high[1], high[0]],
    [last[0], last[1]],
  ];
  const distinct = points.filter(
    ([at, value], which) => !points.slice(0, which).some((seen) => seen[0] === at && seen[1] === value),
  );
  // Stable: what was at the same time stays in the order first, lowest, highest, last.
  distinct.sort(([a], [b]) => a - b);
  let previous = Number.NEGATIVE_INFINITY;
  return distinct.map(([at, value]) => {
    previous = Math.max(Math.round(at), previous + 1);
    return [previous, value];
  });
}

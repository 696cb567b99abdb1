import { type Dimension, sumsOf } from '../../../core/history/catalogue.ts';
import { type Stretch, TIERS } from '../../../core/history/cover.ts';
import type { HistoryQuery } from '../../../core/history/query.ts';
import { aggregateRows } from './aggregate.ts';
import { SHAPES } from './shape.ts';

/** Groups shown by themselves, the largest ones; all others are one. */
const GROUPS_MAX = 50;
const OTHER = '<other>';

interface Parameters {
  readonly values: unknown[];
  /** Its place in the statement. */
  add(value: unknown): string;
}

/** Names are ours; what came from outside is a parameter. Rows of the answer are `Cell`s. */
export function historySql(
  query: HistoryQuery,
  stretches: readonly Stretch[],
): { text: string; values: unknown[] } {
  const values: unknown[] = [];
  const parameters: Parameters = { values, add: (value) => `$${values.push(value)}` };
  const boundaries = `${parameters.add(query.buckets.boundariesMs.map((at) => new Date(at)))}::timestamptz[]`;
  const of = (wanted: Stretch['source']) => stretches.filter(({ source }) => source === wanted);
  const parts = [...TIERS.map(({ source }) => source), 'rows' as const].flatMap((source) => {
    const own = of(source);
    if (own.length === 0) return [];
    const context = { query, parameters, boundaries, stretches: own };
    return [source === 'rows' ? rowsSql(context) : rolledSql(source, context)];
  });
  return { text: groupedSql(query, parts.join(' UNION ALL ')), values };
}

interface Part {
  readonly query: HistoryQuery;
  readonly parameters: Parameters;
  /** Of the buckets: an expression. */
  readonly boundaries: string;
  readonly stretches: readonly Stretch[];
}

function rowsSql({ query, parameters, boundaries, stretches }: Part): string {
  const { signal, measure, groupBy, filters } = query;
  const shape = SHAPES[signal];
  const field = shape.fields[measure.field];
  if (field === undefined) throw new Error(`no field ${measure.field} of ${signal}`);
  const conditions = Object.entries(filters).map(
    ([name, value]) =>
      `coalesce((${shape.dimensions[name as Dimension]})::text, '') = ${parameters.add(value)}`,
  );
  const spans = spansSql(parameters, 'r.timestamp', stretches);
  const rows = aggregateRows(shape, field, {
    bucket: `width_bucket(r.timestamp, ${boundaries})`,
    dimensions: [{ name: '', value: groupBy === null ? `''` : (shape.dimensions[groupBy] ?? `''`) }],
    sums: sumNames(query),
    histogram: measure.formula.kind === 'percentile',
    from: `${spans.before}${shape.table} r${spans.on}`,
    where: [spans.where, ...conditions].join(' AND '),
  });
  return `SELECT bucket, value, count, sum, min, max, histogram, sums FROM (${rows}) AS fresh`;
}

function rolledSql(table: string, { query, parameters, boundaries, stretches }: Part): string {
  const { signal, measure, groupBy, filters } = query;
  const [dimension = ''] = [...(groupBy === null ? [] : [groupBy]), ...Object.keys(filters)];
  const [only] = Object.values(filters);
  const spans = spansSql(parameters, 'bucket', stretches);
  const conditions = [
    `signal = ${parameters.add(signal)}`,
    `field = ${parameters.add(measure.field)}`,
    `dimension = ${parameters.add(dimension)}`,
    spans.where,
    ...(only === undefined ? [] : [`value = ${parameters.add(only)}`]),
  ];
  const histogram = measure.formula.kind === 'percentile' ? 'histogram' : 'NULL::bytea';
  return `SELECT width_bucket(bucket, ${boundaries}) AS bucket, ${groupBy === null ? `''` : 'value'} AS value,
      count, sum, min, max, ${histogram} AS histogram, sums
    FROM ${spans.before}enterprise.${table}${spans.on} WHERE ${conditions.join(' AND ')}`;
}

/**
 * Rows of some stretches. The outer bounds are parameters of their own, by which the planner leaves out all partitions but
 * those of their days.
 */
function spansSql(
  parameters: Parameters,
  column: string,
  stretches: readonly Stretch[],
): { before: string; on: string; where: string } {
  const starts = stretches.map(({ fromMs }) => new Date(fromMs));
  const ends = stretches.map(({ toMs }) => new Date(toMs));
  const where = `${column} >= ${parameters.add(starts[0])} AND ${column} < ${parameters.add(ends.at(-1))}`;
  if (stretches.length === 1) return { before: '', on: '', where };
  return {
    before: `unnest(${parameters.add(starts)}::timestamptz[], ${parameters.add(ends)}::timestamptz[]) AS spans(starts, ends) JOIN `,
    on: ` ON ${column} >= spans.starts AND ${column} < spans.ends`,
    where,
  };
}

function sumNames({ measure }: HistoryQuery): string[] {
  const { part, whole } = sumsOf(measure.formula);
  return [part, whole].filter((name) => name !== null);
}

/** Parts added up per bucket and group, all past the largest groups as one. */
function groupedSql({ measure, groupBy }: HistoryQuery, parts: string): string {
  const { part, whole } = sumsOf(measure.formula);
  const sumOf = (name: string | null) =>
    name === null ? 'NULL::numeric' : `sum((sums->>'${name}')::numeric)`;
  const sums = `sum(count) AS count, sum(sum) AS sum, min(min) AS min, max(max) AS max, ${sumOf(part)} AS part,
    ${sumOf(whole)} AS whole, string_agg(histogram, ''::bytea) AS histogram`;
  if (groupBy === null)
    return `SELECT bucket AS at, '' AS value, false AS other, ${sums} FROM (${parts}) AS parts GROUP BY bucket`;
  // Ordered apart from being added up: sorting all parts would take longer than adding them up by a hash.
  return `
    WITH parts AS MATERIALIZED (${parts}),
    ranked AS MATERIALIZED (
      SELECT value, row_number() OVER (ORDER BY sum(count) DESC, value) > ${GROUPS_MAX} AS other FROM parts GROUP BY value
    ), cells AS MATERIALIZED (
      SELECT bucket AS at, CASE WHEN other THEN '${OTHER}' ELSE value END AS value, other, ${sums}
      FROM parts JOIN ranked USING (value) GROUP BY 1, 2, 3
    )
    SELECT * FROM cells ORDER BY other, value`;
}

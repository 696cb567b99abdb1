import { type Dimension, sumsOf } from '../../../core/history/catalogue.ts';
import { type Stretch, TIERS } from '../../../core/history/cover.ts';
import type { HistoryQuery } from '../../../core/history/query.ts';
import { aggregateRows } from './aggregate.ts';
import { SHAPES } from './shape.ts';

/** Groups shown by themselves, the largest ones; all others are one. */
export const GROUPS_MAX = 50;
export const OTHER = '<other>';

export interface Parameters {
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
  return `SELECT bucket, value, ${partColumns(query)} FROM (${rows}) AS fresh`;
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
  return `SELECT width_bucket(bucket, ${boundaries}) AS bucket, ${groupBy === null ? `''` : 'value'} AS value,
      ${partColumns(query)}
    FROM ${spans.before}enterprise.${table}${spans.on} WHERE ${conditions.join(' AND ')}`;
}

/**
 * Rows of some stretches. The outer bounds are parameters of their own, by which the planner leaves out all partitions but
 * those of their days.
 */
export function spansSql(
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

type Kind = HistoryQuery['measure']['formula']['kind'];

/** What a measure may be made of, beside counts and sums, and how parts are added up. */
const COLUMNS: readonly { name: string; added: string; of: (kind: Kind) => boolean }[] = [
  { name: 'sum', added: 'sum(sum)', of: (kind) => kind === 'sum' || kind === 'avg' },
  { name: 'min', added: 'min(min)', of: (kind) => kind === 'min' || kind === 'percentile' },
  { name: 'max', added: 'max(max)', of: (kind) => kind === 'max' || kind === 'percentile' },
  { name: 'histogram', added: `string_agg(histogram, ''::bytea)`, of: (kind) => kind === 'percentile' },
];

interface Column {
  readonly name: string;
  /** Of a rollup. */
  readonly from: string;
  readonly added: string;
}

/** What the measure is made of and nothing else: parts are held in memory, joined and sorted with all their columns. */
function columnsOf({ measure: { formula } }: HistoryQuery): readonly Column[] {
  const own = COLUMNS.filter(({ of }) => of(formula.kind)).map(({ name, added }) => ({
    name,
    from: name,
    added,
  }));
  const sums = Object.entries(sumsOf(formula)).flatMap(([name, key]) =>
    key === null ? [] : [{ name, from: `(sums->>'${key}')::numeric`, added: `sum(${name})` }],
  );
  return [{ name: 'count', from: 'count', added: 'sum(count)' }, ...own, ...sums];
}

function partColumns(query: HistoryQuery): string {
  return columnsOf(query)
    .map(({ name, from }) => `${from} AS ${name}`)
    .join(', ');
}

/** Parts added up per bucket and group, all past the largest groups as one. */
function groupedSql(query: HistoryQuery, parts: string): string {
  const columns = columnsOf(query);
  const added = columns.map(({ name, added }) => `${added} AS ${name}`).join(', ');
  if (query.groupBy === null)
    return `SELECT bucket AS at, '' AS value, false AS other, ${added} FROM (${parts}) AS parts GROUP BY bucket`;
  // Groups are numbered and added up by their number: sorting their names once per part would take longer than all else.
  return `
    WITH parts AS MATERIALIZED (${parts}),
    ranked AS MATERIALIZED (
      SELECT value, least(row_number() OVER (ORDER BY sum(count) DESC, value), ${GROUPS_MAX + 1})::int AS place
      FROM parts GROUP BY value
    ), cells AS MATERIALIZED (
      SELECT bucket AS at, place, ${added} FROM parts JOIN ranked USING (value) GROUP BY 1, 2
    )
    SELECT at, coalesce(shown.value, '${OTHER}') AS value, shown.value IS NULL AS other,
      ${columns.map(({ name }) => name).join(', ')}
    FROM cells LEFT JOIN ranked AS shown ON shown.place = cells.place AND cells.place <= ${GROUPS_MAX}
    ORDER BY other, value`;
}

import { type Dimension, sumsOf } from '../../../../core/history/measures.ts';
import type { HistoryQuery } from '../../../../core/history/query.ts';
import { aggregateRows } from '../rollup/aggregate.ts';
import { type Stretch, TIERS } from '../rollup/cover.ts';
import { SHAPES } from '../rollup/shape.ts';

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
  const partOf = (source: Stretch['source']): Part => ({
    query,
    parameters,
    boundaries,
    stretches: of(source),
  });
  const tiers = TIERS.map(({ source }) => source).filter((source) => of(source).length > 0);
  const fresh = of('rows').length > 0 ? [rowsSql(partOf('rows'))] : [];
  const rolled = (wanted: Wanted) => tiers.map((tier) => rolledSql(tier, partOf(tier), wanted));
  if (tiers.length > 0 && isOfMany(query)) return { text: busiestSql(query, rolled, fresh), values };
  // A parameter that no part names is refused.
  const asked = tiers.length === 0 ? [] : rolled(asAsked(query, parameters));
  return { text: groupedSql(query, [...asked, ...fresh].join(' UNION ALL ')), values };
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

/** What of a table of rollups. */
interface Wanted {
  readonly dimension: string;
  /** Expressions, `bucket` aside. */
  readonly columns: string;
  /** A condition more. */
  readonly where?: string;
}

function asAsked(query: HistoryQuery, parameters: Parameters): Wanted {
  const { groupBy, filters } = query;
  const [dimension = ''] = [...(groupBy === null ? [] : [groupBy]), ...Object.keys(filters)];
  const [only] = Object.values(filters);
  const columns = `${groupBy === null ? `''` : 'value'} AS value, ${partColumns(query)}`;
  return { dimension, columns, ...(only !== undefined && { where: `value = ${parameters.add(only)}` }) };
}

function rolledSql(
  table: string,
  { query, parameters, boundaries, stretches }: Part,
  { dimension, columns, where }: Wanted,
): string {
  const spans = spansSql(parameters, 'bucket', stretches);
  const conditions = [
    `signal = ${parameters.add(query.signal)}`,
    `field = ${parameters.add(query.measure.field)}`,
    `dimension = ${parameters.add(dimension)}`,
    spans.where,
    ...(where === undefined ? [] : [where]),
  ];
  return `SELECT width_bucket(bucket, ${boundaries}) AS bucket, ${columns}
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

/** What a lowest or highest value or a distribution is made of does not add up. */
const NOT_TAKEN_AWAY: ReadonlySet<Kind> = new Set(['min', 'max', 'percentile']);

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

/** Whether the question is by a dimension of very many values, and about what can be taken away again. */
function isOfMany({ signal, measure, groupBy, filters }: HistoryQuery): boolean {
  const { hourlyBy = [] } = SHAPES[signal].fields[measure.field] ?? {};
  const isOfMany = hourlyBy.some((dimension) => dimension === groupBy);
  return isOfMany && Object.keys(filters).length === 0 && !NOT_TAKEN_AWAY.has(measure.formula.kind);
}

/**
 * The largest groups by themselves, and all others as what is left of the whole without them: what measures are made of is
 * then read of the largest groups and of the whole, and of all others only how many they are.
 */
function busiestSql(
  query: HistoryQuery,
  rolled: (wanted: Wanted) => readonly string[],
  fresh: readonly string[],
): string {
  const dimension = query.groupBy ?? '';
  const columns = columnsOf(query);
  const part = partColumns(query);
  const names = columns.map(({ name }) => name);
  const added = columns.map(({ name, added }) => `${added} AS ${name}`).join(', ');
  const newest = (what: string) => (fresh.length === 0 ? [] : [what]);
  const union = (parts: readonly string[]) => parts.join(' UNION ALL ');
  const counts = union([
    ...rolled({ dimension, columns: 'value, count' }),
    ...newest('SELECT bucket, value, count FROM fresh'),
  ]);
  const among = 'value = ANY (ARRAY(SELECT value FROM busiest))';
  const shown = union([
    ...rolled({ dimension, columns: `value, ${part}`, where: among }),
    ...newest(`SELECT bucket, value, ${names.join(', ')} FROM fresh WHERE ${among}`),
  ]);
  const whole = union([
    ...rolled({ dimension: '', columns: part }),
    ...newest(`SELECT bucket, ${names.join(', ')} FROM fresh`),
  ]);
  const rest = names.map((name) => `whole.${name} - coalesce(shown.${name}, 0) AS ${name}`).join(', ');
  return `
    WITH ${newest(`fresh AS MATERIALIZED (${union(fresh)}),`).join('')}
    busiest AS MATERIALIZED (
      SELECT value FROM (${counts}) AS parts GROUP BY value ORDER BY sum(count) DESC, value LIMIT ${GROUPS_MAX}
    ), cells AS MATERIALIZED (
      SELECT bucket AS at, value, ${added} FROM (${shown}) AS parts GROUP BY 1, 2
    ), rest AS (
      SELECT whole.at, ${rest}
      FROM (SELECT bucket AS at, ${added} FROM (${whole}) AS parts GROUP BY 1) AS whole
      LEFT JOIN (SELECT at, ${names.map((name) => `sum(${name}) AS ${name}`).join(', ')} FROM cells GROUP BY 1) AS shown USING (at)
    )
    SELECT at, value, false AS other, ${names.join(', ')} FROM cells
    UNION ALL SELECT at, '${OTHER}', true, ${names.join(', ')} FROM rest WHERE count > 0
    ORDER BY other, value`;
}

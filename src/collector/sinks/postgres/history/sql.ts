import { type Dimension, sumsOf } from '../../../../core/history/measures.ts';
import type { HistoryQuery } from '../../../../core/history/query.ts';
import { aggregateRows } from '../rollup/aggregate.ts';
import { type Stretch, TABLES, TIERS, type Tier } from '../rollup/cover.ts';
import { SHAPES } from '../rollup/shape.ts';
import { type Rolled, sumNames } from './rolled.ts';

/** Groups shown by themselves, the largest ones; all others are one. */
export const GROUPS_MAX = 50;
export const OTHER = '<other>';

export interface Parameters {
  readonly values: unknown[];
  /** Its place in the statement. */
  add(value: unknown): string;
}

/**
 * Names are ours; what came from outside is a parameter. Rows of the answer are `Cell`s.
 *
 * @param rolled where the stretches of rollups are read; `null`: there are none.
 */
export function historySql(
  query: HistoryQuery,
  stretches: readonly Stretch[],
  rolled: Rolled | null,
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
  if (rolled === null || tiers.length === 0)
    return { text: groupedSql(query, fresh.join(' UNION ALL ')), values };
  const parts = (wanted: Wanted) => tiers.map((tier) => rolledSql(tier, partOf(tier), wanted));
  if (isOfMany(query)) return { text: busiestSql(query, rolled, parts, fresh), values };
  const asked = parts(asAsked(query, rolled, parameters));
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
  const names = sumNames(query);
  const rows = aggregateRows(shape, field, {
    bucket: `width_bucket(r.timestamp, ${boundaries})`,
    dimensions: [groupBy === null ? `''` : (shape.dimensions[groupBy] ?? `''`)],
    sets: [[0]],
    sums: names,
    histogram: measure.formula.kind === 'percentile' ? 'packed' : 'none',
    from: `${spans.before}${shape.table} r${spans.on}`,
    where: [spans.where, ...conditions].join(' AND '),
  });
  return `SELECT bucket, d0 AS value, ${partColumns(query, (name) => `s${names.indexOf(name)}`)} FROM (${rows}) AS fresh`;
}

/** What of a table of rollups. */
interface Wanted {
  /** The number of its kind. */
  readonly kind: number;
  /** What is read of each, the bucket and the value aside. */
  readonly columns: readonly Column[];
  /** Which of its values groups are told apart by; absent: they are not. */
  readonly by?: 'value' | 'second';
  /** Added up over all buckets. */
  readonly overall?: boolean;
  /** A condition more. */
  readonly where?: string;
}

function asAsked(query: HistoryQuery, rolled: Rolled, parameters: Parameters): Wanted {
  const { groupBy } = query;
  const where = filteredSql(query, rolled, parameters);
  return {
    kind: rolled.kind,
    columns: columnsOf(query, rolled.sumColumn),
    ...(groupBy !== null && { by: rolled.columnOf(groupBy) }),
    ...(where !== null && { where }),
  };
}

/** The values that a question wants; `null`: all of them. */
export function filteredSql(
  { filters }: HistoryQuery,
  rolled: Rolled,
  parameters: Parameters,
): string | null {
  const conditions = Object.entries(filters).map(([dimension, value]) => {
    return `${rolled.columnOf(dimension)} = ${parameters.add(value)}`;
  });
  if (conditions.length === 0) return null;
  if (!rolled.isPair) conditions.push(`second = ''`);
  return `value_id = ANY (ARRAY(SELECT id FROM enterprise.rollup_value WHERE ${conditions.join(' AND ')}))`;
}

/** The text of a value, of the rollup that is named. */
export function valueSql(of: string, column: 'value' | 'second'): string {
  return `(SELECT named.${column} FROM enterprise.rollup_value AS named WHERE named.id = ${of}.value_id)`;
}

/** Values are added up by their number, and their texts looked up once for each group. */
function rolledSql(
  tier: Tier,
  { parameters, boundaries, stretches }: Part,
  { kind, columns, by, overall, where }: Wanted,
): string {
  const spans = spansSql(parameters, 'bucket', stretches);
  const conditions = [
    `kind = ${parameters.add(kind)}`,
    spans.where,
    ...(where === undefined ? [] : [where]),
  ].join(' AND ');
  const bucket = overall ? '0' : `width_bucket(bucket, ${boundaries})`;
  const from = `${spans.before}enterprise.${TABLES[tier]}${spans.on} WHERE ${conditions}`;
  if (by === undefined) {
    const own = columns.map(({ name, from: column }) => `${column} AS ${name}`).join(', ');
    return `SELECT ${bucket} AS bucket, '' AS value, ${own} FROM ${from}`;
  }
  const added = columns
    .map(({ name, from: column, addedFrom }) => `${addedFrom(column)} AS ${name}`)
    .join(', ');
  return `SELECT bucket, ${valueSql('coarser', by)} AS value, ${namesOf(columns)}
    FROM (SELECT ${bucket} AS bucket, value_id, ${added} FROM ${from} GROUP BY 1, 2) AS coarser`;
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

type Kind = HistoryQuery['measure']['formula']['kind'];

/** What a lowest or highest value or a distribution is made of does not add up. */
const NOT_TAKEN_AWAY: ReadonlySet<Kind> = new Set(['min', 'max', 'percentile']);

/** What a measure may be made of, beside counts and sums, and how parts are added up. */
const COLUMNS: readonly {
  name: string;
  addedFrom: (column: string) => string;
  of: (kind: Kind) => boolean;
}[] = [
  { name: 'sum', addedFrom: summed, of: (kind) => kind === 'sum' || kind === 'avg' },
  {
    name: 'min',
    addedFrom: (column) => `min(${column})`,
    of: (kind) => kind === 'min' || kind === 'percentile',
  },
  {
    name: 'max',
    addedFrom: (column) => `max(${column})`,
    of: (kind) => kind === 'max' || kind === 'percentile',
  },
  {
    name: 'histogram',
    addedFrom: (column) => `string_agg(${column}, ''::bytea)`,
    of: (kind) => kind === 'percentile',
  },
];

interface Column {
  readonly name: string;
  /** Of a rollup, or of rows added up. */
  readonly from: string;
  readonly addedFrom: (column: string) => string;
}

function summed(column: string): string {
  return `sum(${column})`;
}

const COUNT: Column = { name: 'count', from: 'count', addedFrom: summed };

/** What the measure is made of and nothing else: parts are held in memory, joined and sorted with all their columns. */
function columnsOf(
  { measure: { formula } }: HistoryQuery,
  sumColumn: (name: string) => string,
): readonly Column[] {
  const own = COLUMNS.filter(({ of }) => of(formula.kind)).map(({ name, addedFrom }) => ({
    name,
    from: name,
    addedFrom,
  }));
  const sums = Object.entries(sumsOf(formula)).flatMap(([name, key]) =>
    key === null ? [] : [{ name, from: sumColumn(key), addedFrom: summed }],
  );
  return [COUNT, ...own, ...sums];
}

function namesOf(columns: readonly Column[]): string {
  return columns.map(({ name }) => name).join(', ');
}

/** By their names, as parts have them. */
function addedSql(columns: readonly Column[]): string {
  return columns.map(({ name, addedFrom }) => `${addedFrom(name)} AS ${name}`).join(', ');
}

function partColumns(query: HistoryQuery, sumColumn: (name: string) => string): string {
  return columnsOf(query, sumColumn)
    .map(({ name, from }) => `${from} AS ${name}`)
    .join(', ');
}

/** Parts added up per bucket and group, all past the largest groups as one. */
function groupedSql(query: HistoryQuery, parts: string): string {
  const columns = columnsOf(query, (name) => name);
  const added = addedSql(columns);
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
      ${namesOf(columns)}
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
  rolled: Rolled,
  parts: (wanted: Wanted) => readonly string[],
  fresh: readonly string[],
): string {
  const { kind, whole: wholeKind } = rolled;
  const by = rolled.columnOf(query.groupBy ?? '');
  const columns = columnsOf(query, rolled.sumColumn);
  const names = columns.map(({ name }) => name);
  const added = addedSql(columns);
  const newest = (what: string) => (fresh.length === 0 ? [] : [what]);
  const union = (all: readonly string[]) => all.join(' UNION ALL ');
  const counts = union([
    ...parts({ kind, columns: [COUNT], by, overall: true }),
    ...newest('SELECT bucket, value, count FROM fresh'),
  ]);
  const among = `value_id = ANY (ARRAY(SELECT id FROM enterprise.rollup_value WHERE second = '' AND value = ANY (ARRAY(SELECT value FROM busiest))))`;
  const shown = union([
    ...parts({ kind, columns, by, where: among }),
    ...newest(
      `SELECT bucket, value, ${namesOf(columns)} FROM fresh WHERE value = ANY (ARRAY(SELECT value FROM busiest))`,
    ),
  ]);
  const whole = union([
    ...parts({ kind: wholeKind, columns }),
    ...newest(`SELECT bucket, '' AS value, ${namesOf(columns)} FROM fresh`),
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
    SELECT at, value, false AS other, ${namesOf(columns)} FROM cells
    UNION ALL SELECT at, '${OTHER}', true, ${namesOf(columns)} FROM rest WHERE count > 0
    ORDER BY other, value`;
}

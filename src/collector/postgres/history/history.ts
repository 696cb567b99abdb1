import { PERCENTILE_ERROR_BOUND } from '../../../core/histogram.ts';
import { type Dimension, type Formula, sumsOf } from '../../../core/history/catalogue.ts';
import { packedPercentile } from '../../../core/history/packed.ts';
import type {
  HistoryAnswer,
  HistoryQuery,
  HistorySeries,
  HistorySource,
} from '../../../core/history/query.ts';
import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../../../core/units.ts';
import { aggregateRows } from './aggregate.ts';
import type { Read } from './read-lane.ts';
import { reading } from './reading.ts';
import { SHAPES } from './shape.ts';

/** Groups shown by themselves, the largest ones; all others are one. */
const GROUPS_MAX = 50;
const OTHER = '<other>';
const TIMEOUT_MS = 10 * SECOND_MS;

/** One bucket of one group, as it comes from the database. */
interface Cell {
  readonly at: number;
  readonly value: string;
  readonly other: boolean;
  readonly count: string;
  readonly sum: number | null;
  readonly min: number | null;
  readonly max: number | null;
  readonly part: string | null;
  readonly whole: string | null;
  readonly histogram: Buffer | null;
}

/** Answers from rollups where they are exact for the question, else from the rows themselves. */
export function createHistory(read: Read): (query: HistoryQuery) => Promise<HistoryAnswer> {
  return async (query) => {
    const source = sourceOf(query);
    const { text, values } = historySql(query, source);
    const cells = await read((client) =>
      reading(client, TIMEOUT_MS, async () => (await client.query<Cell>(text, values)).rows),
    );
    return answerOf(query, source, cells);
  };
}

/**
 * Rollups know one dimension at a time, and minutes or hours as UTC has them. They are used when the question needs no
 * more, the coarser ones where every boundary lies on an hour.
 */
export function sourceOf({ signal, measure, groupBy, filters, buckets }: HistoryQuery): HistorySource {
  const asked = new Set([...(groupBy === null ? [] : [groupBy]), ...(Object.keys(filters) as Dimension[])]);
  const rolledBy = SHAPES[signal].fields[measure.field]?.rolledBy ?? [];
  if (asked.size > 1 || [...asked].some((dimension) => !rolledBy.includes(dimension))) return 'rows';
  const all = (unit: number) => buckets.boundariesMs.every((at) => at % unit === 0);
  if (all(HOUR_MS)) return 'rollup_hour';
  return all(MINUTE_MS) ? 'rollup_minute' : 'rows';
}

/** One statement, so that watermark, rollups and rows are of one moment. Names are ours; what came from outside is a parameter. */
export function historySql(query: HistoryQuery, source: HistorySource): { text: string; values: unknown[] } {
  const { signal, measure, groupBy, filters, buckets } = query;
  const values: unknown[] = [buckets.boundariesMs.map((at) => new Date(at)), signal];
  const parameter = (value: unknown) => `$${values.push(value)}`;
  const shape = SHAPES[signal];
  const field = shape.fields[measure.field];
  if (field === undefined) throw new Error(`no field ${measure.field} of ${signal}`);
  const { part, whole } = sumsOf(measure.formula);
  const sums = [part, whole].filter((name) => name !== null);
  const histogram = measure.formula.kind === 'percentile';
  const [dimension = ''] = [groupBy ?? '', ...Object.keys(filters)].filter((name) => name !== '');
  const conditions = Object.entries(filters).map(
    ([name, value]) => `coalesce((${shape.dimensions[name as Dimension]})::text, '') = ${parameter(value)}`,
  );
  const group = groupBy === null ? `''` : (shape.dimensions[groupBy] ?? `''`);
  const rows = aggregateRows(shape, field, {
    bucket: `width_bucket(r.timestamp, $1::timestamptz[])`,
    dimensions: [{ name: '', value: group }],
    sums,
    histogram,
    from: `${shape.table} r`,
    where: [
      'r.timestamp >= (SELECT starts FROM covered)',
      'r.timestamp < (SELECT ends FROM covered)',
      ...conditions,
    ].join(' AND '),
  });
  const rolled = (table: string, from: string, to: string) => `
    SELECT width_bucket(bucket, $1::timestamptz[]) AS bucket, ${groupBy === null ? `''` : 'value'} AS value,
      count, sum, min, max, ${histogram ? 'histogram' : 'NULL::bytea'} AS histogram, sums
    FROM enterprise.${table}
    WHERE signal = $2 AND field = ${fieldParameter} AND dimension = ${dimensionParameter}
      AND bucket >= ${from} AND bucket < ${to}${rolledFilter}`;
  const fieldParameter = source === 'rows' ? '' : parameter(measure.field);
  const dimensionParameter = source === 'rows' ? '' : parameter(dimension);
  const [only] = source === 'rows' ? [] : Object.values(filters);
  const rolledFilter = only === undefined ? '' : ` AND value = ${parameter(only)}`;
  const parts = [`SELECT bucket, value, count, sum, min, max, histogram, sums FROM (${rows}) AS fresh`];
  if (source !== 'rows')
    parts.push(rolled('rollup_minute', '(SELECT hours FROM covered)', '(SELECT starts FROM covered)'));
  if (source === 'rollup_hour')
    parts.push(rolled('rollup_hour', '($1::timestamptz[])[1]', '(SELECT hours FROM covered)'));
  return { text: withGroups(coveredSql(source), parts.join(' UNION ALL '), part, whole), values };
}

/** From where on rows are read, minutes before that, hours before those. */
function coveredSql(source: HistorySource): string {
  const first = '($1::timestamptz[])[1]';
  const last = '($1::timestamptz[])[cardinality($1::timestamptz[])]';
  const reached = (column: string) =>
    `least(greatest((SELECT ${column} FROM enterprise.nervecenter_rollup_state WHERE signal = $2), ${first}), ${last})`;
  const starts =
    source === 'rows' ? `CASE WHEN $2::text IS NOT NULL THEN ${first} END` : reached('minute_watermark');
  const hours = source === 'rollup_hour' ? reached('hour_watermark') : first;
  return `SELECT ${starts} AS starts, ${hours} AS hours, ${last} AS ends`;
}

function withGroups(covered: string, parts: string, part: string | null, whole: string | null): string {
  const sumOf = (name: string | null) => (name === null ? 'NULL' : `sum((sums->>'${name}')::numeric)`);
  return `
    WITH covered AS MATERIALIZED (${covered}),
    parts AS MATERIALIZED (${parts}),
    ranked AS (
      SELECT value, row_number() OVER (ORDER BY sum(count) DESC, value) > ${GROUPS_MAX} AS other FROM parts GROUP BY value
    )
    SELECT parts.bucket AS at, CASE WHEN other THEN '${OTHER}' ELSE value END AS value, other, sum(count) AS count,
      sum(sum) AS sum, min(min) AS min, max(max) AS max, ${sumOf(part)} AS part, ${sumOf(whole)} AS whole,
      string_agg(histogram, ''::bytea) AS histogram
    FROM parts JOIN ranked USING (value) GROUP BY 1, 2, 3 ORDER BY 3, 2, 1`;
}

function answerOf(query: HistoryQuery, source: HistorySource, cells: readonly Cell[]): HistoryAnswer {
  const { signal, measure, measureName, buckets, timeZone } = query;
  const { boundariesMs, stepMs } = buckets;
  const groups = new Map<string, Cell[]>();
  for (const cell of cells) {
    const key = `${cell.other}:${cell.value}`;
    groups.set(key, [...(groups.get(key) ?? []), cell]);
  }
  if (groups.size === 0 && query.groupBy === null) groups.set('', []);
  return {
    signal,
    measure: measureName,
    unit: measure.unit,
    from: new Date(boundariesMs[0] ?? 0).toISOString(),
    to: new Date(boundariesMs.at(-1) ?? 0).toISOString(),
    step_seconds: stepMs / SECOND_MS,
    tz: timeZone,
    source,
    ...(measure.formula.kind === 'percentile' ? { relative_error_max: PERCENTILE_ERROR_BOUND } : {}),
    series: [...groups.values()].map((own) => seriesOf(query, own)),
  };
}

function seriesOf({ groupBy, buckets, measure, nowMs }: HistoryQuery, cells: readonly Cell[]): HistorySeries {
  const byBucket = new Map(cells.map((cell) => [cell.at, cell]));
  const [first] = cells;
  const group = groupBy === null ? {} : { [groupBy]: first?.value === '' ? null : (first?.value ?? null) };
  const points = buckets.boundariesMs.slice(0, -1).map((at, index): [number, number | null] => {
    const end = buckets.boundariesMs[index + 1] ?? at;
    const elapsedMs = Math.max(0, Math.min(end, nowMs) - at);
    return [at, pointOf(measure.formula, byBucket.get(index + 1), elapsedMs / SECOND_MS)];
  });
  return { group, points };
}

/** Without rows, what adds up is 0 and everything else is unknown. */
function pointOf(formula: Formula, cell: Cell | undefined, elapsedSeconds: number): number | null {
  const count = Number(cell?.count ?? 0);
  const part = Number(cell?.part ?? 0);
  const perSecond = (amount: number) => (elapsedSeconds > 0 ? amount / elapsedSeconds : null);
  switch (formula.kind) {
    case 'count':
      return count;
    case 'rate':
      return perSecond(count);
    case 'sum':
      return cell?.sum ?? 0;
    case 'total':
      return part;
    case 'total_rate':
      return perSecond(part);
    case 'avg':
      return count === 0 || cell?.sum == null ? null : cell.sum / count;
    case 'min':
    case 'max':
      return cell?.[formula.kind] ?? null;
    case 'ratio':
      return quotient(formula.factor * part, formula.whole === null ? count : Number(cell?.whole ?? 0));
    case 'percentile':
      return percentileOf(cell, formula.quantile);
  }
}

function quotient(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole;
}

function percentileOf(cell: Cell | undefined, quantile: number): number | null {
  if (cell?.histogram == null || cell.min === null || cell.max === null) return null;
  return packedPercentile(cell.histogram, { min: cell.min, max: cell.max }, quantile);
}

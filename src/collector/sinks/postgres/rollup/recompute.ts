import type { PoolClient } from 'pg';
import { VALUE } from '../../../../core/history/measures.ts';
import type { SignalName } from '../../../../core/signals/index.ts';
import { DAY_MS, SECOND_MS } from '../../../../core/units.ts';
import { type AggregateOptions, aggregateRollups, aggregateRows, setOf } from './aggregate.ts';
import { TABLES, type Tier } from './cover.ts';
import { type Group, inBatches, insertGroups, type Source } from './groups.ts';
import { type Numbers, numbersOf, type Values, valueIds, valuesKey } from './names.ts';
import { type FieldShape, pairsOf, SHAPES } from './shape.ts';
import { floorTo, joined, rangesOf, type Span, toDate } from './spans.ts';

/** Of more rows than these at once histograms are packed by Postgres; up to there it is quicker to pack them here. */
const LONG_ROWS_MAX = 200_000;

/** Makes the rollups of one signal anew, span by span. To be used within a transaction that holds the rollup's lock. */
export class Recompute {
  readonly #client: PoolClient;
  readonly #signal: SignalName;
  /** Rows before are gone, or some of them: what was made of them is not made anew. A whole hour. */
  readonly #rowsFromMs: number;
  /** Read when they are needed: most steps have nothing to do. */
  #numbers: Promise<Numbers> | null = null;

  constructor(client: PoolClient, signal: SignalName, rowsFromMs: number) {
    this.#client = client;
    this.#signal = signal;
    this.#rowsFromMs = rowsFromMs;
  }

  /** Minutes, from the rows. Spans are whole minutes. */
  async minutes(all: readonly Span[]): Promise<void> {
    const spans = this.#withRows(all);
    if (spans.length === 0) return;
    await this.#clear('rollup_minute', (await this.#known()).singles, spans);
    const histogram = await this.#histogramOf(spans);
    for (const [name, field] of this.#fields()) {
      const sets = [[], ...field.rolledBy.map((_, at) => [at])];
      await this.#addRows({
        tier: 'rollup_minute',
        name,
        dimensions: field.rolledBy,
        sets,
        histogram,
        spans,
      });
    }
  }

  /** Hours: from the minutes, which are right by then, and by the hour from the rows. */
  async hours(spans: readonly Span[]): Promise<void> {
    if (spans.length === 0) return;
    const { singles, hourly } = await this.#known();
    const kinds = singles.filter((kind) => !hourly.includes(kind));
    await this.#clear('rollup_hour', kinds, spans);
    await this.#addRollups({ from: 'rollup_minute', into: 'rollup_hour', unit: '1 hour', kinds, spans });
    await this.#rowHours(hourly, this.#withRows(spans));
  }

  async #rowHours(kinds: readonly number[], spans: readonly Span[]): Promise<void> {
    if (spans.length === 0 || kinds.length === 0) return;
    await this.#clear('rollup_hour', kinds, spans);
    for (const [name, { hourlyBy = [] }] of this.#fields()) {
      if (hourlyBy.length === 0) continue;
      const sets = hourlyBy.map((_, at) => [at]);
      await this.#addRows({
        tier: 'rollup_hour',
        name,
        dimensions: hourlyBy,
        sets,
        histogram: 'none',
        spans,
      });
    }
  }

  /** Hours by two dimensions, from the rows. */
  async pairHours(all: readonly Span[]): Promise<void> {
    const spans = this.#withRows(all);
    if (spans.length === 0) return;
    await this.#clear('rollup_hour', (await this.#known()).pairs, spans);
    const histogram = await this.#histogramOf(spans);
    for (const [name, field] of this.#fields()) {
      const { rolledBy } = field;
      const sets = pairsOf(field).map((pair) => pair.map((dimension) => rolledBy.indexOf(dimension)));
      if (sets.length === 0) continue;
      const by = { dimensions: rolledBy, sets, tupled: true };
      await this.#addRows({ tier: 'rollup_hour', name, histogram, spans, ...by });
    }
  }

  /** Days (UTC), from the hours, which are right by then. */
  async days(which: 'singles' | 'pairs', spans: readonly Span[]): Promise<void> {
    if (spans.length === 0) return;
    const kinds = (await this.#known())[which];
    await this.#clear('rollup_day', kinds, spans);
    await this.#addRollups({ from: 'rollup_hour', into: 'rollup_day', unit: '1 day', kinds, spans });
  }

  #withRows(spans: readonly Span[]): Span[] {
    return joined(spans.map(({ fromMs, toMs }) => ({ fromMs: Math.max(fromMs, this.#rowsFromMs), toMs })));
  }

  #known(): Promise<Numbers> {
    this.#numbers ??= numbersOf(this.#client, this.#signal);
    return this.#numbers;
  }

  #fields(): [string, FieldShape][] {
    return Object.entries(SHAPES[this.#signal].fields);
  }

  async #clear(tier: Tier, kinds: readonly number[], spans: readonly Span[]): Promise<void> {
    await this.#client.query(
      `DELETE FROM enterprise.${TABLES[tier]} rolled
       USING unnest($2::timestamptz[], $3::timestamptz[]) AS spans(starts, ends)
       WHERE rolled.kind = ANY ($1::smallint[]) AND rolled.bucket >= spans.starts AND rolled.bucket < spans.ends`,
      [kinds, ...rangesOf(spans)],
    );
  }

  /** An hour of very many rows must not come here with two bytes for each of them. */
  async #histogramOf(spans: readonly Span[]): Promise<'long' | 'packed'> {
    const { rowCount } = await this.#client.query(
      `SELECT FROM ${this.#rowsOf(1)} OFFSET ${LONG_ROWS_MAX} LIMIT 1`,
      rangesOf(spans),
    );
    return rowCount === 0 ? 'long' : 'packed';
  }

  /** A FROM clause. @param first number of its first parameter. */
  #rowsOf(first: number): string {
    return `unnest($${first}::timestamptz[], $${first + 1}::timestamptz[]) AS spans(starts, ends)
      JOIN ${SHAPES[this.#signal].table} r ON r.timestamp >= spans.starts AND r.timestamp < spans.ends`;
  }

  async #addRows(rows: Rows): Promise<void> {
    const { tier, name, dimensions, sets, histogram, tupled = false, spans } = rows;
    const shape = SHAPES[this.#signal];
    const field = shape.fields[name];
    if (field === undefined) return;
    // Sums belong to the row, not to one of its further distributions.
    const sums = name === VALUE ? Object.keys(shape.sums) : [];
    const text = aggregateRows(shape, field, {
      bucket: `date_bin('${tier === 'rollup_minute' ? '1 minute' : '1 hour'}', r.timestamp, 'epoch'::timestamptz)`,
      dimensions: dimensions.map((dimension) => shape.dimensions[dimension] ?? 'NULL'),
      sets,
      sums,
      histogram,
      tupled,
      from: this.#rowsOf(1),
      where: 'true',
    });
    const kinds = kindsOfSets(rows, await this.#known());
    await this.#add(
      tier,
      { text: columnsOf(text, dimensions, sums), values: rangesOf(spans) },
      async (lines) => {
        const named = lines.map(([of, seconds, ...rest]) => {
          const { kind, set } = kinds.get(Number(of)) ?? { kind: 0, set: [] };
          const [value = '', second = ''] = set.map((at) => rest[at] ?? '');
          const values: Values = [value, second];
          return { kind, bucket: seconds ?? '0', values, figures: rest.slice(dimensions.length) };
        });
        const ids = await valueIds(
          this.#client,
          named.map(({ values }) => values),
          lastDay(named),
        );
        return named.map(({ values, ...group }) => ({ ...group, valueId: ids.get(valuesKey(values)) ?? 0 }));
      },
    );
  }

  async #addRollups({ from, into, unit, kinds, spans }: Rollups): Promise<void> {
    const { places } = await this.#known();
    const text = `SELECT kind, extract(epoch FROM bucket)::bigint, value_id, count, sum, min, max, histogram
        ${places.map((_, at) => `, s${at}`).join('')}
      FROM (${aggregateRollups(TABLES[from], unit, places)}) AS coarser ORDER BY kind, bucket`;
    await this.#add(into, { text, values: [kinds, ...rangesOf(spans)] }, async (lines) =>
      lines.map(([kind, bucket, valueId, ...figures]) => ({
        kind: Number(kind),
        bucket: bucket ?? '0',
        valueId: Number(valueId),
        figures,
      })),
    );
  }

  async #add(
    tier: Tier,
    source: Source,
    groupsOf: (lines: readonly (readonly (string | null)[])[]) => Promise<Group[]>,
  ): Promise<void> {
    const { places } = await this.#known();
    await inBatches(this.#client, source, async (lines) =>
      insertGroups(this.#client, { tier, places }, await groupsOf(lines)),
    );
  }
}

function lastDay(groups: readonly Pick<Group, 'bucket'>[]): Date {
  return toDate(floorTo(Math.max(...groups.map(({ bucket }) => Number(bucket) * SECOND_MS)), DAY_MS));
}

/** Which kind each set is of, by what a row says. */
function kindsOfSets(
  { name, dimensions, sets }: Rows,
  numbers: Numbers,
): ReadonlyMap<number, { readonly kind: number; readonly set: readonly number[] }> {
  return new Map(
    sets.map((set) => {
      const [dimension = '', second = ''] = set.map((at) => dimensions[at] ?? '');
      const kind = numbers.idOf({ field: name, dimension, second });
      return [setOf(set, dimensions.length), { kind, set }];
    }),
  );
}

interface Rows extends Pick<AggregateOptions, 'sets' | 'histogram' | 'tupled'> {
  readonly tier: 'rollup_minute' | 'rollup_hour';
  /** Of the field. */
  readonly name: string;
  readonly dimensions: readonly string[];
  readonly spans: readonly Span[];
}

interface Rollups {
  readonly from: Tier;
  readonly into: Tier;
  readonly unit: '1 hour' | '1 day';
  readonly kinds: readonly number[];
  readonly spans: readonly Span[];
}

/** In the order in which they are read here, and by kind and time: what is asked for together then lies together. */
function columnsOf(rows: string, dimensions: readonly string[], sums: readonly string[]): string {
  const values = dimensions.map((_, at) => `d${at}, `).join('');
  return `SELECT of, extract(epoch FROM bucket)::bigint, ${values}count, sum, min, max, histogram${sums.map((_, at) => `, s${at}`).join('')}
    FROM (${rows}) AS rolled ORDER BY of, bucket`;
}

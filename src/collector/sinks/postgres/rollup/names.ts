import type { ClientBase } from 'pg';
import type { SignalName } from '../../../../core/signals/index.ts';
import { type Kind, kindsOf, SHAPES } from './shape.ts';

/** How many sums of a signal a rollup has columns for. */
export const PLACES = 16;

/** By which numbers the rollups of one signal are stored. */
export interface Numbers {
  readonly idOf: (kind: Kind) => number;
  /** By one dimension or none, and by two: what is made here. Others may be a later version's, and are left alone. */
  readonly singles: readonly number[];
  /** Those of the singles that only hours and days have. */
  readonly hourly: readonly number[];
  readonly pairs: readonly number[];
  /** The column of each sum, in the order of the signal's sums. */
  readonly places: readonly number[];
}

/** Reads them, and gives numbers to what has none yet: to be called by whoever holds the rollup's lock. */
export async function numbersOf(client: ClientBase, signal: SignalName): Promise<Numbers> {
  const ids = new Map((await readKinds(client, signal)).map((kind) => [keyOf(kind), kind.id]));
  const own = kindsOf(signal);
  const missing = own.filter((kind) => !ids.has(keyOf(kind)));
  if (missing.length > 0)
    for (const kind of await addKinds(client, signal, missing)) ids.set(keyOf(kind), kind.id);
  const idOf = (kind: Kind) => known(ids.get(keyOf(kind)), `kind ${keyOf(kind)} of ${signal}`);
  const { fields } = SHAPES[signal];
  return {
    idOf,
    singles: own.filter(({ second }) => second === '').map(idOf),
    hourly: own.filter(({ field, dimension }) => fields[field]?.hourlyBy?.includes(dimension)).map(idOf),
    pairs: own.filter(({ second }) => second !== '').map(idOf),
    places: await placesOf(client, signal),
  };
}

function keyOf({ field, dimension, second }: Kind): string {
  return [field, dimension, second].join(' ');
}

function known(number: number | undefined, what: string): number {
  if (number === undefined) throw new Error(`the rollups have no number for the ${what}`);
  return number;
}

type NumberedKind = Kind & { readonly id: number };

async function readKinds(client: ClientBase, signal: SignalName): Promise<NumberedKind[]> {
  const { rows } = await client.query<NumberedKind>(
    'SELECT id, field, dimension, second FROM enterprise.rollup_kind WHERE signal = $1',
    [signal],
  );
  return rows;
}

async function addKinds(
  client: ClientBase,
  signal: SignalName,
  kinds: readonly Kind[],
): Promise<NumberedKind[]> {
  const { rows } = await client.query<NumberedKind>(
    `INSERT INTO enterprise.rollup_kind (id, signal, field, dimension, second)
     SELECT (SELECT coalesce(max(id), 0) FROM enterprise.rollup_kind) + at, $1, field, dimension, second
     FROM unnest($2::text[], $3::text[], $4::text[]) WITH ORDINALITY AS missing(field, dimension, second, at)
     RETURNING id, field, dimension, second`,
    [
      signal,
      kinds.map(({ field }) => field),
      kinds.map(({ dimension }) => dimension),
      kinds.map(({ second }) => second),
    ],
  );
  return rows;
}

async function placesOf(client: ClientBase, signal: SignalName): Promise<number[]> {
  const names = Object.keys(SHAPES[signal].sums);
  const placed = new Map(await readPlaces(client, signal));
  for (const name of names) {
    if (placed.has(name)) continue;
    const place = Math.max(0, ...placed.values()) + 1;
    if (place > PLACES)
      throw new Error(`rollups have columns for ${PLACES} sums of ${signal}, and no more for ${name}`);
    await client.query('INSERT INTO enterprise.rollup_sum (signal, name, place) VALUES ($1, $2, $3)', [
      signal,
      name,
      place,
    ]);
    placed.set(name, place);
  }
  return names.map((name) => known(placed.get(name), `sum ${name} of ${signal}`));
}

async function readPlaces(client: ClientBase, signal: SignalName): Promise<[string, number][]> {
  const { rows } = await client.query<{ name: string; place: number }>(
    'SELECT name, place FROM enterprise.rollup_sum WHERE signal = $1',
    [signal],
  );
  return rows.map(({ name, place }) => [name, place]);
}

/** The values of a rollup's dimensions, '' for none. */
export type Values = readonly [string, string];

/** One text for each: Postgres has no NUL in a text. */
export function valuesKey([value, second]: Values): string {
  return `${value}\0${second}`;
}

/**
 * The ids of some values, by `valuesKey`; new ones get one. To be called by whoever holds the rollup's lock.
 *
 * @param day of the newest rollup that has them, or a later one: they stay at least as long as it does.
 */
export async function valueIds(
  client: ClientBase,
  wanted: readonly Values[],
  day: Date,
): Promise<ReadonlyMap<string, number>> {
  const all = [...new Map(wanted.map((values) => [valuesKey(values), values])).values()];
  const found = await client.query<ValueRow & { before: boolean }>(
    `SELECT id, value, second, seen < $3 AS before FROM enterprise.rollup_value
     JOIN unnest($1::text[], $2::text[]) AS wanted(value, second) USING (value, second)`,
    [...columnsOf(all), day],
  );
  const ids = new Map(found.rows.map(({ id, value, second }) => [valuesKey([value, second]), id]));
  const older = found.rows.filter(({ before }) => before).map(({ id }) => id);
  if (older.length > 0)
    await client.query('UPDATE enterprise.rollup_value SET seen = $2 WHERE id = ANY ($1)', [older, day]);
  const missing = all.filter((values) => !ids.has(valuesKey(values)));
  for (const { id, value, second } of await addValues(client, missing, day))
    ids.set(valuesKey([value, second]), id);
  return ids;
}

interface ValueRow {
  readonly id: number;
  readonly value: string;
  readonly second: string;
}

async function addValues(client: ClientBase, values: readonly Values[], day: Date): Promise<ValueRow[]> {
  if (values.length === 0) return [];
  const { rows } = await client.query<ValueRow>(
    `INSERT INTO enterprise.rollup_value (id, value, second, seen)
     SELECT (SELECT coalesce(max(id), 0) FROM enterprise.rollup_value) + at, value, second, $3
     FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS missing(value, second, at)
     RETURNING id, value, second`,
    [...columnsOf(values), day],
  );
  return rows;
}

function columnsOf(values: readonly Values[]): [string[], string[]] {
  return [values.map(([value]) => value), values.map(([, second]) => second)];
}

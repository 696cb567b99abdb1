import assert from 'node:assert/strict';
import { SHAPES } from '../../../../../src/collector/sinks/postgres/rollup/shape.ts';
import type { HistoryAnswer } from '../../../../../src/core/history/query.ts';
import type { TestHistory } from './fixture.ts';

export const CLOSE = 1e-9;

/** The same question as plain SQL over the rows, bucket by bucket. */
export async function exactly(
  { sql }: Pick<TestHistory, 'sql'>,
  answer: HistoryAnswer,
  expression: string,
  { where = 'true', from = SHAPES[answer.signal].table }: { where?: string; from?: string } = {},
): Promise<(number | null)[]> {
  const starts = answer.series[0]?.points.map(([at]) => new Date(at)) ?? [];
  const ends = [...starts.slice(1), new Date(answer.to)];
  const rows = await sql<{ value: number | null }>(
    `SELECT (SELECT (${expression})::float8 FROM ${from} r WHERE r.timestamp >= starts AND r.timestamp < ends AND ${where}) AS value
     FROM unnest($1::timestamptz[], $2::timestamptz[]) WITH ORDINALITY AS spans(starts, ends, at) ORDER BY at`,
    [starts, ends],
  );
  return rows.map(({ value }) => value);
}

export function assertPoints(
  answer: HistoryAnswer,
  expected: readonly (number | null)[],
  tolerance = CLOSE,
): void {
  const points = answer.series[0]?.points ?? [];
  assert.equal(points.length, expected.length);
  let seen = 0;
  for (const [index, [at, value]] of points.entries()) {
    const exact = expected[index] ?? null;
    const where = `${answer.measure} at ${new Date(at).toISOString()}: ${value} for ${exact}`;
    if (exact === null || value === null) assert.equal(value ?? 0, exact ?? 0, where);
    else assert.ok(Math.abs(value - exact) <= Math.abs(exact) * tolerance + CLOSE, where);
    if (value) seen++;
  }
  assert.ok(seen > 0, `${answer.measure}: nothing there`);
}

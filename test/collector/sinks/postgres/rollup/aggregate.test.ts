import assert from 'node:assert/strict';
import { afterAll, beforeAll, it } from 'vitest';
import {
  type AggregateOptions,
  aggregateRows,
  setOf,
} from '../../../../../src/collector/sinks/postgres/rollup/aggregate.ts';
import { SHAPES } from '../../../../../src/collector/sinks/postgres/rollup/shape.ts';
import { bucketIndex } from '../../../../../src/core/histogram.ts';
import { BUCKET_MIN, unpack } from '../../../../../src/core/history/packed.ts';
import { startPostgres, type TestPostgres } from '../../../../support/postgres.ts';
import { fill, openHistory, type TestHistory } from '../history/fixture.ts';

let server: TestPostgres;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.stop());

const DIMENSIONS = ['endpoint', 'method', 'department'];
const SETS = [[], [0], [2], [0, 1], [1, 2]];

interface Row {
  readonly of: number;
  readonly histogram: Buffer | null;
}

async function rowsOf({ sql }: TestHistory, histogram: AggregateOptions['histogram'], tupled = false) {
  const shape = SHAPES.request;
  const rows = await sql<Row>(
    `SELECT of, extract(epoch FROM bucket)::int AS bucket, d0, d1, d2, count, round(sum::numeric, 6) AS sum, min, max, s0, histogram FROM (
       ${aggregateRows(shape, shape.fields['value'] ?? assert.fail(), {
         bucket: `date_bin('10 days', r.timestamp, 'epoch'::timestamptz)`,
         dimensions: DIMENSIONS.map((name) => shape.dimensions[name] ?? ''),
         sets: SETS,
         sums: ['errors'],
         histogram,
         tupled,
         from: `${shape.table} r`,
         where: 'true',
       })}) AS added ORDER BY of, bucket, d0, d1, d2`,
  );
  return rows.map(({ histogram: packed, ...row }) => ({ row, packed }));
}

it('adds rows up to the same, however their histograms are made', async (t) => {
  const store = await openHistory(t, server);
  await fill(store, 3000);
  const [none, long, packed] = [
    await rowsOf(store, 'none'),
    await rowsOf(store, 'long'),
    await rowsOf(store, 'packed'),
  ];
  assert.deepEqual(
    new Set(none.map(({ row }) => row.of)),
    new Set(SETS.map((set) => setOf(set, DIMENSIONS.length))),
  );
  assert.deepEqual(
    long.map(({ row }) => row),
    none.map(({ row }) => row),
  );
  assert.deepEqual(
    packed.map(({ row }) => row),
    none.map(({ row }) => row),
  );
  const tupled = await rowsOf(store, 'long', true);
  assert.deepEqual(
    tupled.map(({ row }) => row),
    none.map(({ row }) => row),
  );
  assert.ok(none.every((one) => one.packed === null));
  const countsOf = (rows: typeof long) => rows.map((one) => unpack(one.packed ?? assert.fail()));
  assert.deepEqual(countsOf(packed), countsOf(long));
  assert.deepEqual(countsOf(tupled), countsOf(long));
  const bytesOf = (rows: typeof long) => rows.reduce((sum, one) => sum + (one.packed?.length ?? 0), 0);
  assert.ok(bytesOf(packed) < bytesOf(long) / 2);
});

it('counts very many rows of one value as octal digits', async (t) => {
  const store = await openHistory(t, server);
  await store.sql(
    `INSERT INTO enterprise.request_metrics (timestamp, endpoint, method, status_code, response_time_ms)
     SELECT '2026-01-01Z', '/', 'GET', 200, 8 FROM generate_series(1, 4681)`,
  );
  const [all] = await rowsOf(store, 'packed');
  assert.equal(all?.packed?.length, 10, '4681 is 11111 in octal');
  assert.equal(unpack(all?.packed ?? assert.fail()).counts[bucketIndex(8) - BUCKET_MIN], 4681);
});

import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Client } from 'pg';
import { afterAll, beforeAll, test } from 'vitest';
import { connect } from '../../../../../src/collector/sinks/postgres/connect/connection.ts';
import {
  COPY_HEADER,
  COPY_TRAILER,
  type ColumnType,
  CopyEncoder,
} from '../../../../../src/collector/sinks/postgres/spool/copy-encoder.ts';
import { copyIn } from '../../../../../src/collector/sinks/postgres/write/copy-in.ts';
import { columnArray, tuplesOf } from '../../../../../src/collector/sinks/postgres/write/tuples.ts';
import type { ColumnValue } from '../../../../../src/core/signals/signal.ts';
import { startPostgres, type TestPostgres } from '../../../../support/postgres.ts';

const TYPES: readonly ColumnType[] = [
  'uuid',
  'timestamptz',
  'varchar',
  'text',
  'integer',
  'bigint',
  'double precision',
  'numeric',
  'boolean',
  'jsonb',
];
const TABLE = `CREATE TABLE every (n serial, ${TYPES.map((type, index) => `c${index} ${type}`).join(', ')})`;
const COLUMNS = TYPES.map((_, index) => `c${index}`).join(', ');
const ANSWER_MS = 60_000;
const RUNS = 150;

let server: TestPostgres;
let client: Client;

beforeAll(async () => {
  server = await startPostgres();
  const { env } = await server.createDatabase();
  client = new Client({
    host: env['PGHOST'] ?? '',
    port: Number(env['PGPORT']),
    user: env['PGUSER'] ?? '',
    database: env['PGDATABASE'] ?? '',
  });
  await client.connect();
  await client.query(TABLE);
});
afterAll(async () => {
  await client.end();
  await server.stop();
});

type Row = ColumnValue[];

function write(encoder: CopyEncoder, types: readonly ColumnType[], values: Row): void {
  const columns = types.map((type, at) => ({ name: '', type, value: (row: Row) => row[at] ?? null }));
  encoder.row(columns, values);
}

async function copied(rows: readonly Row[]): Promise<Row[]> {
  await client.query('TRUNCATE every');
  const encoder = new CopyEncoder();
  for (const row of rows) write(encoder, TYPES, row);
  const chunks = [COPY_HEADER, encoder.take(), COPY_TRAILER];
  await copyIn(
    client,
    [{ statement: `COPY every (${COLUMNS}) FROM STDIN (FORMAT binary)`, chunks }],
    ANSWER_MS,
  );
  return readBack();
}

async function inserted(rows: readonly Row[]): Promise<Row[]> {
  await client.query('TRUNCATE every');
  const encoder = new CopyEncoder();
  for (const row of rows) write(encoder, TYPES, row);
  const tuples = tuplesOf(encoder.take());
  const arrays = TYPES.map((type, index) => `$${index + 1}::${type}[]`).join(', ');
  await client.query(
    `INSERT INTO every (${COLUMNS}) SELECT * FROM unnest(${arrays})`,
    TYPES.map((type, column) => columnArray(type, tuples, column)),
  );
  return readBack();
}

/** Every value as JavaScript writes it. */
async function readBack(): Promise<Row[]> {
  const { rows } = await client.query({ text: `SELECT ${COLUMNS} FROM every ORDER BY n`, rowMode: 'array' });
  return rows.map((row: unknown[]) => row.map((value, index) => shown(TYPES[index], value)));
}

function shown(type: ColumnType | undefined, value: unknown): ColumnValue {
  if (value === null) return null;
  if (value instanceof Date) return value.toISOString();
  if (type === 'jsonb') return JSON.stringify(value);
  return type === 'bigint' || type === 'numeric' ? Number(value) : (value as ColumnValue);
}

const text = fc.string({ unit: 'binary' }).map((value) => value.replaceAll('\0', '').toWellFormed());
const whole = (max: number) => fc.integer({ min: -max, max });
const finite = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0);
const time = fc
  .date({ min: new Date('0001-01-01'), max: new Date('9999-12-31T23:59:59.999Z'), noInvalidDate: true })
  .map((date) => date.toISOString());
const json = fc.dictionary(text, fc.oneof(text, fc.integer(), fc.constant(null), fc.boolean()), {
  maxKeys: 1,
});
const row: fc.Arbitrary<Row> = fc.tuple(
  fc.option(fc.uuid()),
  fc.option(time),
  fc.option(text),
  fc.option(text),
  fc.option(whole(2 ** 31 - 1)),
  fc.option(whole(Number.MAX_SAFE_INTEGER)),
  fc.option(finite),
  fc.option(finite),
  fc.option(fc.boolean()),
  fc.option(json.map((value) => JSON.stringify(value))),
);

test('every type and value comes back as it was, by COPY and by binary arrays', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(row, { maxLength: 20 }), async (rows) => {
      const expected = rows.map((one) => one.map((value) => (Object.is(value, -0) ? 0 : value)));
      const normal = (got: Row[]) => got.map((one) => one.map((value) => (Object.is(value, -0) ? 0 : value)));
      assert.deepEqual(normal(await copied(rows)), expected);
      assert.deepEqual(normal(await inserted(rows)), expected);
    }),
    { numRuns: RUNS },
  );
});

test('what a type cannot hold is repaired: nothing to read is better than nothing stored', async () => {
  const nothing: Row = TYPES.map(() => null);
  const at = (column: number, value: ColumnValue) => nothing.with(column, value);
  const repaired: [Row, ColumnValue, number][] = [
    [at(2, 'a\0b'), 'ab', 2],
    [at(3, 'x\ud800y'), 'x\ufffdy', 3],
    [at(4, 3e9), 2 ** 31 - 1, 4],
    [at(4, Number.NEGATIVE_INFINITY), -(2 ** 31) + 1, 4],
    [at(4, Number.NaN), null, 4],
    [at(5, 1e30), 2 ** 63 - 1024, 5],
    [at(6, Number.POSITIVE_INFINITY), null, 6],
    [at(7, Number.NaN), null, 7],
    [at(9, '{"a":"\\u0000b\\ud800"}'), '{"a":"b\ufffd"}', 9],
    [at(9, '{"\\udc00":["\\\\u0000"]}'), '{"\ufffd":["\\\\u0000"]}', 9],
  ];
  const got = await copied(repaired.map(([values]) => values));
  assert.deepEqual(
    got.map((values, index) => values[repaired[index]?.[2] ?? 0]),
    repaired.map(([, expected]) => expected),
  );
});

test('what has no form at all is refused and leaves no trace', () => {
  const encoder = new CopyEncoder();
  write(encoder, ['integer'], [1]);
  const { length } = encoder;
  for (const [type, value] of [
    ['integer', 1.5],
    ['uuid', 'nobody'],
    ['timestamptz', 'never'],
    ['timestamptz', '+275760-09-13T00:00:00.000Z'],
    ['jsonb', '{"\\u0000'],
  ] as const) {
    assert.throws(() => write(encoder, ['integer', type], [2, value]));
    assert.equal(encoder.length, length);
  }
});

test('a UUID is taken with or without its hyphens, in either case, and nothing that only looks like one', () => {
  const form = /^[\da-f]{8}-?[\da-f]{4}-?[\da-f]{4}-?[\da-f]{4}-?[\da-f]{12}$/i;
  const edit = fc.record({
    at: fc.nat(40),
    cut: fc.nat(1),
    text: fc.constantFrom('', '-', '--', 'g', 'F', '@', '\u0130', '\0'),
  });
  const edited = fc
    .tuple(fc.uuid(), fc.array(edit, { maxLength: 4 }), fc.boolean())
    .map(([uuid, edits, upper]) =>
      edits.reduce(
        (value, { at, cut, text }) => value.slice(0, at) + text + value.slice(at + cut),
        upper ? uuid.toUpperCase().replaceAll('-', '') : uuid,
      ),
    );
  fc.assert(
    fc.property(edited, (value) => {
      const encoder = new CopyEncoder();
      if (!form.test(value)) {
        assert.throws(() => write(encoder, ['uuid'], [value]), RangeError);
        return;
      }
      write(encoder, ['uuid'], [value]);
      const bytes = encoder.take().subarray(6);
      assert.equal(bytes.toString('hex'), value.replaceAll('-', '').toLowerCase());
    }),
    { numRuns: 2000 },
  );
});

test('a UUID that comes again is written as it was, also after a row that was refused', () => {
  const types = ['uuid', 'integer', 'uuid'] as const;
  const [one, other] = ['0d1e6f3b-2a10-4c8b-9a64-5f0c2d8e7a40', '7c9e6679-7425-40de-944b-e07fc1f90ae7'];
  const tuplesOfRow = (values: Row) => {
    const alone = new CopyEncoder();
    write(alone, types, values);
    return alone.take();
  };
  const encoder = new CopyEncoder();
  write(encoder, types, [one, 1, other]);
  assert.throws(() => write(encoder, types, [one, 0.5, other]), RangeError);
  write(encoder, types, [other, 2, one]);
  assert.throws(() => write(encoder, types, [other, 3, 'none']), RangeError);
  write(encoder, types, [null, 4, other]);
  write(encoder, types, [null, 5, other]);
  const rows: Row[] = [
    [one, 1, other],
    [other, 2, one],
    [null, 4, other],
    [null, 5, other],
  ];
  assert.deepEqual(encoder.take(), Buffer.concat(rows.map(tuplesOfRow)));
});

test('COPY that the server refuses fails with its error, and the connection goes on', async () => {
  const nonsense = {
    statement: 'COPY every (c4) FROM STDIN (FORMAT binary)',
    chunks: [Buffer.from('nonsense')],
  };
  const bad = copyIn(client, [nonsense], ANSWER_MS);
  await assert.rejects(bad, { code: '22P04' });
  const missing = copyIn(client, [{ statement: 'COPY nowhere FROM STDIN', chunks: [] }], ANSWER_MS);
  await assert.rejects(missing, { code: '42P01' });
  assert.equal((await client.query('SELECT 1')).rowCount, 1);
});

test('several are one after the other, and what comes after them is undone with what any of them refuses', async () => {
  const plain = client;
  await plain.query('CREATE TABLE one (n int); CREATE TABLE other (n int)');
  const copy = (table: string, text: string) => ({
    statement: `COPY ${table} FROM STDIN`,
    chunks: text.split('+').map((chunk) => Buffer.from(chunk)),
  });
  const count = async () => {
    const text = 'SELECT (SELECT sum(n) FROM one)::int AS one, (SELECT sum(n) FROM other)::int AS other';
    return (await plain.query(text)).rows[0];
  };
  await copyIn(plain, [copy('one', '1\n+2\n'), copy('other', '5\n')], ANSWER_MS, {
    before: 'BEGIN; INSERT INTO one VALUES (0)',
    after: 'INSERT INTO one VALUES (4); COMMIT',
  });
  assert.deepEqual(await count(), { one: 7, other: 5 });
  await plain.query('BEGIN');
  const refused = copyIn(plain, [copy('one', '1\n'), copy('other', 'no\n'), copy('one', '2\n')], ANSWER_MS, {
    after: 'COMMIT',
  });
  await assert.rejects(refused, { code: '22P02' });
  await plain.query('ROLLBACK');
  assert.deepEqual(await count(), { one: 7, other: 5 });
  for (const around of [
    { before: 'BEGIN', after: 'SELECT 1 / 0; COMMIT' },
    { before: 'BEGIN; SELECT 1 / 0', after: 'COMMIT' },
  ]) {
    await assert.rejects(copyIn(plain, [copy('one', '8\n')], ANSWER_MS, around), { code: '22012' });
    await plain.query('ROLLBACK');
    assert.deepEqual(await count(), { one: 7, other: 5 });
  }
});

test('COPY on a connection that breaks fails', async () => {
  const { env } = await server.createDatabase();
  const options = { host: env['PGHOST'] ?? '', port: Number(env['PGPORT']), user: env['PGUSER'] ?? '' };
  const connections = connect({ ...options, database: env['PGDATABASE'] ?? '' });
  const broken = await connections.pool.connect();
  await broken.query('CREATE TABLE small (n int)');
  const copying = copyIn(
    broken,
    [{ statement: 'COPY small FROM STDIN (FORMAT binary)', chunks: [Buffer.alloc(1e6)] }],
    ANSWER_MS,
  );
  connections.destroy();
  await assert.rejects(copying);
});

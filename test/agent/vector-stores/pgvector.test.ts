import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { Client, Pool } from 'pg';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { pg } from '../../../src/agent/vector-stores/pgvector.ts';
import { until } from '../../support/poll.ts';
import { startPostgres, type TestPostgres } from '../../support/postgres.ts';
import { type ObservedQueries, observeQueries, summary } from '../rag/observed-queries.ts';

/** pgvector's operators on arrays: the extension is not among the bundled binaries, the statements are the same. */
const OPERATORS = `
  CREATE FUNCTION distance(a float8[], b float8[]) RETURNS float8 LANGUAGE sql IMMUTABLE AS
    'SELECT sqrt(sum((x - y) ^ 2)) FROM unnest(a, b) AS t(x, y)';
  CREATE OPERATOR <-> (LEFTARG = float8[], RIGHTARG = float8[], FUNCTION = distance);
  CREATE OPERATOR <=> (LEFTARG = float8[], RIGHTARG = float8[], FUNCTION = distance);
  CREATE OPERATOR <#> (LEFTARG = float8[], RIGHTARG = float8[], FUNCTION = distance);
  CREATE OPERATOR <+> (LEFTARG = float8[], RIGHTARG = float8[], FUNCTION = distance);
  CREATE TABLE docs (id int, body text, embedding float8[]);
  INSERT INTO docs VALUES (1, 'SECRET', '{1,2}'), (2, 'b', '{3,4}'), (3, 'c', '{5,6}');`;

const FOUND = (chunks: number | null) => ({ stages: ['vector_search'], chunks, top: null, average: null });
const NOT_SEEN = { stages: [], chunks: null, top: null, average: null };
const NEAREST = 'SELECT id, body FROM docs ORDER BY embedding <=> $1 LIMIT 2';

let postgres: TestPostgres;
let observed: ObservedQueries;
let stop: () => void;
let client: Client;
let pool: Pool;

beforeAll(async () => {
  postgres = await startPostgres();
  const { env } = await postgres.createDatabase();
  const options = {
    host: env['PGHOST'],
    port: Number(env['PGPORT']),
    user: env['PGUSER'],
    database: env['PGDATABASE'],
  };
  client = new Client(options);
  await client.connect();
  await client.query(OPERATORS);
  pool = new Pool({ ...options, max: 1 });
  // The server may close a connection before it has heard the client's farewell.
  client.on('error', () => {});
  pool.on('error', () => {});
  pool.on('connect', (one) => one.on('error', () => {}));
  observed = observeQueries();
  stop = pg.start(observed.agent);
});
afterAll(async () => {
  stop?.();
  observed?.stop();
  await client?.end();
  await pool?.end();
  await postgres?.stop();
});

const seen = async (fn: () => unknown) => summary(await observed.query(fn));

describe('a query by an operator of pgvector', () => {
  it('is a vector search, its rows the chunks', async () => {
    for (const operator of ['<->', '<=>', '<#>', '<+>']) {
      const statement = `SELECT id FROM docs ORDER BY embedding ${operator} $1 LIMIT 2`;
      assert.deepEqual(await seen(() => client.query(statement, [[1, 1]])), FOUND(2), operator);
    }
    const none = 'SELECT id FROM docs WHERE embedding <-> $1 < 0';
    assert.deepEqual(await seen(() => client.query({ text: none, values: [[1, 1]] })), FOUND(0));
  });

  it('is seen however it is asked for, and answers as it would', async () => {
    const named = { name: 'nearest', text: NEAREST, values: [[1, 1]] };
    let rows: unknown;
    const byCallback = () =>
      new Promise<void>((resolve) => {
        client.query(NEAREST, [[1, 1]], (_error, result) => {
          rows = result.rows;
          resolve();
        });
      });
    assert.deepEqual(await seen(byCallback), FOUND(2));
    assert.deepEqual(rows, [
      { id: 1, body: 'SECRET' },
      { id: 2, body: 'b' },
    ]);
    assert.deepEqual(await seen(() => client.query(named)), FOUND(2));
    assert.deepEqual(await seen(() => pool.query(NEAREST, [[1, 1]])), FOUND(2));
    assert.deepEqual(
      await seen(() => pool.query({ text: NEAREST, values: [[1, 1]], rowMode: 'array' })),
      FOUND(2),
    );
  });

  it('that fails is timed and fails as it would', async () => {
    const event = await observed.query(() =>
      assert.rejects(client.query('SELECT embedding <=> 5 FROM docs'), { code: '42883' }),
    );
    assert.deepEqual(summary(event), FOUND(null));
    const uncalled = await observed.query(() =>
      assert.throws(() => client.query({ text: NEAREST, callback: 5 } as never), TypeError),
    );
    assert.deepEqual(summary(uncalled), FOUND(null));
  });

  it('belongs to the query that asked for it when it had to wait for a client of the pool', async () => {
    const [held] = await Promise.all([pool.connect()]);
    const first = observed.query(() => pool.query(NEAREST, [[1, 1]]));
    await until(() => pool.waitingCount === 1);
    const releasing = observed.query((query) => {
      held.release();
      return query.stage('other', () => pool.query('SELECT 1'));
    });
    const events = await Promise.all([first, releasing]);
    assert.deepEqual(events.map((event) => Object.keys(event.stages)).sort(), [['other'], ['vector_search']]);
  });
});

it('a rejection that nobody handles is one exactly when it was without us', () => {
  const source = (file: string) =>
    JSON.stringify(join(import.meta.dirname, '..', '..', '..', 'src', 'agent', file));
  const script = `
    import pgPackage from 'pg';
    import { pg } from ${source('vector-stores/pgvector.ts')};
    import { runInContext, WorkContext } from ${source('context/context.ts')};
    const began = [];
    const ragScope = { stageBegan: (name) => (began.push(name), () => {}), searchEnded: () => () => {} };
    if (process.argv[1] === 'with') pg.start();
    process.on('unhandledRejection', ({ message }) => console.log('unhandled', message));
    const client = new pgPackage.Client();
    client.end();
    runInContext(new WorkContext({ ragScope }), async () => {
      client.query('SELECT a <=> b');
      await client.query('SELECT a <=> b').catch(({ message }) => console.log('caught', message));
      process.exitCode = began.length;
    });`;
  const outcome = (how: string) => {
    const { stdout, status } = spawnSync(process.execPath, ['--input-type=module', '-e', script, how], {
      encoding: 'utf8',
    });
    return { lines: stdout.trim().split('\n').sort(), searches: status };
  };
  const message = 'Client was closed and is not queryable';
  const lines = [`caught ${message}`, `unhandled ${message}`];
  assert.deepEqual(outcome('without'), { lines, searches: 0 });
  assert.deepEqual(outcome('with'), { lines, searches: 2 });
});

describe('no vector search', () => {
  it('is any other statement', async () => {
    const others = [
      "SELECT '<=>' AS operator",
      'SELECT 1 AS "a <-> b"',
      'SELECT 1 -- <=>',
      'SELECT 1 /* a <=> b */',
      "SELECT to_tsquery('simple', 'a <-> b')",
      'SELECT count(*) FROM docs',
    ];
    for (const statement of others) assert.deepEqual(await seen(() => client.query(statement)), NOT_SEEN);
    await assert.rejects(
      observed.query(() => client.query(undefined as never)),
      TypeError,
    );
    assert.deepEqual((await observed.take(1)).map(summary), [NOT_SEEN]);
  });

  it('is one outside of a query, and what the app gets is untouched', async () => {
    const { rowCount } = await client.query(NEAREST, [[1, 1]]);
    assert.equal(rowCount, 2);
    assert.deepEqual(observed.agent.events, []);
  });
});

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Client } from 'pg';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { ROW_TABLES, STATE_TABLES } from '../../src/collector/sinks/postgres/export/selection.ts';
import { copyIn } from '../../src/collector/sinks/postgres/write/copy-in.ts';
import type { PostgresConfig } from '../../src/config/config.ts';
import { loadScript } from '../support/load-script.ts';
import { until } from '../support/poll.ts';
import { reachableTempDir, startPostgres, type TestPostgres } from '../support/postgres.ts';
import { CLI, contents, migratedDatabase, runExport } from './exporting.ts';

const TIMEOUT_MS = 60_000;

let server: TestPostgres;
let cwd: string;
let names = 0;

beforeAll(async () => {
  server = await startPostgres();
  cwd = reachableTempDir();
});
afterAll(async () => {
  await server.stop();
  rmSync(cwd, { recursive: true, force: true });
});

const migrated = () => migratedDatabase(server);
const exporting = (env: Readonly<Record<string, string>>, args: readonly string[] = []) =>
  runExport({ cwd, env, args });
const fresh = () => join(cwd, `place-${++names}`);

/** Values that a format may lose: days without a partition, microseconds, what looks like the format's own marks. */
async function addAwkwardRows(client: Client): Promise<void> {
  await client.query(`
    INSERT INTO enterprise.request_metrics (timestamp, endpoint, method, status_code, response_time_ms, user_email)
    VALUES ('2026-01-02 03:04:05.678901+00', E'/tab\\there\\nand\\r\\n\\\\.\\n\\\\N', 'GET', 200, 0.1::float8 + 0.2, ''),
      (now() - interval '3 days', '=cmd|''/C calc''!A0', 'GET', 200, 1e-300, NULL),
      ('infinity', '"quoted", ünïcödé 🦊', 'GET', 500, 'NaN', '\\N');
    INSERT INTO enterprise.llm_call_metrics (model, provider, elapsed_ms, cost_usd, error_message)
    VALUES ('m', 'p', 'Infinity', 1234.567890, E'COMMIT; DROP SCHEMA enterprise CASCADE;\\n\\\\! touch /tmp/x');
    INSERT INTO enterprise.system_metrics (metric_type, metric_name, value, tags)
    VALUES ('t', 'n', 1, '{"deep": [1.10, null, "\\\\ \\" \\n"], "big": 12345678901234567890.123}');
    INSERT INTO enterprise.rollup_kind VALUES (77, 'request', 'f', 'd', '');
    INSERT INTO enterprise.rollup_value VALUES (7, E'/tab\\t\\\\', '', '2020-01-01');
    INSERT INTO enterprise.rollup_by_hour (kind, bucket, value_id, count, sum, histogram, sum_2)
    VALUES (77, '2020-01-01', 7, 9007199254740993, 0.1, '\\x00ff5c2e0a', 0.12345678901234567890123)`);
}

describe('nervecenter export', () => {
  it('knows every table of the schema', async () => {
    await server.using(await migrated(), async (client) => {
      const { rows } = await client.query(
        `SELECT relname FROM pg_class WHERE relnamespace = 'enterprise'::regnamespace
           AND relkind IN ('r', 'p') AND NOT relispartition AND relname <> 'nervecenter_migrations'`,
      );
      const known = [...ROW_TABLES, ...STATE_TABLES].sort();
      assert.deepEqual(rows.map(({ relname }) => relname).sort(), known);
    });
  });

  it('moves everything exactly, to psql as to any other', async () => {
    const source = await migrated();
    await server.using(source, addAwkwardRows);
    await server.using(source, (client) =>
      client.query(`INSERT INTO enterprise.nervecenter_batches VALUES (gen_random_uuid(), 7);
        INSERT INTO enterprise.totals VALUES ('m', 's', '{"http.route": "/tab\\t\\\\ \\" ü"}', 9007199254740993, 0.1::float8 + 0.2, 0);
        INSERT INTO enterprise.nervecenter_senders VALUES (gen_random_uuid(), 7);
        INSERT INTO enterprise.nervecenter_window VALUES (now(), '[["m", {"a": "\\n"}, 1.10]]')`),
    );
    const { code, stdout, stderr } = await exporting(source.env);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /^exporting from Postgres .*\n( {2}\w+: \d+ rows, \d+\.\d MiB\n)+$/);
    const expected = await server.using(source, contents);
    const target = await migrated();
    await server.using(target, (client) => loadScript(client, stdout));
    assert.deepEqual(await server.using(target, contents), expected);
    await server.using(target, async (client) => {
      await assert.rejects(loadScript(client, stdout), /rows of nervecenter in this database already/);
      await client.query('ROLLBACK');
    });
    assert.deepEqual(await server.using(target, contents), expected);
    const psql = psqlAtHand();
    if (psql === null) return;
    const second = await migrated();
    const file = fresh();
    writeFileSync(file, stdout);
    execFileSync(psql, ['-q', '-f', file], { env: { ...process.env, ...second.env } });
    assert.deepEqual(await server.using(second, contents), expected);
  });

  it('adds no totals to those of another database, though its rows are gone', async () => {
    const target = await migrated();
    const { stdout } = await exporting((await migrated()).env);
    await server.using(target, async (client) => {
      await client.query(`INSERT INTO enterprise.totals VALUES ('m', 's', '{}', 1, 2, 3)`);
      await assert.rejects(loadScript(client, stdout), /rows of nervecenter in this database already/);
    });
  });

  it('is refused by a database that cannot take it, before the first row', async () => {
    const source = await migrated();
    const { stdout } = await exporting(source.env);
    await server.using(await server.createDatabase(), async (client) => {
      await assert.rejects(loadScript(client, stdout), /Run "nervecenter migrate" on this database first/);
    });
    await server.using(await migrated(), async (client) => {
      await client.query('DELETE FROM enterprise.nervecenter_migrations WHERE number > 10');
      await assert.rejects(loadScript(client, stdout), /older than this script, which needs migration \d+/);
    });
    const { code, stderr } = await exporting((await server.createDatabase()).env);
    assert.equal(code, 1);
    assert.match(
      stderr,
      /lacks \d+ migrations\. Run `nervecenter migrate` first\. \[NC_STORAGE_REFUSED\]\n$/,
    );
  });

  it('adds some rows to those of another, and history is told', async () => {
    const source = await migrated();
    await server.using(source, addAwkwardRows);
    const target = await migrated();
    await server.using(target, (client) =>
      client.query(`INSERT INTO enterprise.request_metrics (endpoint, method, status_code, response_time_ms)
        VALUES ('/there', 'GET', 200, 1)`),
    );
    const args = ['--table=request_metrics', '--from=-7d', '--to', 'now'];
    const { stdout } = await exporting(source.env, args);
    await server.using(target, async (client) => {
      await loadScript(client, stdout);
      const { rows } = await client.query(
        'SELECT endpoint FROM enterprise.request_metrics ORDER BY timestamp',
      );
      assert.deepEqual(
        rows.map(({ endpoint }) => endpoint),
        [`=cmd|'/C calc'!A0`, '/there'],
      );
      const marks = await client.query(
        `SELECT FROM enterprise.nervecenter_rollup_pending, unnest(minutes) AS minute
         WHERE signal = 'request' AND minute IN (SELECT date_trunc('minute', timestamp) FROM enterprise.request_metrics)`,
      );
      assert.equal(marks.rowCount, 2);
      await assert.rejects(loadScript(client, stdout), /duplicate key/, 'no row twice');
    });
  });

  it('writes a CSV file per table that Postgres reads back, private and all at once', async () => {
    const source = await migrated();
    await server.using(source, addAwkwardRows);
    const directory = fresh();
    const { code, stdout, stderr } = await exporting(source.env, ['--format=csv', `--output=${directory}`]);
    assert.deepEqual([code, stdout], [0, ''], stderr);
    assert.deepEqual(readdirSync(directory).sort(), ROW_TABLES.map((table) => `${table}.csv`).sort());
    assert.equal(statSync(directory).mode & 0o777, 0o700);
    const expected = await server.using(source, contents);
    await server.using(await migrated(), async (client) => {
      for (const table of ROW_TABLES) {
        const text = readFileSync(join(directory, `${table}.csv`), 'utf8');
        const [header = ''] = text.split('\n');
        const copy = `COPY enterprise.${table} (${header}) FROM stdin (FORMAT csv, HEADER)`;
        await copyIn(client, [{ statement: copy, chunks: [Buffer.from(text)] }], TIMEOUT_MS);
      }
      const found = await contents(client);
      for (const table of ROW_TABLES) assert.deepEqual(found[table], expected[table]);
    });
    const again = await exporting(source.env, ['--format=csv', `--output=${directory}`]);
    assert.match(again.stderr, /exists and is not an empty directory.*\[NC_OUTPUT\]/);
    assert.deepEqual(
      readdirSync(cwd).filter((name) => name.endsWith('.part')),
      [],
    );
  });

  it('replaces a file only when it is complete, and says what it cannot write', async () => {
    const source = await migrated();
    const file = fresh();
    writeFileSync(file, 'before');
    const failed = await exporting({ ...source.env, PGDATABASE: 'nowhere' }, ['--output', file]);
    assert.equal(failed.code, 1);
    assert.equal(readFileSync(file, 'utf8'), 'before');
    const { code, stdout } = await exporting(source.env, ['--output', file]);
    assert.deepEqual([code, stdout], [0, '']);
    assert.match(readFileSync(file, 'utf8'), /^-- Made by nervecenter [\s\S]*\nCOMMIT;\n$/);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    const nowhere = await exporting(source.env, ['--output', join(file, 'below')]);
    assert.equal(nowhere.code, 1);
    assert.match(nowhere.stderr, /below cannot be written \(.*\).* \[NC_OUTPUT\]\n$/);
  });

  it('refuses options that make no sense, each with what was expected', async () => {
    const cases: readonly (readonly [string[], RegExp])[] = [
      [['--format=xml'], /--format: expected sql or csv, got "xml".*\[NC_CONFIG_INVALID\]/],
      [['--format=csv'], /--output: expected a directory for the CSV files/],
      [['--table=secrets'], /--table: expected tables among request_metrics, .*got "secrets"/],
      [['--from=yesterday'], /--from: expected now, a time before now such as -24h, or ISO 8601/],
      [['--from=-1h', '--to=-2h'], /--from: expected a time before --to/],
      [['--output'], /there is no option --output without a value/],
    ];
    await Promise.all(
      cases.map(async ([args, message]) => {
        const { code, stdout, stderr } = await exporting({}, args);
        assert.ok(code !== 0);
        assert.equal(stdout, '');
        assert.match(stderr, message);
      }),
    );
  });

  it('says so when there is nothing to export or storage is off, and makes nothing', async () => {
    const dataDir = fresh();
    const none = await exporting({ NERVECENTER_DATA_DIR: dataDir });
    assert.equal(none.code, 1);
    assert.match(none.stderr, /There is no embedded storage in .*\[NC_DATA_DIR\]/);
    const off = await exporting({ NERVECENTER_DATA_DIR: dataDir, NERVECENTER_STORAGE: 'off' });
    assert.match(off.stderr, /NERVECENTER_STORAGE: expected on.*\[NC_CONFIG_INVALID\]/);
    assert.ok(!existsSync(dataDir));
  });
});

describe('a large export', () => {
  let source: PostgresConfig;
  beforeAll(async () => {
    source = await migrated();
    await server.using(source, (client) =>
      client.query(`
        INSERT INTO enterprise.request_metrics (endpoint, method, status_code, response_time_ms)
        SELECT repeat('x', 200), 'GET', 200, n FROM generate_series(1, 100000) AS n`),
    );
  });

  const spawned = (args: readonly string[]) => {
    const env = { PATH: process.env['PATH'], ...source.env };
    return spawn(process.execPath, [CLI, 'export', ...args], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  };

  it('ends with one line when the reader goes away', async () => {
    const child = spawned([]);
    let stderr = '';
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    child.stdout.once('data', () => child.stdout.destroy());
    await once(child, 'close');
    assert.equal(child.exitCode, 1);
    assert.match(
      stderr,
      /^exporting.*\nnervecenter: stdout cannot be written \(write EPIPE\).*\[NC_OUTPUT\]\n$/,
    );
  });

  it('leaves no half of a file when it is interrupted', async () => {
    const child = spawned(['--output', fresh()]);
    let stderr = '';
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    await until(() => stderr.includes('exporting'));
    child.kill('SIGTERM');
    await once(child, 'close');
    // It may have been done already.
    if (child.exitCode !== 0) assert.match(stderr, /Ended by SIGTERM before the end.*\[NC_OUTPUT\]\n$/);
    assert.deepEqual(
      readdirSync(cwd).filter((name) => name.endsWith('.part')),
      [],
    );
  });
});

function psqlAtHand(): string | null {
  try {
    execFileSync('psql', ['--version'], { stdio: 'ignore' });
    return 'psql';
  } catch {
    return null;
  }
}

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Client } from 'pg';
import { afterAll, beforeAll, test } from 'vitest';
import { readMigrations } from '../../src/collector/sinks/postgres/schema/migrate.ts';
import { createStorage } from '../../src/collector/sinks/postgres/storage.ts';
import type { PostgresConfig } from '../../src/config/config.ts';
import { packageRoot } from '../../src/platform/paths.ts';
import { reachableTempDir, startPostgres, type TestPostgres } from '../support/postgres.ts';

const CLI = join(packageRoot(), 'src', 'cli.ts');
const MIGRATIONS = readMigrations();
let server: TestPostgres;
let cwd: string;

beforeAll(async () => {
  server = await startPostgres();
  cwd = reachableTempDir();
});
afterAll(async () => {
  await server.stop();
  rmSync(cwd, { recursive: true, force: true });
});

interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function nervecenter(
  database: PostgresConfig,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<Result> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [CLI, ...args],
      { cwd, env: { PATH: process.env['PATH'], ...database.env, ...env } },
      (_, stdout, stderr) => resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    );
  });
}

async function tablesIn(client: Client): Promise<string[]> {
  const { rows } = await client.query<{ tablename: string }>(
    `SELECT tablename FROM pg_tables WHERE schemaname = 'enterprise' ORDER BY 1`,
  );
  return rows.map(({ tablename }) => tablename);
}

test('a dry run prints the SQL of what is pending and runs nothing', async () => {
  const database = await server.createDatabase();
  const { code, stdout } = await nervecenter(database, ['migrate', '--dry-run']);
  assert.equal(code, 0);
  for (const { sql } of MIGRATIONS) assert.ok(stdout.includes(sql));
  assert.match(stdout, new RegExp(`0 migrations applied, ${MIGRATIONS.length} pending\\n$`));
  assert.deepEqual(await server.using(database, tablesIn), []);
});

test('a dry run whose reader has enough ends quietly', async () => {
  const database = await server.createDatabase();
  const child = spawn(process.execPath, [CLI, 'migrate', '--dry-run'], {
    cwd,
    env: { PATH: process.env['PATH'], ...database.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk;
  });
  child.stdout.once('data', () => child.stdout.destroy());
  const [code] = (await once(child, 'close')) as [number | null];
  assert.deepEqual([code, stderr], [0, '']);
});

test('commands work beside a process that runs the embedded server', async () => {
  const dataDir = join(cwd, 'shared-data');
  const storage = createStorage({
    config: { postgres: null, dataDir, spoolMaxBytes: 2 ** 20 },
    log: () => {},
  });
  await storage.start();
  try {
    const runs = (args: readonly string[]) =>
      nervecenter({ connectionString: null, env: {} }, args, { NERVECENTER_DATA_DIR: dataDir });
    const beside = new RegExp(`\\(run by process ${process.pid}\\): `);
    for (const args of [['migrate'], ['prune']]) {
      const { code, stdout, stderr } = await runs(args);
      assert.deepEqual([code, stderr], [0, '']);
      assert.match(stdout, beside);
    }
    const repriced = await runs(['reprice', '--from=-1h']);
    assert.equal(repriced.code, 0, repriced.stderr);
    const { code, stdout } = await runs(['doctor']);
    assert.equal(code, 0);
    assert.match(
      stdout,
      /^storage +embedded PostgreSQL in .*, which runs: reachable, \d+ migrations applied, 0 pending$/m,
    );
    assert.equal(storage.state, 'ok');
  } finally {
    await storage.shutdown(5000);
  }
});

test('migrate, prune, and all the way back', async () => {
  const database = await server.createDatabase();
  const early = await nervecenter(database, ['prune']);
  assert.equal(early.code, 1);
  assert.match(
    early.stderr,
    /lacks \d+ migrations\. Run `nervecenter migrate` first\. \[NC_STORAGE_REFUSED\]/,
  );

  const migrated = await nervecenter(database, ['migrate']);
  assert.equal(migrated.code, 0);
  assert.match(
    migrated.stdout,
    /^applied 007_observability_tables\n(.*\n)*.*: \d+ migrations, none pending\n$/,
  );
  await server.using(database, async (client) => {
    await client.query(`
      INSERT INTO enterprise.cache_metrics (cache_type, timestamp)
      VALUES ('a', now()), ('b', now() - interval '2 days'), ('c', now() - interval '20 days')`);
  });

  const pruned = await nervecenter(database, ['prune']);
  assert.equal(pruned.code, 0);
  assert.match(
    pruned.stdout,
    /^made cache_metrics_p\d{8}\nremoved 1 rows past their retention .*\nPostgres .*: \d+\.\d MiB kept\n$/,
  );
  const shorter = await nervecenter(database, ['prune'], { NERVECENTER_RETENTION_DAYS: 'cache=1' });
  assert.match(shorter.stdout, /^dropped cache_metrics_p\d{8}: past its retention, \d+\.\d MiB\nPostgres /);

  const undone = await nervecenter(database, ['migrate', '--down=0']);
  assert.equal(undone.code, 0);
  assert.match(undone.stdout, /undone 007_observability_tables\n.*: 0 migrations left\n$/);
  assert.deepEqual(await server.using(database, tablesIn), []);
});

test('an option that is wrong, or of another command, is refused with what to do', async () => {
  const database = await server.createDatabase();
  const wrong = await nervecenter(database, ['migrate', '--down=all']);
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /--down: expected the number .* got "all".*\[NC_CONFIG_INVALID\]/);
  const foreign = await nervecenter(database, ['doctor', '--dry-run']);
  assert.equal(foreign.code, 2);
  assert.match(foreign.stderr, /there is no option --dry-run of "doctor"/);
  const small = await nervecenter(database, ['prune'], { NERVECENTER_STORAGE_MAX_BYTES: '1000' });
  assert.match(small.stderr, /NERVECENTER_STORAGE_MAX_BYTES: expected a whole number from 67108864 /);
});

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import type { PostgresConfig } from '../../src/config/config.ts';
import { reachableTempDir, startPostgres, type TestPostgres } from '../support/postgres.ts';
import { Command, nervecenter } from './command.ts';

/** Nobody listens on port 1. */
const UNREACHABLE = 'postgres://u:top-secret@127.0.0.1:1/d';
const TABLES = [
  'cache_metrics',
  'llm_call_metrics',
  'rag_metrics',
  'request_metrics',
  'spans',
  'system_metrics',
  'ws_session_metrics',
];

let cwd: string;
let postgres: TestPostgres;
beforeAll(async () => {
  cwd = reachableTempDir();
  postgres = await startPostgres();
});
afterAll(async () => {
  await postgres.stop();
  rmSync(cwd, { recursive: true, force: true });
});

/** A value of the report by its name. */
function reported(stdout: string, name: string): string | undefined {
  return stdout
    .split('\n')
    .find((line) => line.startsWith(`${name} `))
    ?.slice(name.length)
    .trim();
}

/** Everything a failing command may say: one line, no stack, no secret. */
function assertOneLine(stderr: string, pattern: RegExp): void {
  assert.match(stderr, /^nervecenter: [^\n]+\n$/);
  assert.match(stderr, pattern);
  assert.doesNotMatch(stderr, /top-secret/);
}

describe('nervecenter migrate', () => {
  it('applies everything once, and says so both times', async () => {
    const database = await postgres.createDatabase();
    const first = await nervecenter(['migrate'], { cwd, env: { ...database.env } });
    assert.deepEqual([first.code, first.stderr], [0, '']);
    const applied: string[] = first.stdout.match(/^applied \d{3}_\w+$/gm) ?? [];
    assert.ok(applied.includes('applied 007_observability_tables'), first.stdout);
    const closing = new RegExp(`^Postgres .*: ${applied.length} migrations, none pending\\n$`, 'm');
    assert.match(first.stdout, closing);
    const second = await nervecenter(['migrate'], { cwd, env: { ...database.env } });
    assert.deepEqual([second.code, second.stderr], [0, '']);
    assert.match(second.stdout, /^Postgres [^\n]*\n$/);
    assert.match(second.stdout, closing);
    assert.deepEqual(await tablesIn(database), TABLES);
  });

  it('is safe when two run at once', async () => {
    const database = await postgres.createDatabase();
    const both = [1, 2].map(() => nervecenter(['migrate'], { cwd, env: { ...database.env } }));
    for (const { code, stderr } of await Promise.all(both)) assert.deepEqual([code, stderr], [0, '']);
    assert.deepEqual(await tablesIn(database), TABLES);
  });

  for (const { what, env, pattern } of [
    {
      what: 'an unreachable server',
      env: { DATABASE_URL: UNREACHABLE },
      pattern:
        /ECONNREFUSED.*\. Check that it runs, and host and port in the database URL or its variables\. \[NC_STORAGE_UNREACHABLE\]/,
    },
    {
      what: 'a bad setting',
      env: { DATABASE_URL: 'top-secret' },
      pattern: /DATABASE_URL: expected a URL.*\[NC_CONFIG_INVALID\]/,
    },
    {
      what: 'a data directory that cannot be made',
      env: { NERVECENTER_DATA_DIR: 'file/data' },
      pattern: /NERVECENTER_DATA_DIR.*\[NC_DATA_DIR\]/,
    },
  ]) {
    it(`tells ${what} in one line`, async () => {
      writeFileSync(join(cwd, 'file'), '');
      const { code, stdout, stderr } = await nervecenter(['migrate'], { cwd, env });
      assert.deepEqual([code, stdout], [1, '']);
      assertOneLine(stderr, pattern);
    });
  }

  it('tells a server that refuses in one line, with the remedy', async () => {
    const { env } = await postgres.createDatabase();
    const { code, stderr } = await nervecenter(['migrate'], { cwd, env: { ...env, PGDATABASE: 'nowhere' } });
    assert.equal(code, 1);
    assertOneLine(stderr, /database "nowhere" does not exist\. Create the database.*\[NC_STORAGE_REFUSED\]/);
  });
});

describe('nervecenter doctor', () => {
  it('prints the configuration, without its secrets, and a server that is reachable', async () => {
    const { env } = await postgres.createDatabase();
    const secrets = {
      NERVECENTER_ADMIN_TOKEN: 'top-secret-token-1',
      PGPASSWORD: 'top-secret',
      NERVECENTER_PORT: '0',
    };
    const { code, stdout, stderr } = await nervecenter(['doctor'], { cwd, env: { ...env, ...secrets } });
    assert.deepEqual([code, stderr], [0, '']);
    assert.doesNotMatch(stdout, /top-secret/);
    assert.equal(reported(stdout, 'NERVECENTER_ADMIN_TOKEN'), '1 set (not shown)');
    assert.equal(reported(stdout, 'NERVECENTER_PORT'), '0');
    assert.equal(reported(stdout, 'node'), process.version);
    assert.match(reported(stdout, 'instrumented') ?? '', /\bexpress\b.*\bllm\b/);
    assert.match(
      reported(stdout, 'storage') ?? '',
      /^Postgres .*: reachable, 0 migrations applied, [1-9]\d* pending$/,
    );
    assert.match(stdout, /\n\nNothing is wrong\.\n$/);
  });

  it('says who gets in, and what to do where a token cannot be kept', async () => {
    const access = async (env: Record<string, string>) => {
      const off = { NERVECENTER_STORAGE: 'off', NERVECENTER_PORT: '0', ...env };
      const { stdout, stderr } = await nervecenter(['doctor'], { cwd, env: off });
      assert.equal(stderr, '');
      return reported(stdout, 'access') ?? '';
    };
    writeFileSync(join(cwd, 'no-directory'), '');
    assert.match(
      await access({ NERVECENTER_DATA_DIR: join(cwd, 'no-directory', 'data') }),
      /^by the login link alone, and anew after each start, because no token can be kept in .*no-directory is no directory\)\. .*NERVECENTER_ADMIN_TOKEN$/,
    );
    assert.match(
      await access({ NERVECENTER_DATA_DIR: join(cwd, 'later', 'data') }),
      /will keep in .*admin-token$/,
    );
    mkdirSync(join(cwd, 'kept'));
    writeFileSync(join(cwd, 'kept', 'admin-token'), 'ab'.repeat(24));
    const kept = await access({ NERVECENTER_DATA_DIR: join(cwd, 'kept') });
    assert.match(kept, /^by the login link, and by the token in .*kept\/admin-token$/);
    assert.doesNotMatch(kept, /abab/);
    assert.equal(
      await access({ NERVECENTER_ADMIN_TOKEN: 'top-secret-token-1' }),
      'by NERVECENTER_ADMIN_TOKEN',
    );
  });

  it('prints a server that is not reachable, what to check, and fails', async () => {
    const { code, stdout, stderr } = await nervecenter(['doctor'], {
      cwd,
      env: { DATABASE_URL: UNREACHABLE, NERVECENTER_PORT: '0' },
    });
    assert.deepEqual([code, stderr], [1, '']);
    assert.doesNotMatch(stdout, /top-secret/);
    assert.equal(reported(stdout, 'DATABASE_URL'), 'set (not shown)');
    assert.match(reported(stdout, 'storage of apps') ?? '', /^embedded PostgreSQL/);
    assert.match(
      reported(stdout, 'storage') ?? '',
      /ECONNREFUSED.*\. Check that it runs.*\[NC_STORAGE_UNREACHABLE\]$/,
    );
  });

  it('fails with a file of prices that is none, and names variables that nobody reads', async () => {
    writeFileSync(join(cwd, 'prices'), '');
    const { code, stdout, stderr } = await nervecenter(['doctor'], {
      cwd,
      env: {
        NERVECENTER_STORAGE: 'off',
        NERVECENTER_PORT: '0',
        NERVECENTER_PRICES: 'prices',
        NERVECENTER_PROT: 'top-secret',
        NERVECENTER_UNHEARD_OF: '1',
      },
    });
    assert.deepEqual([code, stderr], [1, '']);
    assert.match(
      reported(stdout, 'prices') ?? '',
      /^NERVECENTER_PRICES: expected a JSON file.*\[NC_CONFIG_INVALID\]$/,
    );
    assert.equal(
      reported(stdout, 'NERVECENTER_PROT'),
      'unknown, has no effect; did you mean NERVECENTER_PORT?',
    );
    assert.equal(reported(stdout, 'NERVECENTER_UNHEARD_OF'), 'unknown, has no effect');
    const [, again = ''] = stdout.split('\n\nTo look at:\n');
    assert.deepEqual(again.match(/^\S+/gm), ['NERVECENTER_PROT', 'NERVECENTER_UNHEARD_OF', 'prices']);
    assert.doesNotMatch(stdout, /top-secret/);
  });

  for (const body of ['hello', '{"status":"ok"}', 'null']) {
    it(`knows a program on the port that answers ${body} for a stranger`, async () => {
      const stranger = createServer((_request, response) => response.end(body)).listen(0, '127.0.0.1');
      await once(stranger, 'listening');
      try {
        const env = {
          NERVECENTER_STORAGE: 'off',
          NERVECENTER_PORT: String((stranger.address() as AddressInfo).port),
        };
        const { stdout } = await nervecenter(['doctor'], { cwd, env });
        assert.equal(reported(stdout, 'collector'), 'the port is taken by something else');
        assert.match(stdout, /\n\nTo look at:\ncollector {2}the port is taken by something else\n$/);
        assert.equal(reported(stdout, 'storage'), 'off');
      } finally {
        stranger.close();
        stranger.closeAllConnections();
      }
    });
  }

  it('prints what ails a collector, without its control characters', async () => {
    const issues = ['High CPU usage', 'Storage\u001b[2J unreachable', 7];
    const sick = createServer((_request, response) =>
      response.end(JSON.stringify({ status: 'degraded', issues })),
    ).listen(0, '127.0.0.1');
    await once(sick, 'listening');
    try {
      const env = {
        NERVECENTER_STORAGE: 'off',
        NERVECENTER_PORT: String((sick.address() as AddressInfo).port),
      };
      const { stdout } = await nervecenter(['doctor'], { cwd, env });
      assert.equal(
        reported(stdout, 'collector'),
        'running, degraded: High CPU usage, Storage?[2J unreachable',
      );
    } finally {
      sick.close();
      sick.closeAllConnections();
    }
  });

  it('finds a collector that runs', async () => {
    const collector = new Command([], { cwd, env: { NERVECENTER_PORT: '0', NERVECENTER_STORAGE: 'off' } });
    try {
      const [, port = ''] = await collector.says(/http:\/\/127\.0\.0\.1:(\d+)\//);
      const { stdout } = await nervecenter(['doctor'], {
        cwd,
        env: { NERVECENTER_PORT: port, NERVECENTER_STORAGE: 'off' },
      });
      assert.match(reported(stdout, 'collector') ?? '', /^running, (healthy|(degraded|critical): \w.*)$/);
    } finally {
      await collector.kill();
    }
  });

  it('tells a bad setting in one line', async () => {
    const { code, stdout, stderr } = await nervecenter(['doctor'], { cwd, env: { NERVECENTER_PORT: 'x' } });
    assert.deepEqual([code, stdout], [1, '']);
    assertOneLine(stderr, /NERVECENTER_PORT: expected .* \[NC_CONFIG_INVALID\]/);
  });
});

async function tablesIn(database: PostgresConfig): Promise<string[]> {
  return postgres.using(database, async (client) => {
    const { rows } = await client.query<{ name: string }>(
      `select table_name as name from information_schema.tables
         where table_schema = 'enterprise' and (table_name like '%\\_metrics' or table_name = 'spans') order by 1`,
    );
    return rows.map(({ name }) => name);
  });
}

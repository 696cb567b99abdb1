import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, test } from 'vitest';
import type { PostgresConfig } from '../../src/config/config.ts';
import { packageRoot } from '../../src/platform/paths.ts';
import { reachableTempDir, startPostgres, type TestPostgres } from '../support/postgres.ts';

const CLI = join(packageRoot(), 'src', 'cli.ts');
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

function nervecenter(database: PostgresConfig | null, args: readonly string[]) {
  const env = { PATH: process.env['PATH'], NERVECENTER_PRICES: 'prices.json', ...database?.env };
  return new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    const child = execFile(process.execPath, [CLI, ...args], { cwd, env }, (_, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    );
  });
}

test('reprice says what it would do, does it, and has nothing to do then', async () => {
  writeFileSync(join(cwd, 'prices.json'), '{"own":{"input":1,"output":2}}');
  const database = await server.createDatabase();
  const early = await nervecenter(database, ['reprice', '--from=-1d']);
  assert.equal(early.code, 1);
  assert.match(
    early.stderr,
    /lacks \d+ migrations\. Run `nervecenter migrate` first\. \[NC_STORAGE_REFUSED\]/,
  );
  await nervecenter(database, ['migrate']);
  await server.using(database, (client) =>
    client.query(`INSERT INTO enterprise.llm_call_metrics
        (timestamp, provider, model, elapsed_ms, prompt_tokens, completion_tokens, cost_usd, cost_source)
      VALUES (now() - interval '2 hours', 'acme', 'own', 1, 1000000, 1000000, NULL, 'none'),
        (now() - interval '2 hours', 'acme', 'other', 1, 1, 1, NULL, 'none'),
        (now() - interval '2 hours', 'x_ai', 'grok', 1, 1, 1, 0.25, 'provider'),
        (now() - interval '2 days', 'acme', 'own', 1, 1000000, 1000000, NULL, 'none')`),
  );
  const summary = (changed: string, before: string) =>
    new RegExp(
      `^3 calls priced with genai-prices@\\S+ \\S+ \\+overrides: ${changed}\\n` +
        `cost before ${before} USD, after 3\\.250000 USD\\n1 keep what the provider billed\\n` +
        `1 have no known price and stay as they are\\nPostgres [^\\n]*\\n$`,
    );
  const dry = await nervecenter(database, ['reprice', '--from=-1d', '--dry-run']);
  assert.deepEqual([dry.code, dry.stderr], [0, '']);
  assert.match(dry.stdout, summary('1 would change', '0\\.250000'));
  const done = await nervecenter(database, ['reprice', '--from=-1d', '--to=now']);
  assert.match(done.stdout, summary('1 changed', '0\\.250000'));
  const again = await nervecenter(database, ['reprice', '--from=-1d']);
  assert.match(again.stdout, summary('0 changed', '3\\.250000'));
});

test('reprice refuses a time it cannot read, with an example', async () => {
  for (const [args, pattern] of [
    [[], /--from: expected a date or time .* got nothing\. For example --from=/],
    [['--from=yesterday'], /--from: expected a date or time .* got "yesterday"/],
    [['--from=2026-01-02', '--to=2026-01-01'], /--from: expected a time before --to, got 2026-01-02T/],
  ] as const) {
    const { code, stderr } = await nervecenter(null, ['reprice', ...args]);
    assert.equal(code, 1);
    assert.match(stderr, pattern);
    assert.match(stderr, /\[NC_CONFIG_INVALID\]\n$/);
  }
});

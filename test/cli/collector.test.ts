import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import type { Health, Snapshot } from '../../src/core/snapshot.ts';
import { until } from '../support/poll.ts';
import { reachableTempDir } from '../support/postgres.ts';
import { Command, nervecenter } from './command.ts';

let cwd: string;
beforeAll(() => {
  cwd = reachableTempDir();
  writeFileSync(join(cwd, 'file'), '');
});
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

/** Starts a collector on a free port, hands its address to `use`, and ends it whatever happens. */
async function withCollector(
  env: Readonly<Record<string, string>>,
  use: (collector: Command, address: { readonly url: string; readonly token: string }) => Promise<void>,
): Promise<void> {
  const collector = new Command(['collector'], { cwd, env: { NERVECENTER_PORT: '0', ...env } });
  try {
    await use(collector, await collector.dashboard());
  } finally {
    await collector.kill();
  }
}

async function healthOf(url: string): Promise<Health> {
  return (await (await fetch(`${url}/api/metrics/health`)).json()) as Health;
}

describe('nervecenter collector', () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    it(`serves, and ends on ${signal} with exit code 0, its rows stored`, async () => {
      await withCollector({ NERVECENTER_DATA_DIR: `data-${signal}` }, async (collector, { url, token }) => {
        assert.deepEqual(
          (await healthOf(url)).issues.filter((issue) => issue.startsWith('Storage')),
          [],
        );
        const headers = { authorization: `Bearer ${token}` };
        await until(async () => {
          const response = await fetch(`${url}/api/metrics/snapshot`, { headers });
          return ((await response.json()) as Snapshot).pipeline.events_stored > 0;
        });
        assert.equal((await fetch(`${url}/api/metrics/snapshot`)).status, 401);
        collector.child.kill(signal);
        assert.equal(await collector.end(), 0);
        assert.equal(collector.stdout, '');
        // The start message, what is kept, and nothing else: no warning, no stack.
        assert.match(
          collector.stderr,
          /^nervecenter \d\S* · app\n( {2}\w+ .*\n){3} {2}next .*\n\[nervecenter\] stopped: \d+ rows kept in embedded PostgreSQL 18 in \S+; .*\n$/,
        );
      });
    });
  }

  it.runIf(process.platform === 'linux')(
    'has one arena of memory and a small young generation, or what its environment says',
    async () => {
      for (const { env, arenas, flags } of [
        { env: {}, arenas: '1', flags: ['--max-semi-space-size=2'] },
        { env: { NODE_OPTIONS: '--max-semi-space-size=4' }, arenas: '1', flags: [] },
        { env: { MALLOC_ARENA_MAX: '3' }, arenas: '3', flags: [] },
      ]) {
        await withCollector({ NERVECENTER_STORAGE: 'off', ...env }, async ({ child }) => {
          const environment = readFileSync(`/proc/${child.pid}/environ`, 'utf8').split('\0');
          assert.deepEqual(
            environment.filter((variable) => variable.startsWith('MALLOC_')),
            [`MALLOC_ARENA_MAX=${arenas}`],
          );
          const args = readFileSync(`/proc/${child.pid}/cmdline`, 'utf8').split('\0');
          assert.deepEqual(
            args.filter((arg) => arg.includes('semi-space')),
            flags,
          );
        });
      }
    },
  );

  it('is what `nervecenter` alone does', async () => {
    const collector = new Command([], { cwd, env: { NERVECENTER_PORT: '0', NERVECENTER_STORAGE: 'off' } });
    try {
      await collector.dashboard();
      assert.match(collector.stderr, /storage +off/);
    } finally {
      await collector.kill();
    }
  });

  it('does not print a token that the operator chose', async () => {
    const env = {
      NERVECENTER_PORT: '0',
      NERVECENTER_STORAGE: 'off',
      NERVECENTER_ADMIN_TOKEN: 'top-secret-token-1',
    };
    const collector = new Command([], { cwd, env });
    try {
      await collector.says(/dashboard +http:\/\/127\.0\.0\.1:\d+\/admin\/system\n/);
      assert.doesNotMatch(collector.stderr, /top-secret/);
    } finally {
      await collector.kill();
    }
  });

  it('tells in one line that another program has the port', async () => {
    const stranger = createServer((_request, response) => response.end('hello')).listen(0, '127.0.0.1');
    await once(stranger, 'listening');
    try {
      const { port } = stranger.address() as AddressInfo;
      const env = { NERVECENTER_PORT: String(port), NERVECENTER_STORAGE: 'off' };
      const { code, stdout, stderr } = await nervecenter([], { cwd, env });
      assert.deepEqual([code, stdout], [1, '']);
      assert.equal(
        stderr,
        `nervecenter: 127.0.0.1:${port} is taken by another process. Set NERVECENTER_PORT to a free port, or to 0 for any. [NC_PORT_TAKEN]\n`,
      );
    } finally {
      stranger.close();
    }
  });

  it('tells in one line that another program has the port for OTLP, and doctor says who listens', async () => {
    const stranger = createServer((_request, response) => response.end('hello')).listen(0, '127.0.0.1');
    await once(stranger, 'listening');
    try {
      const { port } = stranger.address() as AddressInfo;
      const env = {
        NERVECENTER_PORT: '0',
        NERVECENTER_STORAGE: 'off',
        NERVECENTER_OTLP_PORT: String(port),
        NERVECENTER_OTLP_KEYS: 'shop=a-secret-of-the-shop',
      };
      const { code, stderr } = await nervecenter([], { cwd, env });
      assert.equal(code, 1);
      assert.equal(
        stderr,
        `nervecenter: 127.0.0.1:${port} is taken by another process. Set NERVECENTER_OTLP_PORT to a free port, or to 0 for any. [NC_PORT_TAKEN]\n`,
      );
      const { stdout } = await nervecenter(['doctor'], { cwd, env });
      assert.match(stdout, new RegExp(`^otlp +HTTP http://127.0.0.1:${port}, which listens, gRPC off$`, 'm'));
      assert.match(stdout, /^NERVECENTER_OTLP_KEYS +shop \(keys not shown\)$/m);
    } finally {
      stranger.close();
    }
  });

  it('takes OTLP over gRPC from the build', async () => {
    await withCollector(
      { NERVECENTER_STORAGE: 'off', NERVECENTER_OTLP_PORT: '0', NERVECENTER_OTLP_GRPC_PORT: '0' },
      async (collector) => {
        assert.match(collector.stderr, /^ {2}otlp +http:\S+ \(HTTP\), http:\S+ \(gRPC\)$/m);
      },
    );
  });

  for (const { what, env, pattern } of [
    {
      what: 'a bad setting',
      env: { NERVECENTER_WINDOW_MS: '5m' },
      pattern: /NERVECENTER_WINDOW_MS: expected .* got "5m"/,
    },
    {
      what: 'an address that is not of this machine',
      env: { NERVECENTER_HOST: '192.0.2.1' },
      pattern: /NERVECENTER_HOST: expected an address of this machine/,
    },
    {
      what: 'a file of prices that is none',
      env: { NERVECENTER_PRICES: 'file' },
      pattern: /NERVECENTER_PRICES: expected a JSON file/,
    },
  ]) {
    it(`does not start with ${what}, and says so in one line`, async () => {
      const { code, stdout, stderr } = await nervecenter([], { cwd, env: { NERVECENTER_PORT: '0', ...env } });
      assert.deepEqual([code, stdout], [1, '']);
      assert.match(stderr, /^nervecenter: [^\n]+ \[NC_CONFIG_INVALID\]\n$/);
      assert.match(stderr, pattern);
    });
  }

  for (const { what, env, code, storage } of [
    {
      what: 'a database that is not there',
      env: { DATABASE_URL: 'postgres://u:top-secret@127.0.0.1:1/d' },
      code: 'NC_STORAGE_UNREACHABLE',
      storage: /storage +Postgres .* \(not reachable; rows wait in the spool\)/,
    },
    {
      what: 'a data directory that cannot be made',
      env: { NERVECENTER_DATA_DIR: 'file/data' },
      code: 'NC_DATA_DIR',
      storage: /storage +none, for the reason above: live view only/,
    },
  ]) {
    it(`shows the live view with ${what}, says so in one line, and health says degraded`, async () => {
      await withCollector(env, async (collector, { url }) => {
        const told = collector.stderr.match(/^\[nervecenter\] .*$/gm) ?? [];
        assert.equal(told.length, 1, collector.stderr);
        assert.ok(told[0]?.endsWith(`[${code}]`), told[0]);
        assert.match(collector.stderr, storage);
        assert.doesNotMatch(collector.stderr, /top-secret|\n\s+at /);
        const issues = async () => (await healthOf(url)).issues;
        await until(async () => (await issues()).includes('Storage unreachable'));
        assert.notEqual((await healthOf(url)).status, 'healthy');
        collector.child.kill('SIGTERM');
        assert.equal(await collector.end(), 0);
      });
    });
  }
});

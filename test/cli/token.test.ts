import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { WebSocket } from 'ws';
import type { PostgresConfig } from '../../src/config/config.ts';
import { freePort } from '../support/free-port.ts';
import { until } from '../support/poll.ts';
import { reachableTempDir, startPostgres, type TestPostgres } from '../support/postgres.ts';
import { Command, nervecenter } from './command.ts';

const SECRET = /^nc_[0-9a-f]{48}\n$/;
const FILES = { NERVECENTER_STORAGE: 'off' };

let cwd: string;
beforeAll(() => {
  cwd = reachableTempDir();
});
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

const token = (args: readonly string[], env: Readonly<Record<string, string>> = FILES) =>
  nervecenter(['token', ...args], { cwd, env });

async function add(name: string, role: string, env?: Readonly<Record<string, string>>): Promise<string> {
  const { code, stdout, stderr } = await token(['add', name, `--role=${role}`], env);
  assert.equal(code, 0, stderr);
  assert.match(stdout, SECRET);
  assert.ok(stderr.startsWith(`${name} (${role}) is kept in `), stderr);
  return stdout.trim();
}

const statusOf = async (url: string, headers: Readonly<Record<string, string>>) =>
  (await fetch(`${url}/api/metrics/llm`, { headers })).status;
const bearer = (secret: string) => ({ authorization: `Bearer ${secret}` });

/** Logs in as a browser does. @returns the cookie it sends from then on. */
async function sessionOf(url: string, secret: string): Promise<{ readonly cookie: string }> {
  const body = JSON.stringify({ token: secret });
  const answer = await fetch(`${url}/login`, { method: 'POST', headers: { origin: url }, body });
  return { cookie: answer.headers.get('set-cookie')?.split(';')[0] ?? '' };
}

describe('nervecenter token', () => {
  it('makes tokens that a running collector knows at once, and revoking them closes what they opened', async () => {
    const collector = new Command(['collector'], { cwd, env: { NERVECENTER_PORT: '0', ...FILES } });
    try {
      const { url } = await collector.dashboard();
      const secret = await add('wall', 'viewer');
      await until(async () => (await statusOf(url, bearer(secret))) === 200);
      const session = await sessionOf(url, secret);
      assert.equal(await statusOf(url, session), 200);
      const change = await fetch(`${url}/api/metrics/alerts/test`, {
        method: 'POST',
        headers: bearer(secret),
      });
      assert.equal(change.status, 403);
      const sockets = [bearer(secret), { ...session, origin: url }].map(
        (headers) => new WebSocket(`${url.replace('http', 'ws')}/api/metrics/stream`, { headers }),
      );
      for (const socket of sockets) await once(socket, 'open');
      const closed = sockets.map((socket) => once(socket, 'close'));
      await until(async () => /^wall +viewer +\S+Z +\S+Z$/m.test((await token(['list'])).stdout));
      assert.equal((await token(['revoke', 'wall'])).code, 0);
      for (const [code, reason] of await Promise.all(closed))
        assert.deepEqual([code, String(reason)], [1008, 'the token was revoked']);
      assert.ok([401, 429].includes(await statusOf(url, bearer(secret))));
      assert.equal(await statusOf(url, session), 401);
    } finally {
      await collector.kill();
    }
  });

  it('a session that was logged out stays so when its collector is killed and another takes its place', async () => {
    const env = { NERVECENTER_PORT: String(await freePort()), ...FILES };
    let collector = new Command(['collector'], { cwd, env });
    try {
      const { url, token: secret } = await collector.dashboard();
      const [ended, other] = [await sessionOf(url, secret), await sessionOf(url, secret)];
      const headers = { ...ended, origin: url };
      assert.equal((await fetch(`${url}/logout`, { method: 'POST', headers })).status, 204);
      assert.equal(await statusOf(url, ended), 401);
      await collector.kill();
      collector = new Command(['collector'], { cwd, env });
      assert.equal((await collector.dashboard()).url, url);
      assert.deepEqual([await statusOf(url, ended), await statusOf(url, other)], [401, 200]);
    } finally {
      await collector.kill();
    }
  });

  it('keeps no token, and says in one line what cannot be', async () => {
    const secret = await add('ci', 'admin');
    const directory = join(cwd, '.nervecenter', 'access', 'tokens');
    for (const file of readdirSync(directory))
      assert.ok(!readFileSync(join(directory, file), 'utf8').includes(secret.slice(3)));
    assert.match((await token(['list'])).stdout, /^name +role +made +last used\nci +admin +\S+Z +never\n$/);
    for (const [args, pattern] of [
      [['add', 'ci'], /there is a token "ci" in \S+ Revoke it first/],
      [['revoke', 'nobody'], /there is no token "nobody" in /],
      [['add', 'Upper'], /expected a name of lower-case letters/],
      [['add', '../x'], /expected a name of lower-case letters/],
      [['add', 'x', '--role=root'], /expected --role=viewer or --role=admin, got "root"/],
      [['add'], /expected `nervecenter token add <name>`/],
      [['list', 'x'], /expected `nervecenter token add <name>`/],
      [[], /expected `nervecenter token add <name>`/],
    ] as const) {
      const { code, stdout, stderr } = await token(args);
      assert.deepEqual([code, stdout], [1, ''], args.join(' '));
      assert.match(stderr, /^nervecenter: token: [^\n]+\[NC_CONFIG_INVALID\]\n$/);
      assert.match(stderr, pattern);
    }
    writeFileSync(join(cwd, 'file'), '');
    const { code, stderr } = await token(['add', 'x'], { ...FILES, NERVECENTER_DATA_DIR: 'file' });
    assert.equal(code, 1);
    assert.match(stderr, /^nervecenter: Tokens cannot be kept in [^\n]+\[NC_DATA_DIR\]\n$/);
    assert.equal((await token(['revoke', 'ci'])).code, 0);
    assert.match((await token(['list'])).stdout, /^No named tokens in /);
  });

  describe('with a database that two collectors share', () => {
    let postgres: TestPostgres;
    let database: PostgresConfig;
    beforeAll(async () => {
      postgres = await startPostgres();
      database = await postgres.createDatabase();
    });
    afterAll(() => postgres.stop());

    it('whoever has a token and floods the history with questions does not stop its revocation', async () => {
      const env = { ...(database.env as Record<string, string>), NERVECENTER_PORT: '0' };
      assert.equal((await nervecenter(['migrate'], { cwd, env })).code, 0);
      const collector = new Command(['collector'], { cwd, env: { ...env, NERVECENTER_DATA_DIR: 'flooded' } });
      let [flooding, refused] = [true, 0];
      try {
        const { url } = await collector.dashboard();
        const headers = bearer(await add('flood', 'viewer', env));
        await until(async () => (await statusOf(url, headers)) === 200);
        const question = `${url}/api/metrics/history?signal=request&measure=p95&from=-30d&group_by=endpoint`;
        /** Asks until there is no place to wait, or no more need. */
        const flood = async () => {
          const answer = await fetch(question, { headers });
          if ((await answer.text()).includes('Too many questions')) refused++;
          else if (flooding) await flood();
        };
        await postgres.using(database, async (client) => {
          // A question lasts as long as it may: ten seconds.
          await client.query('BEGIN; LOCK TABLE enterprise.request_metrics IN ACCESS EXCLUSIVE MODE');
          const floods = Array.from({ length: 60 }, () => flood().catch(() => {}));
          await until(() => refused > 0);
          assert.equal((await token(['revoke', 'flood'], env)).code, 0);
          await until(async () => (await statusOf(url, headers)) !== 200);
          flooding = false;
          await client.query('ROLLBACK');
          await Promise.all(floods);
        });
      } finally {
        flooding = false;
        await collector.kill();
      }
    });

    it('a token is known to both, and so is that a session has ended', async () => {
      const shared = {
        ...(database.env as Record<string, string>),
        NERVECENTER_PORT: '0',
        NERVECENTER_ADMIN_TOKEN: 'a-token-that-both-of-them-have',
      };
      assert.equal((await nervecenter(['migrate'], { cwd, env: shared })).code, 0);
      const collectors = ['one', 'other'].map(
        (name) => new Command(['collector'], { cwd, env: { ...shared, NERVECENTER_DATA_DIR: name } }),
      );
      try {
        const urls: string[] = [];
        for (const collector of collectors) {
          const [, url = ''] = await collector.says(
            /dashboard +(http:\S+)\/admin\/system\n(?:.*\n)* {2}stop /,
          );
          urls.push(url);
        }
        const [here = '', there = ''] = urls;
        const secret = await add('ci', 'viewer', shared);
        for (const url of urls) await until(async () => (await statusOf(url, bearer(secret))) === 200);
        const { cookie } = await sessionOf(here, secret);
        // A browser has one name for both where a proxy is in front of them.
        const elsewhere = { cookie: cookie.replace(new URL(here).port, new URL(there).port) };
        assert.equal(await statusOf(there, elsewhere), 200);
        const out = await fetch(`${here}/logout`, { method: 'POST', headers: { cookie, origin: here } });
        assert.equal(out.status, 204);
        await until(async () => (await statusOf(there, elsewhere)) === 401);
        assert.equal((await token(['revoke', 'ci'], shared)).code, 0);
        for (const url of urls) await until(async () => (await statusOf(url, bearer(secret))) !== 200);
      } finally {
        for (const collector of collectors) await collector.kill();
      }
    });
  });
});

import assert from 'node:assert/strict';
import {
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'vitest';
import { AccessFiles } from '../../../src/collector/access/access-files.ts';
import { ALL_BEFORE, type EndedSession } from '../../../src/core/access/store.ts';
import type { AccessToken } from '../../../src/core/access/token.ts';

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'nervecenter-test-'));
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

const TOKEN: AccessToken = {
  name: 'ci',
  role: 'viewer',
  digest: 'ab'.repeat(32),
  madeMs: 1000,
  usedMs: null,
};
const ended = (n: number, openedMs: number, untilMs: number): EndedSession => ({
  id: n.toString(16).padStart(36, '0'),
  openedMs,
  untilMs,
});
const byName = (files: AccessFiles) => files.tokens().then((tokens) => tokens.map(({ name }) => name).sort());

test('a token is added once, by its name, for its owner to read', async () => {
  const files = new AccessFiles(dataDir);
  assert.deepEqual(await files.tokens(), []);
  assert.equal(await files.add(TOKEN), true);
  assert.equal(await files.add({ ...TOKEN, digest: 'cd'.repeat(32) }), false);
  assert.deepEqual(await files.tokens(), [TOKEN]);
  const directory = join(dataDir, 'access', 'tokens');
  assert.deepEqual(readdirSync(directory), ['token-ci.json'], 'nothing is left beside it');
  if (process.platform !== 'win32')
    assert.equal(statSync(join(directory, 'token-ci.json')).mode & 0o777, 0o600);
});

test('what one changes another notices at once', async () => {
  const [command, collector] = [new AccessFiles(dataDir), new AccessFiles(dataDir)];
  for (let i = 0; i < 20; i++) {
    assert.equal(await command.add({ ...TOKEN, name: `t${i}` }), true);
    assert.equal((await collector.tokens()).length, 1);
    assert.equal(await command.remove(`t${i}`), true);
    assert.deepEqual(await collector.tokens(), []);
  }
  assert.equal(await command.remove('ci'), false);
});

test('its last use is kept, never brings a revoked one back, and is not that of another one of its name', async () => {
  const files = new AccessFiles(dataDir);
  await files.add(TOKEN);
  await files.used('ci', 5000);
  assert.equal((await new AccessFiles(dataDir).tokens())[0]?.usedMs, 5000);
  await files.remove('ci');
  await files.used('ci', 6000);
  assert.deepEqual(await new AccessFiles(dataDir).tokens(), []);
  await files.add(TOKEN);
  assert.equal((await new AccessFiles(dataDir).tokens())[0]?.usedMs, null);
});

test('its last use is not lost when another one is to have its name', async () => {
  const files = new AccessFiles(dataDir);
  await files.add(TOKEN);
  await files.used('ci', 5000);
  assert.equal(await files.add({ ...TOKEN, digest: 'cd'.repeat(32) }), false);
  assert.deepEqual(await new AccessFiles(dataDir).tokens(), [{ ...TOKEN, usedMs: 5000 }]);
});

test.skipIf(process.platform === 'win32')('nobody else may look into its directories', async (context) => {
  const umask = process.umask(0);
  context.onTestFinished(() => void process.umask(umask));
  const files = new AccessFiles(join(dataDir, 'made', 'here'));
  await files.add(TOKEN);
  await files.end(ended(1, 1, 1));
  const modeOf = (...below: readonly string[]) =>
    statSync(join(dataDir, 'made', 'here', ...below)).mode & 0o777;
  assert.deepEqual(
    [modeOf('access'), modeOf('access', 'tokens'), modeOf('access', 'ended'), modeOf()],
    [0o700, 0o700, 0o700, 0o777],
    'the data directory is for others as well, such as the account of the embedded server',
  );
});

test.skipIf(process.getuid?.() !== 0)('a file that another user put there is no token', async () => {
  const files = new AccessFiles(dataDir);
  await files.add(TOKEN);
  await files.add({ ...TOKEN, name: 'planted', digest: 'cd'.repeat(32) });
  chownSync(join(dataDir, 'access', 'tokens', 'token-planted.json'), 12345, 12345);
  assert.deepEqual(await byName(files), ['ci']);
  assert.match(String(files.unread), /token-planted\.json belongs to another user \(12345\)/);
});

test('one that cannot be read for a while stays what it was, and is gone only when its file is', async () => {
  const command = new AccessFiles(dataDir);
  await command.add(TOKEN);
  let failing = true;
  const read = (path: string) => {
    if (failing) throw Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO' });
    return readFileSync(path, 'utf8');
  };
  const files = new AccessFiles(dataDir, read);
  assert.deepEqual(await byName(files), [], 'never read: it opens nothing');
  assert.match(String(files.unread), /EIO/);
  failing = false;
  assert.deepEqual(await byName(files), ['ci'], 'read as soon as it can be, though nothing has changed');
  assert.equal(files.unread, null);
  failing = true;
  await command.add({ ...TOKEN, name: 'later' });
  assert.deepEqual(await byName(files), ['ci']);
  await command.remove('ci');
  assert.deepEqual(await byName(files), [], 'revoked, whether it can be read or not');
  await command.add({ ...TOKEN, digest: 'cd'.repeat(32) });
  assert.deepEqual(await byName(files), [], 'another one of its name, which was never read');
  failing = false;
  assert.deepEqual(await byName(files), ['ci', 'later']);
});

test('what is no token is none', async () => {
  const directory = join(dataDir, 'access', 'tokens');
  mkdirSync(directory, { recursive: true });
  const { role, digest, madeMs } = TOKEN;
  for (const [name, content] of [
    ['token-a.json', '{'],
    ['token-b.json', 'null'],
    ['token-c.json', JSON.stringify({ role: 'root', digest, madeMs })],
    ['token-d.json', JSON.stringify({ role, digest: 'short', madeMs })],
    ['token-e.json', JSON.stringify({ role, digest, madeMs: '1' })],
    ['token-f.json.tmp', JSON.stringify({ role, digest, madeMs })],
    ['token-..json', JSON.stringify({ role, digest, madeMs })],
    ['other', JSON.stringify({ role, digest, madeMs })],
  ] as const) {
    writeFileSync(join(directory, name), content);
  }
  const files = new AccessFiles(dataDir);
  assert.deepEqual(await byName(files), []);
  await files.add(TOKEN);
  assert.deepEqual(await byName(files), ['ci']);
  await assert.rejects(files.add({ ...TOKEN, name: '../../etc' }), RangeError);
});

test('ended sessions are told once each change, and forgotten in time', async () => {
  const [one, other] = [new AccessFiles(dataDir), new AccessFiles(dataDir)];
  const sessions = [ended(1, 10, 1000), ended(2, 20, 2000), ended(3, 30, 3000)];
  for (const session of sessions) await one.end(session);
  await one.end(sessions[0] ?? assert.fail());
  const byId = (found: readonly EndedSession[]) => found.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  assert.deepEqual(byId(await other.ended()), sessions);
  writeFileSync(join(dataDir, 'access', 'ended', 'what-is-this'), '');
  await one.forget(1000);
  assert.deepEqual(byId(await new AccessFiles(dataDir).ended()), sessions.slice(1));
  await one.end(ended(0, 5, 9000));
  await one.end(ended(0, 20, 9000));
  await one.forget(1001);
  const left = byId(await new AccessFiles(dataDir).ended());
  assert.deepEqual(left, [{ id: ALL_BEFORE, openedMs: 20, untilMs: 9000 }, sessions[2]]);
});

test('a data directory that cannot be used is the caller’s to tell', async () => {
  writeFileSync(join(dataDir, 'file'), '');
  const files = new AccessFiles(join(dataDir, 'file'));
  await assert.rejects(files.add(TOKEN));
  await assert.rejects(files.end(ended(1, 1, 1)));
});

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'vitest';
import { keptAdminToken, ownAdminToken } from '../../src/collector/kept-secrets.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'nervecenter-test-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

test('is made once per data directory, for its owner to read', () => {
  const dataDir = join(directory, 'not', 'there', 'yet');
  assert.equal(keptAdminToken(dataDir), null);
  const token = ownAdminToken(dataDir);
  assert.match(token, /^[0-9a-f]{48}$/);
  assert.deepEqual([ownAdminToken(dataDir), keptAdminToken(dataDir)], [token, token]);
  assert.deepEqual(readdirSync(dataDir), ['admin-token'], 'nothing is left beside it');
  if (process.platform !== 'win32') assert.equal(statSync(join(dataDir, 'admin-token')).mode & 0o777, 0o600);
});

test('replaces what is no token', () => {
  writeFileSync(join(directory, 'admin-token'), 'half a tok');
  const token = ownAdminToken(directory);
  assert.deepEqual([ownAdminToken(directory), readdirSync(directory)], [token, ['admin-token']]);
});

test('lives as long as the process where it cannot be kept', () => {
  const file = join(directory, 'file');
  writeFileSync(file, '');
  assert.match(ownAdminToken(join(file, 'data')), /^[0-9a-f]{48}$/);
  mkdirSync(join(directory, 'admin-token'));
  assert.match(ownAdminToken(directory), /^[0-9a-f]{48}$/);
});

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { test } from 'vitest';
import { storageError } from '../../../../../src/collector/sinks/postgres/connect/failure.ts';
import { reachableTempDir } from '../../../../support/postgres.ts';

test('a socket without a server is told in words', { skip: process.platform === 'win32' }, async () => {
  const directory = reachableTempDir();
  try {
    const path = join(directory, '.s.PGSQL.5432');
    const [error] = await once(connect(path), 'error');
    const { code, message } = storageError(error, 'embedded PostgreSQL in data');
    assert.equal(code, 'NC_STORAGE_UNREACHABLE');
    assert.equal(
      message,
      `embedded PostgreSQL in data cannot be used at the moment: no server listens on ${path}.`,
    );
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

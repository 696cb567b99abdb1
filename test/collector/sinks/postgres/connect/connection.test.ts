import assert from 'node:assert/strict';
import { DatabaseError } from 'pg';
import { test } from 'vitest';
import {
  connectionAttempts,
  describeServer,
} from '../../../../../src/collector/sinks/postgres/connect/connection.ts';
import { failureKind, storageError } from '../../../../../src/collector/sinks/postgres/connect/failure.ts';
import { NervecenterError } from '../../../../../src/core/errors.ts';

const url = (connectionString: string) => connectionAttempts({ connectionString, env: {} })[0];
const env = (variables: Record<string, string>) =>
  connectionAttempts({ connectionString: null, env: variables })[0];

function databaseError(code: string): DatabaseError {
  const error = new DatabaseError('it says no', 0, 'error');
  error.code = code;
  return error;
}

test('a server is described without user and password', () => {
  assert.equal(
    describeServer(url('postgres://me:s3cret@db.example.com:5433/app')),
    'Postgres db.example.com:5433/app',
  );
  assert.equal(
    describeServer(env({ PGHOST: '/run/postgresql', PGDATABASE: 'app' })),
    'Postgres /run/postgresql/app',
  );
  assert.equal(
    describeServer(env({ PGHOST: 'db', PGPORT: '6000', PGDATABASE: 'app' })),
    'Postgres db:6000/app',
  );
});

test('a URL is read as libpq reads it, and variables fill in what it leaves open', () => {
  const { host, port, database, user, password } = url(
    'postgres://an%40na:p%3Aw%25@[::1]:6000/d%2Fb?user=bob&sslmode=disable',
  );
  assert.deepEqual([host, port, database, user, password], ['::1', 6000, 'd/b', 'bob', 'p:w%']);
  assert.equal(url('postgres:///d?host=/run/pg').host, '/run/pg');
  assert.equal(url('postgres://u@%2Frun%2Fpg/d').host, '/run/pg');
  assert.equal(url('postgres://u@/d').host, 'localhost');
  const filled = connectionAttempts({
    connectionString: 'postgres://db/d?sslmode=require',
    env: { PGHOST: 'other', PGUSER: 'eve', PGSSLMODE: 'disable' },
  });
  assert.deepEqual([filled.length, filled[0].host, filled[0].user], [1, 'db', 'eve']);
  assert.equal(url('postgres://h/d?statement_timeout=5000').statement_timeout, '5000');
  assert.deepEqual(url('postgres://h/d?ssl=true').ssl, { rejectUnauthorized: true });
});

test('failures are told apart by SQLSTATE class, and by the driver’s own errors', () => {
  const kinds = {
    '22001': 'row',
    '23502': 'row',
    '54000': 'row',
    '28P01': 'refused',
    '3D000': 'refused',
    '42501': 'refused',
    '40P01': 'unreachable',
    '53300': 'unreachable',
    '57P01': 'unreachable',
    '25006': 'unreachable',
    XX000: 'unreachable',
  };
  for (const [code, kind] of Object.entries(kinds))
    assert.equal(failureKind(databaseError(code)), kind, code);
  assert.equal(failureKind(Object.assign(new Error('connect'), { code: 'ECONNREFUSED' })), 'unreachable');
  assert.equal(failureKind(Object.assign(new Error('write'), { code: 'EPIPE' })), 'unreachable');
  assert.equal(failureKind(new Error('The server does not support SSL connections')), 'refused');
  assert.equal(failureKind(Object.assign(new Error('x'), { code: 'SELF_SIGNED_CERT_IN_CHAIN' })), 'refused');
  assert.equal(failureKind(new Error('SASL: client password must be a string')), 'refused');
  assert.equal(failureKind(new NervecenterError('NC_DATA_DIR', 'x')), 'refused');
});

test('a failure is one sentence with its remedy', () => {
  const missing = storageError(databaseError('42501'), 'Postgres h:1/d');
  assert.equal(missing.code, 'NC_STORAGE_REFUSED');
  assert.match(missing.message, /^Postgres h:1\/d refused: it says no\. Grant the role/);
  const both = new AggregateError([new Error('connect ECONNREFUSED ::1:5432')], '');
  assert.match(
    storageError(both, 'Postgres h').message,
    /cannot be used at the moment: connect ECONNREFUSED/,
  );
  assert.equal(storageError(both, 'Postgres h').code, 'NC_STORAGE_UNREACHABLE');
});

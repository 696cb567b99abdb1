import assert from 'node:assert/strict';
import { it } from 'vitest';
import { readConfig } from '../../src/config/config.ts';
import { NervecenterError } from '../../src/core/errors.ts';

function refusal(env: Readonly<Record<string, string>>): string {
  try {
    readConfig(env, import.meta.dirname);
    return '';
  } catch (error) {
    assert.ok(error instanceof NervecenterError && error.code === 'NC_CONFIG_INVALID', String(error));
    return error.message;
  }
}

it('a connection option that cannot be used stops the start, by both its names', () => {
  const url = 'postgres://u:top-secret@h/d';
  for (const [parameters, expected] of [
    [
      'sslmode=secure',
      /^PGSSLMODE \(sslmode in DATABASE_URL\): expected one of disable, allow, .*got "secure"/,
    ],
    ['sslmode=verify-ca', /PGSSLROOTCERT .*expected the file of the authority/],
    ['sslmode=require&sslrootcert=system', /PGSSLMODE .*expected verify-full, because sslrootcert is system/],
    ['sslrootcert=/nowhere/ca.pem', /PGSSLROOTCERT .*expected a readable file .*got "\/nowhere\/ca\.pem"/],
    [
      'sslcert=/nowhere/c.pem',
      /PGSSLKEY .*expected a file, because sslcert is set.* PGSSLCERT .*expected a readable file/,
    ],
    ['sslnegotiation=maybe', /PGSSLNEGOTIATION .*expected postgres or direct/],
    ['connect_timeout=soon', /PGCONNECT_TIMEOUT .*expected a whole number from 0/],
    ['port=70000', /PGPORT .*expected a whole number from 1/],
    ['host=a,b', /PGHOST .*expected one host, got "a,b"/],
  ] as const) {
    const message = refusal({ DATABASE_URL: `${url}?${parameters}` });
    assert.match(message, expected);
    assert.doesNotMatch(message, /top-secret/);
  }
  assert.match(refusal({ PGHOST: 'h', PGPASSFILE: '/nowhere' }), /^PGPASSFILE .*expected a readable file/);
  assert.match(refusal({ PGHOST: 'h', PGSSLMODE: 'on' }), /^PGSSLMODE /);
});

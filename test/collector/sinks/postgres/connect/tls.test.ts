import assert from 'node:assert/strict';
import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Client } from 'pg';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { connect } from '../../../../../src/collector/sinks/postgres/connect/connection.ts';
import { storageError } from '../../../../../src/collector/sinks/postgres/connect/failure.ts';
import { externalServer } from '../../../../../src/collector/sinks/postgres/connect/postgres-server.ts';
import { NervecenterError } from '../../../../../src/core/errors.ts';
import { reachableTempDir, startPostgres, type TestPostgres } from '../../../../support/postgres.ts';
import { pemPath, startTlsFront, type TlsFront } from './tls-front.ts';

const STOP_MS = 1000;
const CA = pemPath('authority');
let postgres: TestPostgres;
let both: TlsFront;
let onlyTls: TlsFront;
let onlyPlain: TlsFront;
let withProof: TlsFront;
let directory: string;

beforeAll(async () => {
  postgres = await startPostgres();
  directory = reachableTempDir();
  const socket = join(postgres.clusterDir, '.s.PGSQL.5432');
  both = await startTlsFront(socket, ['tls', 'plain']);
  onlyTls = await startTlsFront(socket, ['tls']);
  onlyPlain = await startTlsFront(socket, ['plain']);
  withProof = await startTlsFront(socket, ['tls'], true);
});
afterAll(async () => {
  for (const front of [both, onlyTls, onlyPlain, withProof]) await front.stop();
  await postgres.stop();
  rmSync(directory, { recursive: true, force: true });
});

/** How the connection that is used went; rejects with the failure as people see it. */
async function connectionTo(front: TlsFront, parameters: string, host = 'localhost'): Promise<string> {
  const url = `postgres://nervecenter@${host}:${front.port}/postgres?${parameters}`;
  return connectionAs({ connectionString: url, env: {} }, front);
}

async function connectionAs(
  config: Parameters<typeof externalServer>[0],
  front: TlsFront,
): Promise<'tls' | 'plain' | 'none'> {
  const server = externalServer(config);
  try {
    const { pool, destroy } = connect(await server.start());
    try {
      await pool.query('SELECT');
      return front.served.at(-1) ?? 'none';
    } finally {
      destroy();
    }
  } catch (error) {
    throw storageError(error, server.description);
  } finally {
    await server.stop(STOP_MS);
  }
}

describe('sslmode', () => {
  it('means what it means to libpq, by what the server offers', async () => {
    const expected = {
      disable: ['plain', /no pg_hba\.conf entry, no encryption/, 'plain'],
      allow: ['plain', 'tls', 'plain'],
      prefer: ['tls', 'tls', 'plain'],
      require: ['tls', 'tls', /does not support SSL/],
      'no-verify': ['tls', 'tls', /does not support SSL/],
    };
    for (const [mode, outcomes] of Object.entries(expected)) {
      for (const [index, front] of [both, onlyTls, onlyPlain].entries()) {
        const outcome = outcomes[index] ?? '';
        const connection = connectionTo(front, `sslmode=${mode}`);
        if (typeof outcome === 'string') assert.equal(await connection, outcome, `${mode} ${index}`);
        else await assert.rejects(connection, outcome, `${mode} ${index}`);
      }
    }
    assert.equal(await connectionTo(both, ''), 'tls', 'as prefer');
    assert.equal(await connectionTo(onlyPlain, ''), 'plain', 'as prefer');
  });

  it('verify-full takes the right host of the right authority only', async () => {
    assert.equal(await connectionTo(both, `sslmode=verify-full&sslrootcert=${CA}`), 'tls');
    await assert.rejects(
      connectionTo(both, `sslmode=verify-full&sslrootcert=${CA}`, '127.0.0.1'),
      (error: NervecenterError) =>
        error.code === 'NC_STORAGE_REFUSED' &&
        /127\.0\.0\.1.* does not match certificate.* Connect by a name that the certificate bears/.test(
          error.message,
        ),
    );
    for (const root of [`&sslrootcert=${pemPath('other-authority')}`, '', '&sslrootcert=system']) {
      await assert.rejects(
        connectionTo(both, `sslmode=verify-full${root}`),
        /refused: (unable to|self-signed).*Name the file of the certificate's authority: sslrootcert.* PGSSLROOTCERT/,
      );
    }
  });

  it('verify-ca, and require with an authority, check the authority and not the host', async () => {
    for (const mode of ['verify-ca', 'require']) {
      assert.equal(await connectionTo(both, `sslmode=${mode}&sslrootcert=${CA}`, '127.0.0.1'), 'tls');
      await assert.rejects(
        connectionTo(both, `sslmode=${mode}&sslrootcert=${pemPath('other-authority')}`),
        /Name the file of the certificate's authority/,
      );
    }
  });

  it('proves the client by sslcert and sslkey, from the variables as from the URL', async () => {
    const env = {
      PGSSLMODE: 'verify-full',
      PGSSLROOTCERT: CA,
      PGSSLCERT: pemPath('client'),
      PGSSLKEY: pemPath('client-key'),
      PGHOST: 'localhost',
      PGPORT: String(withProof.port),
      PGUSER: 'nervecenter',
      PGDATABASE: 'postgres',
    };
    assert.equal(await connectionAs({ connectionString: null, env }, withProof), 'tls');
    const connectionString = `postgres://nervecenter@localhost:${withProof.port}/postgres`;
    assert.equal(await connectionAs({ connectionString, env }, withProof), 'tls', 'variables fill in');
    await assert.rejects(connectionTo(withProof, 'sslmode=require'));
    const swapped = { ...env, PGSSLKEY: pemPath('server-key') };
    await assert.rejects(
      connectionAs({ connectionString: null, env: swapped }, withProof),
      /refused: .*key values mismatch.*Check the TLS setting/,
    );
  });
});

describe('other options', () => {
  it('name the connection, set the session, and find the password', async () => {
    const passfile = join(directory, 'pgpass');
    writeFileSync(passfile, '# mine\nelsewhere:*:*:*:no\n*:*:post\\gres:nervecenter:a\\:b\\\\c\n', {
      mode: 0o600,
    });
    const url = `postgres://nervecenter@/postgres?host=${postgres.clusterDir}&application_name=mine&options=-c%20work_mem%3D123kB&connect_timeout=5&passfile=${passfile}`;
    const options = await externalServer({ connectionString: url, env: { PGAPPNAME: 'lost' } }).start();
    assert.equal(options.password, 'a:b\\c');
    assert.equal(options.connectionTimeoutMillis, 5000);
    const { pool, destroy } = connect(options);
    const { rows } = await pool.query(
      `SELECT current_setting('application_name') AS name, current_setting('work_mem') AS memory`,
    );
    destroy();
    assert.deepEqual(rows, [{ name: 'mine', memory: '123kB' }]);
    chmodSync(passfile, 0o644);
    await assert.rejects(
      externalServer({ connectionString: url, env: {} }).start(),
      (error: unknown) =>
        error instanceof NervecenterError &&
        /^PGPASSFILE \(passfile in DATABASE_URL\): expected a file that only its owner may read/.test(
          error.message,
        ),
    );
  });

  it('of the app’s own Postgres do not reach the embedded one', async () => {
    process.env['PGOPTIONS'] = '-c no_such_setting=1';
    process.env['PGSSLNEGOTIATION'] = 'direct';
    try {
      await postgres.using({ connectionString: null, env: {} }, (client: Client) => client.query('SELECT'));
    } finally {
      delete process.env['PGOPTIONS'];
      delete process.env['PGSSLNEGOTIATION'];
    }
  });
});

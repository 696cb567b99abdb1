import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { until } from '../support/poll.ts';
import { reachableTempDir } from '../support/postgres.ts';
import { makeCertificate } from '../support/tls/certificate.ts';
import { PemDirectory } from '../support/tls/pem-directory.ts';
import { Command, nervecenter } from './command.ts';

/** Of an authority that nobody knows, for a name that is not this machine's: as in most networks. */
const authority = makeCertificate({ names: ['an authority'], isAuthority: true });
const files = new PemDirectory(makeCertificate({ names: ['metrics.example.com'], issuer: authority }));
let cwd: string;
let env: Record<string, string>;
let collector: Command;

beforeAll(async () => {
  cwd = reachableTempDir();
  env = { ...files.env, NERVECENTER_PORT: String(await freePort()), NERVECENTER_STORAGE: 'off' };
  collector = new Command(['collector'], { cwd, env });
  await until(() => /^ {2}dashboard/m.test(collector.stderr + collector.stdout), { timeoutMs: 60_000 });
});
afterAll(async () => {
  collector.child.kill();
  await collector.end();
  files.remove();
  rmSync(cwd, { recursive: true, force: true });
});

describe('a collector that speaks TLS', () => {
  const address = () => `https://127.0.0.1:${env['NERVECENTER_PORT']}`;

  it('says so at its start, and so does nervecenter url', async () => {
    const { stdout } = await nervecenter(['url'], { cwd, env });
    for (const said of [stdout, collector.stderr + collector.stdout])
      assert.ok(said.includes(`${address()}/login#code=`), said);
  });

  it('is known to nervecenter top by its file, though neither its name nor its authority is', async () => {
    const { code, stdout, stderr } = await nervecenter(['top', '--once'], { cwd, env });
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(stdout, /^nervecenter \S+ up /);
  });

  it('is no collector for who has not its file, or another one', async () => {
    const other = new PemDirectory(makeCertificate({ names: ['metrics.example.com'] }));
    try {
      const { NERVECENTER_PORT } = env;
      for (const settings of [{}, other.env]) {
        const args = ['top', '--once', `--url=${address()}`];
        const { code, stderr } = await nervecenter(args, {
          cwd,
          env: { NERVECENTER_PORT: NERVECENTER_PORT ?? '', ...settings },
        });
        assert.equal(code, 1);
        assert.match(stderr, /cannot be reached/);
      }
    } finally {
      other.remove();
    }
  });

  it('is found by nervecenter doctor, which says whose the certificate is', async () => {
    const { code, stdout } = await nervecenter(['doctor'], { cwd, env });
    assert.equal(code, 0);
    assert.match(stdout, /^collector +running, \w+/m);
    assert.match(stdout, /^tls +DNS:metrics\.example\.com, valid to /m);
    assert.match(stdout, /^NERVECENTER_TLS_CERT +\S+tls\.crt$/m);
  });

  it('says in one line why it does not start, and doctor fails with the same', async () => {
    const broken = new PemDirectory({ cert: makeCertificate().cert, key: makeCertificate().key });
    try {
      const settings = { ...env, ...broken.env, NERVECENTER_PORT: String(await freePort()) };
      const line =
        /NERVECENTER_TLS_KEY \(\S+\): expected the key of the first certificate .*\[NC_CONFIG_INVALID\]$/m;
      const started = await nervecenter(['collector'], { cwd, env: settings });
      assert.equal(started.code, 1);
      assert.match(started.stderr, line);
      const doctor = await nervecenter(['doctor'], { cwd, env: settings });
      assert.equal(doctor.code, 1);
      assert.match(doctor.stdout, line);
      const half = await nervecenter(['doctor'], { cwd, env: { NERVECENTER_TLS_CERT: broken.cert } });
      assert.match(
        half.stderr,
        /NERVECENTER_TLS_KEY: expected the path of a PEM file, together with NERVECENTER_TLS_CERT, got ""/,
      );
    } finally {
      broken.remove();
    }
  });
});

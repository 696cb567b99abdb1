import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, renameSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { connect as connectRaw } from 'node:net';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { describe, it, type TestContext } from 'vitest';
import { TlsIdentity } from '../../../src/collector/tls/identity.ts';
import { createHttpServer } from '../../../src/collector/tls/servers.ts';
import { until } from '../../support/poll.ts';
import { makeCertificate } from '../../support/tls/certificate.ts';
import { PemDirectory } from '../../support/tls/pem-directory.ts';

const DAY_MS = 86_400_000;
const LOOK_MS = 10;

/** The names of the certificate that a new connection is shown. */
async function shownAt(port: number): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const { subjectaltname = '' } = socket.getPeerCertificate();
  socket.destroy();
  return subjectaltname;
}

async function serve(test: TestContext, files: PemDirectory, now: () => number = Date.now) {
  const logs: string[] = [];
  const log = (component: string, message: string) => logs.push(`${component}: ${message}`);
  const tls = new TlsIdentity({ files, log, lookMs: LOOK_MS, now });
  const server = createHttpServer(tls, {}, (_request, response) => response.end('secret'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  test.onTestFinished(close);
  return { port: (server.address() as AddressInfo).port, logs, close };
}

describe('the certificate of the listeners', () => {
  it('is read again when the directory behind its links is replaced, and open connections stay', async (test) => {
    const files = PemDirectory.of(test, makeCertificate({ names: ['first.example.com'] }));
    const { port, logs } = await serve(test, files);
    assert.equal(await shownAt(port), 'DNS:first.example.com');
    const open: TLSSocket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false });
    await once(open, 'secureConnect');
    files.replace(makeCertificate({ names: ['second.example.com'] }));
    await until(async () => (await shownAt(port)) === 'DNS:second.example.com');
    open.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    assert.match(String(await once(open, 'data')), /200 OK/);
    assert.equal(logs.length, 1);
    assert.match(logs[0] ?? '', /^tls: a new certificate is in use: DNS:second\.example\.com, valid to /);
  });

  it('is read again when its files are renamed into place, one after the other', async (test) => {
    const files = PemDirectory.of(test);
    const { port, logs } = await serve(test, files);
    const next = makeCertificate({ names: ['renamed.example.com'] });
    for (const [path, text] of [
      [files.cert, next.cert],
      [files.key, next.key],
    ] as const) {
      writeFileSync(join(files.path, 'new'), text);
      renameSync(join(files.path, 'new'), path);
    }
    await until(async () => (await shownAt(port)) === 'DNS:renamed.example.com');
    assert.equal(logs.filter((line) => line.includes('a new certificate')).length, 1);
  });

  it('stays in use while the new files are broken, which is said once, and once when they are not any more', async (test) => {
    const first = makeCertificate({ names: ['first.example.com'] });
    const files = PemDirectory.of(test, first);
    const { port, logs } = await serve(test, files);
    files.replace({ cert: makeCertificate().cert, key: first.key });
    await until(() => logs.length === 1);
    assert.match(
      logs[0] ?? '',
      /^tls: NERVECENTER_TLS_KEY .*got another one.*The certificate read before stays in use\.$/,
    );
    assert.equal(await shownAt(port), 'DNS:first.example.com');
    files.replace({ cert: 'no PEM', key: first.key });
    await until(() => logs.length === 2);
    assert.match(logs[1] ?? '', /NERVECENTER_TLS_CERT .*expected a certificate/);
    files.replace(makeCertificate({ names: ['second.example.com'] }));
    await until(() => logs.length === 4);
    assert.match(logs[2] ?? '', /a new certificate is in use: DNS:second/);
    assert.match(logs[3] ?? '', /the files can be used again/);
  });

  it('is said to expire, and to have expired, and that a new one is valid needs no word', async (test) => {
    const begin = Date.now();
    let nowMs = begin;
    const files = PemDirectory.of(test, makeCertificate({ validTo: new Date(begin + 30 * DAY_MS) }));
    const { logs } = await serve(test, files, () => nowMs);
    assert.deepEqual(logs, []);
    nowMs = begin + 24 * DAY_MS;
    await until(() => logs.length === 1);
    assert.match(logs[0] ?? '', /expires on .* Renew it\./);
    nowMs = begin + 31 * DAY_MS;
    await until(() => logs.length === 2);
    assert.match(logs[1] ?? '', /has expired, on .*Renew it\./);
  });

  it('that has expired is served all the same, with a warning: a dashboard that does not start helps nobody', async (test) => {
    const validTo = new Date(Date.now() - DAY_MS);
    const expired = makeCertificate({ validFrom: new Date(Date.now() - 9 * DAY_MS), validTo });
    const { port, logs } = await serve(test, PemDirectory.of(test, expired));
    assert.match(logs[0] ?? '', /has expired/);
    assert.match(await shownAt(port), /localhost/);
  });

  it('ends with the server at once, also while somebody is in the handshake', async (test) => {
    const { port, close } = await serve(test, PemDirectory.of(test));
    const mute = connectRaw(port, '127.0.0.1');
    await once(mute, 'connect');
    const closed = once(mute, 'close');
    mute.on('error', () => {});
    await close();
    await closed;
  });

  it('speaks no older TLS than 1.2', async (test) => {
    const { port } = await serve(test, PemDirectory.of(test));
    const socket = connect({
      host: '127.0.0.1',
      port,
      rejectUnauthorized: false,
      minVersion: 'TLSv1',
      maxVersion: 'TLSv1.1',
      ciphers: 'DEFAULT@SECLEVEL=0',
    });
    const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
    assert.match(String(error.code), /PROTOCOL|ALERT/);
  });

  const good = makeCertificate();
  const encrypted = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' },
  }).privateKey;
  for (const { what, cert = good.cert, key = good.key, message } of [
    {
      what: 'a key of another certificate',
      key: makeCertificate().key,
      message: /KEY \(.*tls\.key\): expected the key of the first certificate in .*got another one/,
    },
    {
      what: 'the authority before the certificate',
      cert: makeCertificate().cert + good.cert,
      message: /own certificate comes first/,
    },
    {
      what: 'a key in place of the certificate',
      cert: good.key,
      message: /CERT \(.*\): expected a certificate/,
    },
    {
      what: 'a certificate in place of the key',
      key: good.cert,
      message: /KEY \(.*\): expected a private key/,
    },
    { what: 'a key with a passphrase', key: encrypted, message: /without a passphrase/ },
    { what: 'an empty file', cert: '', message: /CERT \(.*\): expected a certificate/ },
    {
      what: 'a file that is much too large',
      cert: 'x'.repeat(2 ** 20 + 1),
      message: /expected a PEM file, got 1048577 bytes/,
    },
  ]) {
    it(`is refused at the start with what to do: ${what}`, (test) => {
      const files = PemDirectory.of(test, { cert, key });
      const begin = () => new TlsIdentity({ files, log: () => {} });
      assert.throws(begin, (error: Error & { code?: string }) => {
        assert.equal(error.code, 'NC_CONFIG_INVALID');
        assert.match(error.message, message);
        assert.doesNotMatch(error.message, /-----END|\n/);
        return true;
      });
    });
  }

  it('is refused at the start with what to do: files that are not there, or that this user may not read', (test) => {
    const files = PemDirectory.of(test);
    const begin = (changes: object) => () =>
      new TlsIdentity({ files: { cert: files.cert, key: files.key, ...changes }, log: () => {} });
    assert.throws(begin({ cert: '/nowhere.pem' }), /CERT \(\/nowhere\.pem\): expected a file .*\(ENOENT\)/);
    assert.throws(begin({ key: files.path }), /KEY \(.*\): expected a file .*\(EISDIR\)/);
    if (process.getuid?.() === 0) return; // Root may read everything.
    chmodSync(files.key, 0);
    assert.throws(begin({}), /KEY \(.*\): expected a file .*\(EACCES\)/);
  });
});

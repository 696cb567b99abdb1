import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, it } from 'vitest';
import { grpcTransport } from '../../../../../src/collector/sinks/otlp/send/grpc.ts';
import { readTlsFiles } from '../../../../../src/collector/sinks/otlp/send/tls-files.ts';
import { readConfig } from '../../../../../src/config/config.ts';
import { makeCertificate } from '../../../../support/tls/certificate.ts';

const HOME = mkdtempSync(join(tmpdir(), 'nervecenter-test-'));
afterAll(() => rmSync(HOME, { recursive: true, force: true }));

const { cert, key } = makeCertificate();
const FILES = { cert, key, 'another-key': makeCertificate().key, text: 'secret', empty: '' };
for (const [name, content] of Object.entries(FILES)) writeFileSync(join(HOME, name), content);

/** Of the traces' endpoint, with these files. */
function endpointWith(files: Readonly<Record<string, string>>, url = 'https://localhost:4317') {
  const variables = Object.entries(files).map(([name, file]) => [`OTEL_EXPORTER_OTLP_${name}`, file]);
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: url,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
    ...Object.fromEntries(variables),
  };
  const endpoint = readConfig(env, HOME).otlpTargets[0]?.endpoints.traces;
  assert.ok(endpoint !== undefined);
  return endpoint;
}

describe('the files of a receiver’s TLS', () => {
  it('are read where they are sound, by themselves and as a pair', () => {
    const pair = { CLIENT_CERTIFICATE: 'cert', CLIENT_KEY: 'key' };
    for (const files of [{}, { CERTIFICATE: 'cert' }, pair, { CERTIFICATE: 'cert', ...pair }]) {
      const endpoint = endpointWith(files);
      const tls = readTlsFiles(endpoint, 'here');
      assert.equal(Object.keys(tls).length, Object.keys(files).length);
      grpcTransport({ endpoint, signal: 'traces', tls }).close();
    }
  });

  for (const [files, expected] of [
    [
      { CERTIFICATE: 'nowhere' },
      /_CERTIFICATE \(certificate in .*\): expected a file that this user may read, got ENOENT in .*nowhere\./,
    ],
    [{ CERTIFICATE: 'text' }, /_OTLP_CERTIFICATE .* expected a certificate .*, got none in .*text\./],
    [{ CERTIFICATE: 'empty' }, /_OTLP_CERTIFICATE .* expected a certificate .*, got none in .*empty\./],
    [{ CLIENT_KEY: 'key' }, /_CLIENT_CERTIFICATE .* expected a certificate .*, got only its key\./],
    [{ CLIENT_CERTIFICATE: 'cert' }, /_CLIENT_KEY .* expected the key of the certificate, got none\./],
    [
      { CLIENT_CERTIFICATE: 'cert', CLIENT_KEY: 'another-key' },
      /_CLIENT_KEY .* expected the key of .*cert, got another one in .*another-key\./,
    ],
    [
      { CLIENT_CERTIFICATE: 'cert', CLIENT_KEY: 'text' },
      /_CLIENT_KEY .* expected a private key .*, got none in .*text\./,
    ],
    [
      { CLIENT_CERTIFICATE: 'text', CLIENT_KEY: 'key' },
      /_CLIENT_CERTIFICATE .* expected a certificate .*, got none in .*text\./,
    ],
  ] as const) {
    it(`are refused at the start: ${JSON.stringify(files)}`, () => {
      const message = refusal(() => readTlsFiles(endpointWith(files), 'OTLP to otlp, traces'));
      assert.match(message, /^OTLP to otlp, traces: .* Correct the file or the setting\.$/);
      assert.match(message, expected);
      assert.doesNotMatch(message, /secret/);
    });
  }

  it('are not judged where there is no TLS', () => {
    const endpoint = endpointWith({ CERTIFICATE: 'text', CLIENT_KEY: 'key' }, 'http://localhost:4317');
    assert.deepEqual(Object.keys(readTlsFiles(endpoint, 'here')), ['ca', 'key']);
  });
});

function refusal(read: () => unknown): string {
  try {
    read();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('they were accepted');
}

import assert from 'node:assert/strict';
import { request } from 'node:https';
import { Client, credentials, Metadata } from '@grpc/grpc-js';
import { it, type TestContext } from 'vitest';
import { TlsIdentity } from '../../../../../src/collector/tls/identity.ts';
import { until } from '../../../../support/poll.ts';
import { makeCertificate } from '../../../../support/tls/certificate.ts';
import { PemDirectory } from '../../../../support/tls/pem-directory.ts';
import { startReceiver } from '../receiver.ts';

const KEY = 'a-key-that-is-long-enough';
const EXPORT = '/opentelemetry.proto.collector.trace.v1.TraceService/Export';
let spans = 0;

/** An ExportTraceServiceRequest with a span that did not come before. */
function spanRequest(): Buffer {
  const span = Buffer.concat([field(1, Buffer.alloc(16, 1)), field(2, Buffer.alloc(8, ++spans))]);
  return field(1, field(2, field(2, span)));
}

/** A message or bytes as a field of protobuf, both short. */
function field(number: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.from([(number << 3) | 2, content.length]), content]);
}

async function start(test: TestContext) {
  const authority = makeCertificate({ names: ['an authority'], isAuthority: true });
  const files = PemDirectory.of(test, makeCertificate({ issuer: authority }));
  const tls = new TlsIdentity({ files, log: () => {}, lookMs: 10 });
  const receiver = await startReceiver(test, { tls, keys: [{ name: 'shop', key: KEY }] });
  return { ...receiver, files, ca: authority.cert };
}

function post(url: string, ca: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/x-protobuf', authorization: `Bearer ${KEY}` };
    const sending = request(`${url}/v1/traces`, { method: 'POST', ca, headers, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    sending.on('error', reject);
    sending.end(spanRequest());
  });
}

function call(url: string, ca: string): Promise<void> {
  const client = new Client(new URL(url).host, credentials.createSsl(Buffer.from(ca)));
  const bytes = (value: Buffer) => value;
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${KEY}`);
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(EXPORT, bytes, bytes, spanRequest(), metadata, (error) => {
      client.close();
      if (error === null) resolve();
      else reject(error);
    });
  });
}

it('both listeners take what comes over TLS, and a new certificate without a restart', async (test) => {
  const { http, grpc, received, files, ca } = await start(test);
  assert.match(http, /^https:/);
  assert.match(grpc, /^https:/);
  assert.equal(await post(http, ca), 200);
  await call(grpc, ca);
  assert.equal(received.length, 2);
  const other = makeCertificate({ names: ['another authority'], isAuthority: true });
  files.replace(makeCertificate({ issuer: other }));
  await until(async () => (await post(http, other.cert)) === 200);
  await until(() => call(grpc, other.cert).then(() => true));
  await assert.rejects(post(http, ca));
  await assert.rejects(call(grpc, ca));
});

it('neither takes what comes without', async (test) => {
  const { http, grpc, received, ca } = await start(test);
  await assert.rejects(fetch(`${http.replace('https', 'http')}/v1/traces`, { method: 'POST' }));
  // Of HTTP over TLS that names no HTTP/2.
  await assert.rejects(post(grpc, ca));
  assert.deepEqual(received, []);
});

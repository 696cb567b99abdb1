import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { type ConnectionOptions, checkServerIdentity, getCACertificates } from 'node:tls';

/** Far above every answer that is asked for. */
const BODY_BYTES_MAX = 8 * 1024 * 1024;

export interface Question {
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  /** Whom a server may be over TLS besides whom authorities vouch for. @default nobody */
  readonly trust?: ConnectionOptions;
}

export interface Told {
  readonly ok: boolean;
  readonly status: number;
  json(): Promise<unknown>;
  text(): Promise<string>;
}

/**
 * Whom to believe that it is the collector with this certificate, whatever it is called here: whoever has its key. An address
 * such as 127.0.0.1 is in few certificates, and their authority is often known to nobody on this machine.
 *
 * @param path of the PEM file; `null`, or of a file that cannot be read: authorities alone are believed.
 */
export function trustOf(path: string | null): ConnectionOptions {
  try {
    if (path === null) return {};
    const pem = readFileSync(path, 'utf8');
    const own = new X509Certificate(pem).fingerprint256;
    return {
      ca: [...getCACertificates(), pem],
      allowPartialTrustChain: true,
      checkServerIdentity: (host, certificate) =>
        certificate.fingerprint256 === own ? undefined : checkServerIdentity(host, certificate),
    };
  } catch {
    return {};
  }
}

/** A GET whose redirects are not followed. @throws Error when nobody answers, or with too much. */
export function ask(address: string, { headers = {}, signal, trust = {} }: Question): Promise<Told> {
  const url = new URL(address);
  const options = { headers, signal, agent: false, ...trust };
  return new Promise((resolve, reject) => {
    const request = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const asking = request(url, options, (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > BODY_BYTES_MAX) response.destroy(new Error('the answer is too long'));
        else chunks.push(chunk);
      });
      response.on('error', reject);
      response.on('end', () => resolve(told(response.statusCode ?? 0, Buffer.concat(chunks).toString())));
    });
    asking.on('error', reject);
    asking.end();
  });
}

function told(status: number, text: string): Told {
  return {
    ok: status >= 200 && status < 300,
    status,
    json: async () => JSON.parse(text) as unknown,
    text: async () => text,
  };
}

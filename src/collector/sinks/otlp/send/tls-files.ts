import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import type { OtlpEndpoint } from '../../../../config/otlp/target.ts';
import { NervecenterError } from '../../../../core/errors.ts';

/** What the files of an endpoint hold, in PEM. */
export interface TlsFiles {
  readonly ca?: Buffer;
  readonly key?: Buffer;
  readonly cert?: Buffer;
}

type FileName = 'certificate' | 'clientKey' | 'clientCertificate';

/** Each by the variable that names it, or the one of a signal (`OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE`), and in a list of targets by its own name. */
const VARIABLES: Readonly<Record<FileName, string>> = {
  certificate: 'OTEL_EXPORTER_OTLP_CERTIFICATE',
  clientKey: 'OTEL_EXPORTER_OTLP_CLIENT_KEY',
  clientCertificate: 'OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE',
};
const A_CERTIFICATE = 'a certificate ("-----BEGIN CERTIFICATE-----")';

/**
 * Reads them, and finds out now what every connection would fail of later.
 *
 * @param receiver of whom they are, as messages name it.
 * @throws NervecenterError `NC_CONFIG_INVALID`: whose file, what was expected, what came, what to do.
 */
export function readTlsFiles(endpoint: OtlpEndpoint, receiver: string): TlsFiles {
  const files = new EndpointFiles(endpoint, receiver);
  const [ca, key, cert] = [
    files.read('certificate'),
    files.read('clientKey'),
    files.read('clientCertificate'),
  ];
  if (new URL(endpoint.url).protocol === 'https:') {
    if (ca !== null) files.certificateIn('certificate', ca);
    if (key !== null && cert === null)
      throw files.invalid('clientCertificate', A_CERTIFICATE, 'only its key');
    if (cert !== null && key === null) throw files.invalid('clientKey', 'the key of the certificate', 'none');
    if (key !== null && cert !== null) files.judgePair(key, cert);
  }
  return {
    ...(ca === null ? {} : { ca }),
    ...(key === null ? {} : { key }),
    ...(cert === null ? {} : { cert }),
  };
}

class EndpointFiles {
  readonly #endpoint: OtlpEndpoint;
  readonly #receiver: string;

  constructor(endpoint: OtlpEndpoint, receiver: string) {
    this.#endpoint = endpoint;
    this.#receiver = receiver;
  }

  /** `null`: none is named. */
  read(name: FileName): Buffer | null {
    const path = this.#endpoint[name];
    try {
      return path === null ? null : readFileSync(path);
    } catch (error) {
      throw this.invalid(
        name,
        'a file that this user may read',
        String((error as NodeJS.ErrnoException).code),
      );
    }
  }

  certificateIn(name: FileName, pem: Buffer): X509Certificate {
    try {
      return new X509Certificate(pem);
    } catch {
      throw this.invalid(name, A_CERTIFICATE, 'none');
    }
  }

  judgePair(key: Buffer, cert: Buffer): void {
    const certificate = this.certificateIn('clientCertificate', cert);
    if (!certificate.checkPrivateKey(this.#keyIn(key)))
      throw this.invalid('clientKey', `the key of ${this.#endpoint.clientCertificate}`, 'another one');
    try {
      createSecureContext({ key, cert });
    } catch (error) {
      const { code = 'unknown' } = error as NodeJS.ErrnoException;
      throw this.invalid('clientCertificate', 'a certificate that TLS can use', code);
    }
  }

  invalid(name: FileName, expected: string, came: string): NervecenterError {
    const path = this.#endpoint[name];
    const what = `${VARIABLES[name]} (${name} in a list of targets)`;
    return new NervecenterError(
      'NC_CONFIG_INVALID',
      `${this.#receiver}: ${what}: expected ${expected}, got ${came}${path === null ? '' : ` in ${path}`}. Correct the file or the setting.`,
    );
  }

  #keyIn(pem: Buffer) {
    try {
      return createPrivateKey(pem);
    } catch {
      // Never the message of the parser: it may quote the file.
      throw this.invalid(
        'clientKey',
        'a private key ("-----BEGIN PRIVATE KEY-----") without a passphrase',
        'none',
      );
    }
  }
}

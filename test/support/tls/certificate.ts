import { createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';

export interface CertificateOptions {
  /** Names and IPv4 addresses that it bears. @default localhost and 127.0.0.1 */
  readonly names?: readonly string[];
  /** @default an hour ago */
  readonly validFrom?: Date;
  /** @default in 30 days */
  readonly validTo?: Date;
  /** Who signs it. @default itself */
  readonly issuer?: TestCertificate;
  readonly isAuthority?: boolean;
}

export interface TestCertificate {
  /** PEM. */
  readonly cert: string;
  readonly key: string;
  readonly name: string;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const ECDSA_WITH_SHA256 = '1.2.840.10045.4.3.2';
const COMMON_NAME = '2.5.4.3';
const ALTERNATIVE_NAMES = '2.5.29.17';
const BASIC_CONSTRAINTS = '2.5.29.19';

/** A certificate made here (RFC 5280), of a key of its own: Node can read certificates and not make them. */
export function makeCertificate(options: CertificateOptions = {}): TestCertificate {
  const { names = ['localhost', '127.0.0.1'], issuer, isAuthority = false } = options;
  const { validFrom = new Date(Date.now() - HOUR_MS), validTo = new Date(Date.now() + 30 * DAY_MS) } =
    options;
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const name = names[0] ?? 'nobody';
  const algorithm = sequence(oid(ECDSA_WITH_SHA256));
  const body = sequence(
    tagged(0xa0, integer(Buffer.from([2]))),
    integer(Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    algorithm,
    nameOf(issuer?.name ?? name),
    sequence(time(validFrom), time(validTo)),
    nameOf(name),
    createPublicKey(privateKey).export({ type: 'spki', format: 'der' }),
    tagged(0xa3, sequence(alternativeNames(names), ...(isAuthority ? [authority()] : []))),
  );
  const signature = sign('sha256', body, issuer?.key ?? pemOf(privateKey));
  const der = sequence(body, algorithm, tagged(0x03, Buffer.concat([Buffer.from([0]), signature])));
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  const cert = `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
  return { cert, key: pemOf(privateKey), name };
}

function pemOf(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

function alternativeNames(names: readonly string[]): Buffer {
  const each = names.map((name) =>
    /^[\d.]+$/.test(name)
      ? tagged(0x87, Buffer.from(name.split('.').map(Number)))
      : tagged(0x82, Buffer.from(name)),
  );
  return sequence(oid(ALTERNATIVE_NAMES), tagged(0x04, sequence(...each)));
}

function authority(): Buffer {
  const [critical, isAuthority] = [tagged(0x01, Buffer.from([0xff])), tagged(0x01, Buffer.from([0xff]))];
  return sequence(oid(BASIC_CONSTRAINTS), critical, tagged(0x04, sequence(isAuthority)));
}

function nameOf(text: string): Buffer {
  return sequence(tagged(0x31, sequence(oid(COMMON_NAME), tagged(0x0c, Buffer.from(text)))));
}

/** GeneralizedTime. */
function time(date: Date): Buffer {
  return tagged(0x18, Buffer.from(date.toISOString().replace(/[-:T]|\.\d+/g, '')));
}

function oid(text: string): Buffer {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number);
  const bytes = [40 * first + second];
  for (const part of rest) {
    const digits = [part & 0x7f];
    for (let left = part >> 7; left > 0; left >>= 7) digits.unshift((left & 0x7f) | 0x80);
    bytes.push(...digits);
  }
  return tagged(0x06, Buffer.from(bytes));
}

function integer(bytes: Buffer): Buffer {
  return tagged(0x02, bytes);
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return tagged(0x30, Buffer.concat(parts));
}

function tagged(tag: number, content: Buffer): Buffer {
  const { length } = content;
  if (length < 0x80) return Buffer.concat([Buffer.from([tag, length]), content]);
  const bytes = length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...bytes]), content]);
}

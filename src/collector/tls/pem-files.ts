import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import type { TlsFiles } from '../../config/config.ts';
import type { SettingName } from '../../config/settings.ts';
import { NervecenterError } from '../../core/errors.ts';
import { MIB } from '../../core/units.ts';

/** A certificate with what leads to its authority, and its key, as they are in the files. */
export interface PemFiles {
  readonly cert: string;
  readonly key: string;
  /** The first one of `cert`: the server's own. */
  readonly certificate: X509Certificate;
}

const FILE_BYTES_MAX = MIB;

/** @throws NervecenterError `NC_CONFIG_INVALID`: which file, what was expected and what came. */
export function readPemFiles(files: TlsFiles): PemFiles {
  const cert = textOf('NERVECENTER_TLS_CERT', files.cert);
  const key = textOf('NERVECENTER_TLS_KEY', files.key);
  const certificate = certificateIn(cert, files.cert);
  if (!certificate.checkPrivateKey(keyIn(key, files.key))) {
    throw invalid(
      'NERVECENTER_TLS_KEY',
      files.key,
      `expected the key of the first certificate in ${files.cert} (${nameOf(certificate)}), got another one. The server's own certificate comes first in its file, those that lead to its authority behind it.`,
    );
  }
  try {
    createSecureContext({ cert, key });
  } catch (error) {
    throw invalid(
      'NERVECENTER_TLS_CERT',
      files.cert,
      `expected certificates that TLS can use (${reason(error)}).`,
    );
  }
  return { cert, key, certificate };
}

/** Whom a certificate is for: the names it bears, on one line. */
export function nameOf({ subjectAltName, subject }: X509Certificate): string {
  const name = (subjectAltName ?? subject ?? 'no name').replace(/[\p{Cc}\p{Cf}]/gu, ' ');
  return name.length > NAME_LENGTH_MAX ? `${name.slice(0, NAME_LENGTH_MAX)}…` : name;
}

const NAME_LENGTH_MAX = 120;

function textOf(setting: SettingName, path: string): string {
  try {
    const { size } = statSync(path);
    if (size > FILE_BYTES_MAX) throw invalid(setting, path, `expected a PEM file, got ${size} bytes.`);
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof NervecenterError) throw error;
    throw invalid(setting, path, `expected a file that this user may read (${reason(error)}).`);
  }
}

function certificateIn(pem: string, path: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch {
    throw invalid('NERVECENTER_TLS_CERT', path, 'expected a certificate ("-----BEGIN CERTIFICATE-----").');
  }
}

function keyIn(pem: string, path: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch {
    // Never the message of the parser: it may quote the file.
    throw invalid(
      'NERVECENTER_TLS_KEY',
      path,
      'expected a private key ("-----BEGIN PRIVATE KEY-----") without a passphrase.',
    );
  }
}

function reason(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  return code ?? 'unknown';
}

function invalid(setting: SettingName, path: string, what: string): NervecenterError {
  return new NervecenterError(
    'NC_CONFIG_INVALID',
    `${setting} (${path}): ${what} Correct the file or the setting.`,
  );
}

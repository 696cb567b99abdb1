import { DatabaseError } from 'pg';
import { NervecenterError } from '../../../../core/errors.ts';

/**
 * What a failure means for what to do next.
 * - `row`: a value the table cannot hold. Sending it again cannot help.
 * - `refused`: the server is there and says no (password, database, privilege, TLS). Somebody has to change something.
 * - `unreachable`: everything else; sending again can help.
 */
export type FailureKind = 'row' | 'refused' | 'unreachable';

/** SQLSTATE classes: data exception, integrity constraint, program limit exceeded. */
const ROW_CLASSES = new Set(['22', '23', '54']);
/** Invalid authorization, unknown database, unknown schema, syntax or access rule, feature not supported. */
const REFUSED_CLASSES = new Set(['28', '3D', '3F', '42', '0A']);
const TLS_CODE = /^(ERR_TLS_|ERR_SSL_|ERR_OSSL_|CERT_|SELF_SIGNED_|DEPTH_ZERO_|UNABLE_TO_)/;
const UNKNOWN_AUTHORITY = /^(SELF_SIGNED_|DEPTH_ZERO_|UNABLE_TO_)/;
/** The driver has no code for these. */
const TIMEOUT_MESSAGE = /^(timeout expired|Connection terminated due to connection timeout)/;
/** Of a TCP connection that was not made. */
const NO_HOST = new Set(['ENOTFOUND', 'EAI_AGAIN']);
const NO_ANSWER = new Set(['ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH']);
/** Of a Unix socket: its server has stopped, in order or not. */
const NOBODY_THERE = new Set(['ENOENT', 'ECONNREFUSED']);
const REFUSED_MESSAGE = /^(SASL|The server does not support SSL|There was an error establishing an SSL)/;

export function failureKind(error: unknown): FailureKind {
  if (error instanceof NervecenterError) return error.class === 'permanent' ? 'refused' : 'unreachable';
  if (error instanceof DatabaseError) {
    const sqlClass = (error.code ?? '').slice(0, 2);
    if (ROW_CLASSES.has(sqlClass)) return 'row';
    return REFUSED_CLASSES.has(sqlClass) ? 'refused' : 'unreachable';
  }
  return isRefusal(error) ? 'refused' : 'unreachable';
}

/** The failure to use Postgres as one clear sentence with its remedy. `server` must not hold a password. */
export function storageError(error: unknown, server: string): NervecenterError {
  if (error instanceof NervecenterError) return error;
  const refused = failureKind(error) === 'refused';
  const verb = refused ? 'refused' : 'cannot be used at the moment';
  const remedy = refused ? remedyOf(error) : connectingRemedyOf(error);
  return new NervecenterError(
    refused ? 'NC_STORAGE_REFUSED' : 'NC_STORAGE_UNREACHABLE',
    `${server} ${verb}: ${reasonOf(error)}.${remedy === '' ? '' : ` ${remedy}`}`,
    { cause: error },
  );
}

function isRefusal(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code } = error as NodeJS.ErrnoException;
  return REFUSED_MESSAGE.test(error.message) || (code !== undefined && TLS_CODE.test(code));
}

function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  const { code = '', address } = error as NodeJS.ErrnoException & { readonly address?: string };
  if (NOBODY_THERE.has(code) && address?.startsWith('/')) return `no server listens on ${address}`;
  return error instanceof Error ? error.message.replace(/\.$/, '') : String(error);
}

/** What to check when nobody answers; nothing for a connection that was there, or for a Unix socket, which names itself. */
function connectingRemedyOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return connectingRemedyOf(error.errors[0]);
  const { code = '', port, message = '' } = error as NodeJS.ErrnoException & { readonly port?: number };
  if (NO_HOST.has(code)) return 'Check the host in the database URL or PGHOST.';
  if (NO_ANSWER.has(code) || TIMEOUT_MESSAGE.test(message)) {
    return 'Check host and port in the database URL or its variables, and whether a firewall is between.';
  }
  if (code !== 'ECONNREFUSED' || port === undefined) return '';
  return 'Check that it runs, and host and port in the database URL or its variables.';
}

function remedyOf(error: unknown): string {
  if (!(error instanceof DatabaseError)) {
    return isTlsFailure(error)
      ? tlsRemedyOf(error)
      : 'Check user and password in the database URL or its variables.';
  }
  const code = error.code ?? '';
  if (code.startsWith('28')) return 'Check user and password in the database URL or its variables.';
  if (code.startsWith('3D'))
    return 'Create the database, or correct its name in the database URL or PGDATABASE.';
  if (code === '42501') {
    return 'Grant the role what it lacks, or run `nervecenter migrate` once as a role that may create the schema.';
  }
  return 'Check that the schema is the one nervecenter made (`nervecenter migrate`; NERVECENTER_SCHEMA names it).';
}

function tlsRemedyOf(error: unknown): string {
  const { code = '' } = error as NodeJS.ErrnoException;
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return 'Connect by a name that the certificate bears, or do without that check: sslmode=verify-ca.';
  }
  if (UNKNOWN_AUTHORITY.test(code)) {
    return "Name the file of the certificate's authority: sslrootcert in the database URL, or PGSSLROOTCERT.";
  }
  return 'Check the TLS setting (sslmode in the database URL, or PGSSLMODE).';
}

function isTlsFailure(error: unknown): boolean {
  return !(error instanceof Error && error.message.startsWith('SASL'));
}

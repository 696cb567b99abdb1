import { readFileSync, statSync } from 'node:fs';

/** How to reach the user's Postgres: a URL, and the `PG*` variables, which fill in what it leaves open. */
export interface ConnectionSource {
  readonly connectionString: string | null;
  /** The variable with the URL, or with what would be in it. @default `DATABASE_URL` */
  readonly setting?: string;
  /** Where the setting only names the variable with the URL: its name. */
  readonly variable?: string;
  readonly env: Readonly<Record<string, string>>;
}

/** By libpq's names and with libpq's meaning, but for `no-verify`, which is the driver's: TLS without any check. */
export const SSL_MODES = [
  'disable',
  'allow',
  'prefer',
  'require',
  'verify-ca',
  'verify-full',
  'no-verify',
] as const;
export type SslMode = (typeof SSL_MODES)[number];

/** What a TLS connection is made with; texts in PEM. */
export interface TlsMaterial {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly passphrase?: string;
}

/** A connection's options, completed and validated. */
export interface PostgresOptions {
  /** A name, an address, or a directory with a Unix socket. */
  readonly host: string;
  readonly port: number;
  readonly database?: string;
  readonly user?: string;
  readonly password?: string;
  readonly sslMode: SslMode;
  readonly tls: TlsMaterial;
  readonly sslNegotiation: 'postgres' | 'direct';
  readonly applicationName?: string;
  readonly options?: string;
  /** Seconds; absent: ours. */
  readonly connectTimeoutSeconds?: number;
  /** The driver's own, as given in the URL. */
  readonly timeouts: Readonly<Record<string, string>>;
}

/** libpq's parameter, as a URL may name it, and its variable. */
const VARIABLE_OF = {
  host: 'PGHOST',
  port: 'PGPORT',
  dbname: 'PGDATABASE',
  user: 'PGUSER',
  password: 'PGPASSWORD',
  passfile: 'PGPASSFILE',
  sslmode: 'PGSSLMODE',
  sslrootcert: 'PGSSLROOTCERT',
  sslcert: 'PGSSLCERT',
  sslkey: 'PGSSLKEY',
  sslnegotiation: 'PGSSLNEGOTIATION',
  application_name: 'PGAPPNAME',
  options: 'PGOPTIONS',
  connect_timeout: 'PGCONNECT_TIMEOUT',
} as const;
export const PG_VARIABLES: readonly string[] = Object.values(VARIABLE_OF);

const TIMEOUTS = [
  'statement_timeout',
  'lock_timeout',
  'idle_in_transaction_session_timeout',
  'query_timeout',
];
const DEFAULT_PORT = 5432;
const PORT_MAX = 65_535;
/** Not a file: the authorities that Node trusts. */
const SYSTEM_ROOTS = 'system';
const OTHERS_MAY = 0o077;

type Values = Partial<Record<string, string>>;

interface Problems {
  readonly setting: string;
  readonly texts: string[];
}

/**
 * Completes and checks a connection's options. Files are read, so that one that is missing is told at the start, and one
 * that was renewed is used by the next connection.
 *
 * @returns the options, and what is wrong with them: what was expected, what came, what to do. No problem quotes a secret.
 */
export function resolvePostgres(source: ConnectionSource): {
  readonly options: PostgresOptions;
  readonly problems: readonly string[];
} {
  const problems: Problems = { setting: source.setting ?? 'DATABASE_URL', texts: [] };
  const values: Values = { ...valuesOfEnv(source.env), ...valuesOfUrl(source.connectionString, problems) };
  const host = values['host'] ?? 'localhost';
  if (host.includes(',')) {
    tell(problems, 'host', 'one host', host);
  }
  const port = integer(values, 'port', 1, PORT_MAX, problems) ?? DEFAULT_PORT;
  const timeout = integer(values, 'connect_timeout', 0, Number.MAX_SAFE_INTEGER, problems) ?? 0;
  const sslMode = sslModeOf(values, problems);
  const target = {
    host,
    port,
    database: values['dbname'] ?? values['user'] ?? '',
    user: values['user'] ?? '',
  };
  const password = values['password'] ?? passwordInFile(values['passfile'], target, problems);
  const options: PostgresOptions = {
    host,
    port,
    ...given('database', values['dbname']),
    ...given('user', values['user']),
    ...given('password', password ?? undefined),
    sslMode,
    tls: tlsMaterial(values, sslMode, problems),
    sslNegotiation: negotiationOf(values, problems),
    ...given('applicationName', values['application_name']),
    ...given('options', values['options']),
    ...(timeout === 0 ? {} : { connectTimeoutSeconds: timeout }),
    timeouts: Object.fromEntries(TIMEOUTS.flatMap((name) => (values[name] ? [[name, values[name]]] : []))),
  };
  return { options, problems: problems.texts };
}

function valuesOfEnv(env: ConnectionSource['env']): Values {
  return Object.fromEntries(
    Object.entries(VARIABLE_OF).flatMap(([name, variable]) => (env[variable] ? [[name, env[variable]]] : [])),
  );
}

/** A parameter wins over the part of the URL that says the same, as in libpq. */
function valuesOfUrl(text: string | null, problems: Problems): Values {
  if (text === null) return {};
  const url = postgresUrl(text);
  if (url === null) {
    const got = text === '' ? 'nothing' : 'something else (not shown: it may hold a password)';
    problems.texts.push(
      `${problems.setting}: expected a URL such as postgres://user:password@host:5432/database, got ${got}. Correct it, or unset it to use embedded storage.`,
    );
    return {};
  }
  const parts: Values = {
    host: decoded(url.hostname).replace(/^\[(.+)\]$/, '$1'),
    port: url.port,
    dbname: decoded(url.pathname.slice(1)),
    user: decoded(url.username),
    password: decoded(url.password),
  };
  for (const [name, value] of url.searchParams) parts[name === 'database' ? 'dbname' : name] = value;
  return Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== ''));
}

/** `null`: it is none of a Postgres. */
export function postgresUrl(text: string): URL | null {
  const url = parseUrl(text);
  return url !== null && ['postgres:', 'postgresql:'].includes(url.protocol) ? url : null;
}

/** `postgres://user@/database` names no host, which `URL` does not take. */
export function parseUrl(text: string): URL | null {
  for (const candidate of [text, text.replace('@/', '@localhost/')]) {
    if (URL.canParse(candidate)) return new URL(candidate);
  }
  return null;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The driver's `ssl` parameter is understood where `sslmode` is absent; its `true` checks the certificate. */
function sslModeOf(values: Values, problems: Problems): SslMode {
  const byDriver = { true: 'verify-full', '1': 'verify-full', false: 'disable', '0': 'disable' }[
    values['ssl'] ?? ''
  ];
  const system = values['sslrootcert'] === SYSTEM_ROOTS;
  const text = values['sslmode'] ?? byDriver ?? values['ssl'] ?? (system ? 'verify-full' : 'prefer');
  const mode = SSL_MODES.find((known) => known === text);
  if (mode === undefined) tell(problems, 'sslmode', `one of ${SSL_MODES.join(', ')}`, text);
  if (system && mode !== 'verify-full') {
    tell(problems, 'sslmode', 'verify-full, because sslrootcert is system', text);
  }
  if (mode === 'verify-ca' && values['sslrootcert'] === undefined) {
    tell(problems, 'sslrootcert', 'the file of the authority that sslmode=verify-ca trusts', 'nothing');
  }
  return mode ?? 'verify-full';
}

function negotiationOf(values: Values, problems: Problems): PostgresOptions['sslNegotiation'] {
  const text = values['sslnegotiation'] ?? 'postgres';
  if (text === 'postgres' || text === 'direct') return text;
  tell(problems, 'sslnegotiation', 'postgres or direct', text);
  return 'postgres';
}

function tlsMaterial(values: Values, mode: SslMode, problems: Problems): TlsMaterial {
  if (mode === 'disable') return {};
  const pem = (name: keyof typeof VARIABLE_OF, holds: RegExp, what: string) => {
    const path = values[name];
    if (path === undefined || (name === 'sslrootcert' && path === SYSTEM_ROOTS)) return undefined;
    const text = readText(path);
    if (holds.test(text ?? '')) return text ?? undefined;
    tell(problems, name, `a readable file with ${what} in PEM`, path);
    return undefined;
  };
  if ((values['sslcert'] === undefined) !== (values['sslkey'] === undefined)) {
    const [there, missing] = values['sslcert'] === undefined ? ['sslkey', 'sslcert'] : ['sslcert', 'sslkey'];
    tell(problems, missing, `a file, because ${there} is set`, 'nothing');
  }
  return {
    ...given('ca', pem('sslrootcert', /-----BEGIN (TRUSTED |X509 )?CERTIFICATE-----/, 'certificates')),
    ...given('cert', pem('sslcert', /-----BEGIN (TRUSTED |X509 )?CERTIFICATE-----/, 'a certificate')),
    ...given('key', pem('sslkey', /-----BEGIN ([A-Z]+ )*PRIVATE KEY-----/, 'a private key')),
    ...given('passphrase', values['sslpassword']),
  };
}

/** The password of the first line that fits; `null` when none does. A file that others may read is refused, as libpq does. */
function passwordInFile(
  path: string | undefined,
  target: Readonly<Record<'host' | 'port' | 'database' | 'user', string | number>>,
  problems: Problems,
): string | null {
  if (path === undefined) return null;
  const text = readText(path);
  if (text === null) {
    tell(problems, 'passfile', 'a readable file', path);
    return null;
  }
  if (process.platform !== 'win32' && (statSync(path).mode & OTHERS_MAY) !== 0) {
    tell(problems, 'passfile', 'a file that only its owner may read (chmod 600)', path);
    return null;
  }
  const host = String(target.host).startsWith('/') ? 'localhost' : target.host;
  const wanted = [host, target.port, target.database, target.user].map(String);
  for (const line of text.split(/\r?\n/)) {
    if (line.startsWith('#')) continue;
    const fields = [...line.matchAll(/((?:\\.|[^:\\])*)(?::|$)/g)].map(([, field = '']) =>
      field.replace(/\\(.)/g, '$1'),
    );
    const fits = wanted.every((value, index) => fields[index] === '*' || fields[index] === value);
    if (fits && fields[wanted.length]) return fields[wanted.length] ?? null;
  }
  return null;
}

function integer(
  values: Values,
  name: 'port' | 'connect_timeout',
  ...[min, max, problems]: readonly [number, number, Problems]
): number | null {
  const text = values[name];
  if (text === undefined) return null;
  const number = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (number >= min && number <= max) return number;
  tell(problems, name, `a whole number from ${min}`, text);
  return null;
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

/** The one-field object, or nothing where there is no value. */
function given<K extends string>(key: K, value: string | undefined): { readonly [P in K]?: string } {
  return value === undefined ? {} : ({ [key]: value } as { readonly [P in K]?: string });
}

function tell(
  { setting, texts }: Problems,
  ...[name, expected, got]: readonly [string, string, string]
): void {
  const variable = Object.hasOwn(VARIABLE_OF, name) ? VARIABLE_OF[name as keyof typeof VARIABLE_OF] : '';
  const shown = got.replace(/[\p{Cc}\p{Cf}]/gu, '?').slice(0, 200);
  texts.push(
    `${variable} (${name} in ${setting}): expected ${expected}, got "${shown}". Correct it or unset it.`,
  );
}

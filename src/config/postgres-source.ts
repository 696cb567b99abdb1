import { type ConnectionSource, PG_VARIABLES, resolvePostgres } from './postgres-options.ts';
import type { Env, SettingReader } from './setting-reader.ts';

/**
 * Who reads the settings: in a user's `app`, variables that say which database the app has are the app's own; a `command`
 * of ours takes them for itself.
 */
export type ConfigReader = 'app' | 'command';

const OWN = 'NERVECENTER_DATABASE_URL';
/** Before the name of the variable that has the URL. */
const BY_NAME = /^env:\s*(?<name>\S+)$/;

/** Of an app that has its Postgres at Azure: the same parameters by other names. */
const AZURE_VARIABLES: Readonly<Record<string, string>> = {
  AZURE_PG_HOST: 'PGHOST',
  AZURE_PG_PORT: 'PGPORT',
  AZURE_PG_DATABASE: 'PGDATABASE',
  AZURE_PG_USER: 'PGUSER',
  AZURE_PG_PASSWORD: 'PGPASSWORD',
  AZURE_PG_SSLMODE: 'PGSSLMODE',
};
/** Azure's servers refuse anything less unless somebody allowed it. */
const AZURE_SSL_MODE = 'require';

/**
 * Our own variable first; for a command `DATABASE_URL`, then `PG*`; last `AZURE_PG_*`; `null` where none of them names a
 * server. What cannot be used stops a command; in an app it is told when rows are to be stored, and all else works.
 */
export function readPostgres(
  setting: SettingReader,
  env: Env,
  reader: ConfigReader,
): ConnectionSource | null {
  const standard = reader === 'app' ? {} : standardVariables(env);
  const postgres =
    ownSource(setting) ??
    (reader === 'app' ? null : standardSource(setting, standard)) ??
    azureSource(setting, standard);
  if (postgres !== null && reader === 'command') setting.problems.push(...resolvePostgres(postgres).problems);
  return postgres;
}

function standardVariables(env: Env): Record<string, string> {
  return Object.fromEntries(PG_VARIABLES.flatMap((name) => (env[name] ? [[name, env[name]] as const] : [])));
}

/** Complete in itself: the app and the commands must mean the same database by it, whatever else is set. */
function ownSource(setting: SettingReader): ConnectionSource | null {
  const value = setting.text(OWN);
  if (value === null) return null;
  const name = BY_NAME.exec(value)?.groups?.['name'];
  if (name === undefined) return { connectionString: value, setting: OWN, env: {} };
  const connectionString = setting.text(name) ?? '';
  return { connectionString, setting: `${name}, which ${OWN} names`, variable: name, env: {} };
}

function standardSource(setting: SettingReader, standard: Record<string, string>): ConnectionSource | null {
  const connectionString = setting.text('DATABASE_URL');
  const named = connectionString !== null || standard['PGHOST'] || standard['PGDATABASE'];
  return named ? { connectionString, setting: 'DATABASE_URL', env: standard } : null;
}

function azureSource(setting: SettingReader, standard: Record<string, string>): ConnectionSource | null {
  if (setting.text('AZURE_PG_HOST') === null) return null;
  const azure = Object.entries(AZURE_VARIABLES).flatMap(([name, standardName]) => {
    const value = setting.text(name);
    return value === null ? [] : [[standardName, value] as const];
  });
  const env = { PGSSLMODE: AZURE_SSL_MODE, ...standard, ...Object.fromEntries(azure) };
  return { connectionString: null, setting: 'AZURE_PG_*', env };
}

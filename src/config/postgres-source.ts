import { type ConnectionSource, PG_VARIABLES, resolvePostgres } from './postgres-options.ts';
import type { Env, SettingReader } from './setting-reader.ts';

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

/** `DATABASE_URL` first, then `PG*`, then `AZURE_PG_*`; `null` where none of them names a server. */
export function readPostgres(setting: SettingReader, env: Env): ConnectionSource | null {
  const connectionString = setting.text('DATABASE_URL');
  const standard = Object.fromEntries(
    PG_VARIABLES.flatMap((name) => (env[name] ? [[name, env[name]] as const] : [])),
  );
  const named = connectionString !== null || env['PGHOST'] || env['PGDATABASE'];
  const postgres = named ? { connectionString, env: standard } : azureSource(setting, standard);
  if (postgres !== null) setting.problems.push(...resolvePostgres(postgres).problems);
  return postgres;
}

function azureSource(setting: SettingReader, standard: Record<string, string>): ConnectionSource | null {
  if (setting.text('AZURE_PG_HOST') === null) return null;
  const azure = Object.entries(AZURE_VARIABLES).flatMap(([name, standardName]) => {
    const value = setting.text(name);
    return value === null ? [] : [[standardName, value] as const];
  });
  const env = { PGSSLMODE: AZURE_SSL_MODE, ...standard, ...Object.fromEntries(azure) };
  return { connectionString: null, env };
}

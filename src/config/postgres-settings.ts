import type { Setting } from './settings.ts';

export const DEFAULT_SCHEMA = 'enterprise';
/** Lower case and short enough to need no quotes in SQL, nothing of Postgres' own. */
export const SCHEMA_NAME = /^(?!pg_)[a-z_][a-z0-9_]{0,62}$/;

/** Of your own Postgres: see `SETTINGS`. */
export const POSTGRES_SETTINGS = {
  NERVECENTER_DATABASE_URL: {
    kind: 'text',
    group: 'postgres',
    expected: 'a URL such as postgres://user:password@host:5432/database, or env: and the name of a variable',
    meaning:
      'your Postgres for our rows, `postgres://…`, or `env:DATABASE_URL` to take what another variable says; unset: what the variables below name, else embedded storage',
    more: { text: 'connecting', page: 'storage.md#connecting' },
  },
  NERVECENTER_SCHEMA: {
    kind: 'text',
    group: 'postgres',
    default: DEFAULT_SCHEMA,
    expected: 'a name in lower case that needs no quotes in SQL, such as observability',
    meaning: 'the schema of our tables, which is ours alone',
  },
  DATABASE_URL: {
    kind: 'text',
    group: 'postgres',
    meaning:
      'the same for `nervecenter collector` and the other commands; in an app it is the app’s own and not looked at',
    more: { text: 'connecting', page: 'storage.md#connecting' },
  },
  'PG*': {
    kind: 'text',
    group: 'postgres',
    meaning:
      'the same through the standard variables (`PGHOST`, `PGUSER`, …), for the commands; `PGHOST` or `PGDATABASE` must be among them. They also fill in what `DATABASE_URL` leaves open',
    more: { text: 'all of them', page: 'storage.md#connecting' },
  },
  'AZURE_PG_*': {
    kind: 'text',
    group: 'postgres',
    meaning:
      'the same by the names an app at Azure may have already: `AZURE_PG_HOST`, `_PORT`, `_DATABASE`, `_USER`, `_PASSWORD`, `_SSLMODE` (`require` if unset); only where nothing above names a server',
  },
} as const satisfies Readonly<Record<string, Setting>>;

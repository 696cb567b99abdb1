// Writes migrations/schema.sql: what a freshly migrated database looks like, for reading and for review. The PostgreSQL
// binaries from npm bring no pg_dump. `node scripts/dump-schema.ts`
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ClientBase } from 'pg';
import { migrate } from '../src/collector/sinks/postgres/schema/migrate.ts';
import { packageRoot } from '../src/platform/paths.ts';
import { startPostgres } from '../test/support/postgres.ts';

const HEADER = `-- A freshly migrated database without its daily partitions. Made by \`node scripts/dump-schema.ts\`: change migrations,
-- never this file.
`;

/** Every table with its columns in their order, its constraints, then its indexes. */
const TABLES = `
  SELECT c.relname AS name,
    'CREATE TABLE enterprise.' || quote_ident(c.relname) ||
    CASE WHEN c.relispartition
      THEN ' PARTITION OF ' || i.inhparent::regclass || ' ' || pg_get_expr(c.relpartbound, c.oid)
      ELSE E' (\\n' || (
        SELECT string_agg('    ' || line, E',\\n' ORDER BY kind, position, line) FROM (
          SELECT 1 AS kind, attnum AS position, quote_ident(attname) || ' ' || format_type(atttypid, atttypmod) ||
            coalesce(' DEFAULT ' || pg_get_expr(adbin, adrelid), '') || CASE WHEN attnotnull THEN ' NOT NULL' ELSE '' END AS line
          FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
          WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped
          UNION ALL
          SELECT 2, 0, 'CONSTRAINT ' || quote_ident(conname) || ' ' || pg_get_constraintdef(oid)
          FROM pg_constraint WHERE conrelid = c.oid AND contype <> 'n'
        ) AS lines) || E'\\n)' || coalesce(' PARTITION BY ' || pg_get_partkeydef(c.oid), '')
    END || E';\\n' || coalesce((
      SELECT string_agg(pg_get_indexdef(indexrelid) || E';\\n', '' ORDER BY indexrelid::regclass::text)
      FROM pg_index WHERE indrelid = c.oid AND NOT c.relispartition
        AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u', 'x'))
    ), '') AS definition
  FROM pg_class AS c LEFT JOIN pg_inherits AS i ON i.inhrelid = c.oid
  WHERE c.relnamespace = 'enterprise'::regnamespace AND c.relkind IN ('r', 'p')
    AND (NOT c.relispartition OR pg_get_expr(c.relpartbound, c.oid) = 'DEFAULT')`;

const FUNCTIONS = `
  SELECT proname || oid::regprocedure AS name, pg_get_functiondef(oid) || E';\\n' AS definition
  FROM pg_proc WHERE pronamespace = 'enterprise'::regnamespace`;

const VIEWS = `
  SELECT relname AS name,
    'CREATE ' || CASE relkind WHEN 'm' THEN 'MATERIALIZED ' ELSE '' END || 'VIEW enterprise.' || quote_ident(relname) ||
    E' AS\\n' || pg_get_viewdef(oid) || E'\\n' AS definition
  FROM pg_class WHERE relnamespace = 'enterprise'::regnamespace AND relkind IN ('v', 'm')`;

/** The schema as text that is the same for every database with the same schema. */
export async function dumpSchema(client: ClientBase): Promise<string> {
  const parts: string[] = [];
  for (const query of [TABLES, FUNCTIONS, VIEWS]) {
    const { rows } = await client.query<{ definition: string }>(
      `SELECT definition FROM (${query}) AS objects ORDER BY name COLLATE "C"`,
    );
    parts.push(...rows.map(({ definition }) => definition));
  }
  return `${HEADER}\n${parts.join('\n')}`;
}

export const SCHEMA_PATH = join(packageRoot(), 'migrations', 'schema.sql');

if (import.meta.main) {
  const server = await startPostgres();
  try {
    await server.using(await server.createDatabase(), async (client) => {
      await migrate(client);
      writeFileSync(SCHEMA_PATH, await dumpSchema(client));
    });
  } finally {
    await server.stop();
  }
}

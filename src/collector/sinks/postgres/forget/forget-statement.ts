import type { ClientBase } from 'pg';

/** What alerts and messages have in the place of a user. */
export const FORGOTTEN = 'forgotten';

export interface ForgetOptions {
  /** The names that the user goes by: as the app says, and hidden. */
  readonly names: readonly string[];
  /** What the rollups have in the place of it: one that is nobody's, and of this run alone, so that nothing has to be merged. */
  readonly inRollups: string;
  /** Whether an attribute's value tells one person from others. */
  readonly isUser: (attribute: string) => boolean;
  /** How often a collector that runs looks at its alerts. */
  readonly alertIntervalMs: number;
  /** Count, and change nothing. */
  readonly dryRun: boolean;
}

export interface Statement {
  readonly table: string;
  /** Of what it is about, with the names as `$1`. */
  readonly where: string;
  readonly change: string;
}

/** A name that is part of a text: only addresses and hashes are long and odd enough to be looked for so. */
export function quotedIn(column: string): string {
  return `EXISTS (SELECT FROM unnest($1::text[]) AS named(who) WHERE (named.who LIKE '%@%' OR named.who LIKE 'user-%')
    AND position(named.who IN ${column}) > 0)`;
}

/** How many rows that changed, or would. */
export async function changed(
  client: ClientBase,
  { table, where, change }: Statement,
  { names, dryRun }: ForgetOptions,
): Promise<number> {
  if (!dryRun) return (await client.query(`${change} WHERE ${where}`, [names])).rowCount ?? 0;
  const { rows } = await client.query<{ count: number }>(
    `SELECT count(*)::int AS count FROM enterprise.${table} WHERE ${where}`,
    [names],
  );
  return rows[0]?.count ?? 0;
}

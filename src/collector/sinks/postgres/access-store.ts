import type { ClientBase } from 'pg';
import {
  ALL_BEFORE,
  type EndedSession,
  type EndedSessionStore,
  type TokenStore,
} from '../../../core/access/store.ts';
import { type AccessToken, isRole, TOKENS_MAX } from '../../../core/access/token.ts';
import { SECOND_MS } from '../../../core/units.ts';

const ENDED_READ_MAX = 20_000;
/** A transaction that began earlier may be seen later. */
const OVERLAP_MS = 10 * SECOND_MS;

const READ_TOKENS = `SELECT name, role, encode(digest, 'hex') AS digest, made_at, used_at
  FROM enterprise.nervecenter_access_tokens ORDER BY name LIMIT $1`;
const ADD_TOKEN = `INSERT INTO enterprise.nervecenter_access_tokens (name, role, digest, made_at)
  VALUES ($1, $2, decode($3, 'hex'), $4) ON CONFLICT (name) DO NOTHING`;
const REMOVE_TOKEN = `DELETE FROM enterprise.nervecenter_access_tokens WHERE name = $1`;
const USED_TOKEN = `UPDATE enterprise.nervecenter_access_tokens SET used_at = $2
  WHERE name = $1 AND (used_at IS NULL OR used_at < $2)`;
const READ_ENDED = `SELECT id, opened_at, until, ended_at
  FROM enterprise.nervecenter_ended_sessions WHERE ended_at > $1 AND until > now() ORDER BY ended_at DESC LIMIT $2`;
const END = `INSERT INTO enterprise.nervecenter_ended_sessions AS known (id, opened_at, until) VALUES ($1, $2, $3)
  ON CONFLICT (id) DO UPDATE SET opened_at = EXCLUDED.opened_at, until = EXCLUDED.until, ended_at = now()
  WHERE known.opened_at < EXCLUDED.opened_at`;
const FORGET = `DELETE FROM enterprise.nervecenter_ended_sessions AS one
  WHERE until <= $1 OR (id <> $2 AND opened_at <= (
    SELECT opened_at FROM enterprise.nervecenter_ended_sessions AS before WHERE before.id = $2))`;

/** Lends a connection for one statement. */
type Ask = <T>(work: (client: ClientBase) => Promise<T>) => Promise<T>;

interface TokenRow {
  readonly name: string;
  readonly role: string;
  readonly digest: string;
  readonly made_at: Date;
  readonly used_at: Date | null;
}

interface EndedRow {
  readonly id: string;
  readonly opened_at: Date;
  readonly until: Date;
  readonly ended_at: Date;
}

/** Named tokens and ended sessions in the tables of migration 022, for all collectors that share the database. */
export function createAccessStore(lend: Ask): TokenStore & EndedSessionStore {
  const run = (sql: string, values: unknown[]) => lend((client) => client.query(sql, values));
  let sinceMs = 0;
  return {
    tokens: async () => {
      const { rows } = await lend((client) => client.query<TokenRow>(READ_TOKENS, [TOKENS_MAX]));
      return rows.flatMap((row) => tokenOf(row) ?? []);
    },
    add: async ({ name, role, digest, madeMs }) =>
      (await run(ADD_TOKEN, [name, role, digest, new Date(madeMs)])).rowCount === 1,
    remove: async (name) => (await run(REMOVE_TOKEN, [name])).rowCount === 1,
    used: async (name, atMs) => {
      await run(USED_TOKEN, [name, new Date(atMs)]);
    },
    ended: async () => {
      const since = new Date(Math.max(0, sinceMs - OVERLAP_MS));
      const { rows } = await lend((client) => client.query<EndedRow>(READ_ENDED, [since, ENDED_READ_MAX]));
      for (const { ended_at } of rows) sinceMs = Math.max(sinceMs, ended_at.getTime());
      return rows.map(endedOf);
    },
    end: async ({ id, openedMs, untilMs }) => {
      await run(END, [id, new Date(openedMs), new Date(untilMs)]);
    },
    forget: async (nowMs) => {
      await run(FORGET, [new Date(nowMs), ALL_BEFORE]);
    },
  };
}

function tokenOf({ name, role, digest, made_at, used_at }: TokenRow): AccessToken | null {
  if (!isRole(role)) return null; // Of a newer version.
  return { name, role, digest, madeMs: made_at.getTime(), usedMs: used_at?.getTime() ?? null };
}

function endedOf({ id, opened_at, until }: EndedRow): EndedSession {
  return { id, openedMs: opened_at.getTime(), untilMs: until.getTime() };
}

import { randomBytes } from 'node:crypto';
import { AccessFiles } from '../collector/access/access-files.ts';
import { digestOf } from '../collector/server/login/grants.ts';
import { createAccessStore } from '../collector/sinks/postgres/access-store.ts';
import { shownPath } from '../collector/sinks/postgres/configured-server.ts';
import { schemaStatus } from '../collector/sinks/postgres/schema/migrate.ts';
import { readConfig } from '../config/config.ts';
import type { TokenStore } from '../core/access/store.ts';
import { type AccessToken, isRole, ROLES, type Role, TOKEN_NAME, TOKENS_MAX } from '../core/access/token.ts';
import { describeError, NervecenterError } from '../core/errors.ts';
import { writeToStderr } from '../platform/stderr.ts';
import { withDatabase } from './with-database.ts';

export interface TokenCommandOptions {
  /** What stands behind `token`. */
  readonly words: readonly string[];
  /** Of a new one. @default viewer */
  readonly role: string | null;
}

const TOKEN_PREFIX = 'nc_';
const TOKEN_BYTES = 24;
const USAGE = '`nervecenter token add <name>`, `token list` or `token revoke <name>`';

interface Place {
  readonly store: TokenStore;
  /** For people. */
  readonly description: string;
}

/** Makes, lists and revokes named tokens. A collector that runs knows of it within a second. */
export function token({ words, role }: TokenCommandOptions): Promise<number> {
  const [verb, name] = words;
  if (verb === 'list' && words.length === 1 && role === null) return inPlace(list);
  if (words.length !== 2 || name === undefined) throw refused(`expected ${USAGE}, got "${words.join(' ')}"`);
  if (!TOKEN_NAME.test(name)) {
    throw refused(
      `expected a name of lower-case letters, digits, dots, dashes and underscores, at most 64, got "${name.slice(0, 80)}"`,
    );
  }
  if (verb === 'add') {
    const made = role ?? 'viewer';
    if (!isRole(made))
      throw refused(`expected --role=${ROLES.join(' or --role=')}, got "${made.slice(0, 80)}"`);
    return inPlace((place) => add(place, name, made));
  }
  if (verb === 'revoke' && role === null) return inPlace((place) => revoke(place, name));
  throw refused(`expected ${USAGE}, got "${words.join(' ')}"`);
}

/** The token alone goes to stdout, for scripts. */
async function add({ store, description }: Place, name: string, role: Role): Promise<void> {
  const made = `${TOKEN_PREFIX}${randomBytes(TOKEN_BYTES).toString('hex')}`;
  const known = await store.tokens();
  if (known.length >= TOKENS_MAX)
    throw refused(`expected at most ${TOKENS_MAX} tokens in ${description}. Revoke one first`);
  if (!(await store.add({ name, role, digest: digestOf(made), madeMs: Date.now(), usedMs: null })))
    throw refused(`there is a token "${name}" in ${description}. Revoke it first, or choose another name`);
  process.stdout.write(`${made}\n`);
  writeToStderr(`${name} (${role}) is kept in ${description}, as a digest: its token is not shown again.\n`);
}

async function revoke({ store, description }: Place, name: string): Promise<void> {
  if (!(await store.remove(name))) throw refused(`there is no token "${name}" in ${description}`);
  process.stdout.write(`${name} opens nothing any more; what it opened is closed within a second.\n`);
}

async function list({ store, description }: Place): Promise<void> {
  const tokens = (await store.tokens()).toSorted((one, other) => (one.name < other.name ? -1 : 1));
  if (tokens.length === 0) {
    process.stdout.write(`No named tokens in ${description}.\n`);
    return;
  }
  const rows = [['name', 'role', 'made', 'last used'], ...tokens.map(rowOf)];
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  for (const row of rows) {
    const cells = row.map((cell, column) => cell.padEnd(widths[column] ?? 0));
    process.stdout.write(`${cells.join('  ').trimEnd()}\n`);
  }
}

function rowOf({ name, role, madeMs, usedMs }: AccessToken): string[] {
  return [name, role, timeOf(madeMs), usedMs === null ? 'never' : timeOf(usedMs)];
}

/** Its use is known to within a minute. */
function timeOf(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 16)}Z`;
}

/** Where the collector with these settings keeps tokens: in its Postgres if it has one, else in its data directory. */
async function inPlace(work: (place: Place) => Promise<void>): Promise<number> {
  const { storage, postgres, dataDir } = readConfig();
  if (storage === 'on' && postgres !== null) {
    return withDatabase(async ({ client, description }) => {
      const { pending } = await schemaStatus(client);
      if (pending.length > 0) {
        throw new NervecenterError(
          'NC_STORAGE_REFUSED',
          `${description} lacks ${pending.length} migrations. Run \`nervecenter migrate\` first.`,
        );
      }
      await work({ store: createAccessStore((ask) => ask(client)), description });
    });
  }
  try {
    const store = new AccessFiles(dataDir);
    await work({ store, description: shownPath(dataDir) });
    if (store.unread !== null) throw store.unread;
    return 0;
  } catch (error) {
    if (error instanceof NervecenterError) throw error;
    throw new NervecenterError(
      'NC_DATA_DIR',
      `Tokens cannot be kept in ${shownPath(dataDir)}: ${describeError(error)}. Run this as the user of the collector, or correct NERVECENTER_DATA_DIR.`,
      { cause: error },
    );
  }
}

function refused(problem: string): NervecenterError {
  return new NervecenterError('NC_CONFIG_INVALID', `token: ${problem}.`);
}

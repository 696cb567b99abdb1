import { randomBytes } from 'node:crypto';
import { readAlertFile } from '../collector/alerts/file.ts';
import { keptUserKey } from '../collector/kept-secrets.ts';
import { type Forgotten, forgetUser } from '../collector/sinks/postgres/forget/forget.ts';
import { isAbout } from '../collector/sinks/postgres/forget/forget-alerts.ts';
import { spoolFilesWith, type WaitingFiles } from '../collector/sinks/postgres/forget/forget-spools.ts';
import { schemaStatus } from '../collector/sinks/postgres/schema/migrate.ts';
import { createStorage } from '../collector/sinks/postgres/storage.ts';
import { storedUserKey } from '../collector/sinks/postgres/user-key.ts';
import { pseudonymsOf } from '../collector/users/pseudonyms.ts';
import { type Config, readConfig } from '../config/config.ts';
import { NervecenterError } from '../core/errors.ts';
import { SECOND_MS } from '../core/units.ts';
import { userAttributes } from '../core/user-headers.ts';
import { type OpenDatabase, withDatabase } from './with-database.ts';

/** The width of the columns that users are stored in. */
const USER_CHARS_MAX = 255;
/** What a shell or a person takes for "all of them", and no user is called. */
const UNCLEAR = /[*%,;\s]|^(?:all|null|undefined)$/i;
const MARK_BYTES = 6;
/** How long it is waited for what a process that is gone has left. */
const STORE_MS = 60 * SECOND_MS;
const STOP_MS = 10 * SECOND_MS;

export interface ForgetCommandOptions {
  readonly user: string | null;
  /** Say what would change, and change nothing. */
  readonly dryRun: boolean;
}

/** Takes one user out of everything stored, and says what that changed. */
export async function forgetCommand({ user, dryRun }: ForgetCommandOptions): Promise<number> {
  const who = clearUser(user);
  if (!dryRun) await storeWhatWaits(readConfig());
  return withDatabase((database) => forgetStored(database, who, dryRun));
}

function clearUser(user: string | null): string {
  const who = user?.trim() ?? '';
  if (who !== '' && who.length <= USER_CHARS_MAX && !UNCLEAR.test(who)) return who;
  throw new NervecenterError(
    'NC_CONFIG_INVALID',
    `--user: expected one whole address or id, such as ada@example.com, without spaces, commas and wildcards, got ${user === null ? 'nothing' : `"${who.slice(0, 50)}"`}. For example nervecenter forget --user=ada@example.com --dry-run.`,
  );
}

/** Rows that a process which is gone has left in the spool are stored first: they are forgotten with the others. */
async function storeWhatWaits(config: Config): Promise<void> {
  if (config.storage === 'off') return; // Which is refused where the database is opened.
  const measuring = { measure: () => [], show: () => {} };
  const storage = createStorage({ config, log: () => {}, measuring, onEarlier: () => {} });
  try {
    await storage.start();
    await storage.flush(STORE_MS);
  } finally {
    await storage.shutdown(STOP_MS);
  }
}

async function forgetStored(
  { client, config, description }: OpenDatabase,
  who: string,
  dryRun: boolean,
): Promise<void> {
  const { pending } = await schemaStatus(client);
  if (pending.length > 0) {
    throw new NervecenterError(
      'NC_STORAGE_REFUSED',
      `${description} lacks ${pending.length} migrations. Run \`nervecenter migrate\` first.`,
    );
  }
  const key = config.hashKey ?? (await storedUserKey(client)) ?? keptUserKey(config.dataDir);
  const hash =
    key === null ? null : pseudonymsOf({ key: () => key, userHeaders: config.userHeaders }).of(who);
  const names = [...new Set([who, ...(hash === null ? [] : [hash])])];
  const inFile = readAlertFile(config.alertsPath)
    .filter((rule) => isAbout(rule, names))
    .map(({ id }) => id);
  const forgotten = await forgetUser(client, {
    names,
    inRollups: `forgotten-${randomBytes(MARK_BYTES).toString('hex')}`,
    isUser: userAttributes(config.userHeaders),
    alertIntervalMs: config.intervalMs,
    dryRun,
  });
  const waiting = await spoolFilesWith(config.dataDir, names);
  const left = [...waitingLines(waiting), ...alertLines(forgotten, inFile), ELSEWHERE];
  const lines = [
    ...summary(forgotten, { hash, dryRun }),
    ...left.map((line) => `left: ${line}`),
    description,
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}

/** What no command can reach from here. */
const ELSEWHERE =
  'what was sent to others by OTLP and to webhooks, or is on its way there, and what collectors with other data directories have in their spools';

function summary(
  { counts }: Forgotten,
  { hash, dryRun }: { readonly hash: string | null; readonly dryRun: boolean },
): string[] {
  const found = Object.entries(counts).map(
    ([table, count]) => `${table}: ${count} ${dryRun ? 'would change' : 'changed'}`,
  );
  return [
    ...(hash === null ? [] : [`hidden as ${hash}`]),
    ...(found.length === 0 ? ['nothing is stored of this user'] : found),
  ];
}

/** What alerts still know, or are told by somebody else. */
function alertLines({ rules, settled }: Forgotten, inFile: readonly string[]): string[] {
  return [
    ...(rules.length > 0
      ? [
          `alerts whose rules name the user: ${rules.join(', ')}. Those that watch nobody else are switched off: remove them`,
        ]
      : []),
    ...(inFile.length > 0
      ? [
          `rules in the file of NERVECENTER_ALERTS that name the user: ${inFile.join(', ')}. Change them there, and restart the collector`,
        ]
      : []),
    ...(settled
      ? []
      : [
          'what a collector that judges alerts has in memory: it was not seen to look again. Run this again in a minute',
        ]),
  ];
}

/** What is not in the database yet, or goes elsewhere. */
function waitingLines({ rows, exports, searched }: WaitingFiles): string[] {
  const having = searched
    ? 'have the user in them'
    : 'may have the user in them (a short id, or a number, is not searched for)';
  return [
    ...(rows > 0
      ? [
          `${rows} spool files ${having}, of rows that a running collector stores or has stored: run this again in a minute`,
        ]
      : []),
    ...(exports > 0
      ? [
          `${exports} files under otlp/ ${having} and wait to be sent: let them be sent, or stop the collector and delete them`,
        ]
      : []),
  ];
}

import { parseArgs } from 'node:util';
import { settingsHelp } from './commands/settings-help.ts';
import { describeError } from './core/errors.ts';
import { startSmall } from './platform/memory/small-heap.ts';
import { writeToStderr } from './platform/stderr.ts';
import { packageVersion } from './platform/version.ts';

/** One command: what `--help` says of it, and what it does. Returns the exit code once it is done. */
interface Command {
  readonly summary: string;
  readonly run: (options: CommandOptions) => Promise<number>;
  /** Whether words may stand behind its name. @default none may */
  readonly takesWords?: true;
  /** Options of its own, with what `--help` says of them. */
  readonly options?: Readonly<Record<string, string>>;
}

interface CommandOptions {
  readonly words: readonly string[];
  readonly role: string | null;
  readonly dryRun: boolean;
  readonly down: string | null;
  readonly format: string | null;
  readonly table: string | null;
  readonly from: string | null;
  readonly to: string | null;
  readonly output: string | null;
  readonly once: boolean;
  readonly url: string | null;
  readonly user: string | null;
}

/** Options that some command takes, with the kind of their value. */
const ANYWHERE = {
  'dry-run': { type: 'boolean' },
  down: { type: 'string' },
  format: { type: 'string' },
  table: { type: 'string' },
  from: { type: 'string' },
  to: { type: 'string' },
  output: { type: 'string' },
  once: { type: 'boolean' },
  url: { type: 'string' },
  role: { type: 'string' },
  user: { type: 'string' },
} as const;

/** Each is loaded when it is run: a collector stays, with all that was loaded. */
const COMMANDS: Readonly<Record<string, Command>> = {
  collector: {
    summary: 'run the collector alone: dashboard, API, storage (the default)',
    run: async () => {
      startSmall(); // Before anything is loaded that would have to be loaded again.
      return (await import('./commands/collector.ts')).collector();
    },
  },
  top: {
    summary: 'show the live figures of a running collector in this terminal',
    run: async (options) => (await import('./commands/top.ts')).top(options),
    options: {
      'url=<address>': 'the collector (default: where NERVECENTER_HOST and _PORT say)',
      once: 'print one frame as plain text and end; so without a terminal',
    },
  },
  url: {
    summary: "print the address of this app's dashboard, with a new login link",
    run: async () => (await import('./commands/url.ts')).url(),
  },
  token: {
    summary: 'named tokens: token add <name>, token list, token revoke <name>',
    run: async (options) => (await import('./commands/token.ts')).token(options),
    takesWords: true,
    options: { 'role=<viewer|admin>': 'what a new one may do: see, or change alerts too (default: viewer)' },
  },
  migrate: {
    summary: 'apply the migrations to the database and say what was done',
    run: async (options) => (await import('./commands/migrate.ts')).migrateCommand(options),
    options: {
      'dry-run': 'print the SQL that would be run, and run nothing',
      'down=<number>': 'undo every migration above this number',
    },
  },
  prune: {
    summary: 'make partitions ahead and drop rows past their retention, once',
    run: async () => (await import('./commands/prune.ts')).prune(),
  },
  export: {
    summary: 'write what is stored as SQL for another Postgres, or as CSV',
    run: async (options) => (await import('./commands/export.ts')).exportCommand(options),
    options: {
      'format=<sql|csv>': 'a script for psql (the default), or a CSV file per table',
      'table=<names>': 'only these tables, comma-separated',
      'from=<time>': 'only rows since then: ISO 8601, or such as -24h',
      'to=<time>': 'only rows before then',
      'output=<path>': 'file (SQL) or new directory (CSV); stdout for SQL without it',
    },
  },
  reprice: {
    summary: 'recompute the stored cost of LLM calls with the prices of today',
    run: async (options) => (await import('./commands/reprice.ts')).repriceCommand(options),
    options: {
      'from=<time>': 'first moment, such as 2026-11-01 or -24h',
      'to=<time>': 'end, not included (default: now)',
      'dry-run': 'only say what would change',
    },
  },
  forget: {
    summary: 'take a user out of everything that is stored; totals stay',
    run: async (options) => (await import('./commands/forget.ts')).forgetCommand(options),
    options: {
      'user=<who>': 'the whole address or id, as the app gives it, or its hash',
      'dry-run': 'only say how the user is stored, and where',
    },
  },
  doctor: {
    summary: 'print the effective configuration and what can be reached',
    run: async () => (await import('./commands/doctor.ts')).doctor(),
  },
  init: {
    summary: 'write the one-line otel file into this app',
    run: async () => (await import('./commands/init.ts')).init(),
  },
};

async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    strict: false,
    options: {
      help: { type: 'boolean', short: 'h' },
      version: { type: 'boolean', short: 'v' },
      ...ANYWHERE,
    },
  });
  if (values['version'] === true) return print(`${packageVersion()}\n`);
  if (values['help'] === true) return print(positionals[0] === 'settings' ? settingsHelp() : usage());
  const [name = 'collector', ...words] = positionals;
  const named = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  const command = words.length === 0 || named?.takesWords ? named : undefined;
  const unknown = Object.keys(values).find((option) => !Object.hasOwn(ANYWHERE, option));
  if (unknown !== undefined) return refuse(`option "${unknown.length === 1 ? '-' : '--'}${unknown}"`);
  if (command === undefined) return refuse(`command "${[name, ...words].join(' ')}"`);
  const foreign = Object.keys(values).find((option) => !takes(command, option));
  if (foreign !== undefined) return refuse(`option --${foreign} of "${name}"`);
  const valued = Object.entries(values).find(([option, value]) => !needsText(option) && value !== true);
  if (valued !== undefined) return refuse(`value of --${valued[0]}: it stands alone`);
  const empty = Object.entries(values).find(([option, value]) => needsText(option) && !textOf(value));
  if (empty !== undefined) return refuse(`option --${empty[0]} without a value`);
  return command.run({
    words,
    role: textOf(values['role']),
    dryRun: values['dry-run'] === true,
    down: textOf(values['down']),
    format: textOf(values['format']),
    table: textOf(values['table']),
    from: textOf(values['from']),
    to: textOf(values['to']),
    output: textOf(values['output']),
    once: values['once'] === true,
    url: textOf(values['url']),
    user: textOf(values['user']),
  });
}

function needsText(option: string): boolean {
  return Object.hasOwn(ANYWHERE, option) && ANYWHERE[option as keyof typeof ANYWHERE].type === 'string';
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function refuse(what: string): number {
  writeToStderr(`nervecenter: there is no ${what}.\n${usage()}`);
  return 2;
}

function takes({ options = {} }: Command, option: string): boolean {
  return Object.keys(options).some((known) => known.split('=')[0] === option);
}

/** As wide as the longest one. */
const OPTION_WIDTH =
  2 +
  Math.max(
    ...Object.values(COMMANDS).flatMap(({ options = {} }) =>
      Object.keys(options).map((name) => name.length + 2),
    ),
  );

function usage(): string {
  const lines = Object.entries(COMMANDS).flatMap(([name, { summary, options = {} }]) => [
    `  ${name.padEnd(18)}${summary}\n`,
    ...Object.entries(options).map(
      ([option, meaning]) => `    ${`--${option}`.padEnd(OPTION_WIDTH)}${meaning}\n`,
    ),
  ]);
  return `usage: nervecenter [command] [options]\n${lines.join('')}Settings are environment variables: \`nervecenter --help settings\` lists them, \`nervecenter doctor\` prints their values.\n`;
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}

// Whoever reads the output may have enough of it (`| head`): what is written then goes nowhere, and nothing ends in a stack.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') return;
  writeToStderr(`nervecenter: stdout cannot be written: ${describeError(error)}\n`);
  process.exitCode = 1;
});

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode ??= code;
  },
  (error: unknown) => {
    writeToStderr(`nervecenter: ${describeError(error)}\n`);
    process.exitCode = 1;
  },
);

#!/usr/bin/env node
import { parseArgs } from 'node:util';
import { collector } from './commands/collector.ts';
import { doctor } from './commands/doctor.ts';
import { init } from './commands/init.ts';
import { migrateCommand } from './commands/migrate.ts';
import { prune } from './commands/prune.ts';
import { describeError } from './errors.ts';
import { writeToStderr } from './stderr.ts';
import { packageVersion } from './version.ts';

/** One command: what `--help` says of it, and what it does. Returns the exit code once it is done. */
interface Command {
  readonly summary: string;
  readonly run: (options: CommandOptions) => Promise<number>;
  /** Options of its own, with what `--help` says of them. */
  readonly options?: Readonly<Record<string, string>>;
}

interface CommandOptions {
  readonly 'dry-run'?: boolean;
  readonly down?: string;
}

const COMMANDS: Readonly<Record<string, Command>> = {
  collector: { summary: 'run the collector alone: dashboard, API, storage (the default)', run: collector },
  migrate: {
    summary: 'apply the migrations to the database and say what was done',
    run: (options) => migrateCommand({ dryRun: options['dry-run'] ?? false, down: options.down ?? null }),
    options: {
      'dry-run': 'print the SQL that would be run, and run nothing',
      'down=<number>': 'undo every migration above this number',
    },
  },
  prune: { summary: 'make partitions ahead and drop rows past their retention, once', run: prune },
  doctor: { summary: 'print the effective configuration and what can be reached', run: doctor },
  init: { summary: 'write the one-line otel file into this app', run: init },
};

async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      help: { type: 'boolean', short: 'h' },
      version: { type: 'boolean', short: 'v' },
      'dry-run': { type: 'boolean' },
      down: { type: 'string' },
    },
  });
  if (values.version) return print(`${packageVersion()}\n`);
  if (values.help) return print(usage());
  const name = positionals[0] ?? 'collector';
  const command = COMMANDS[name];
  if (command === undefined) {
    writeToStderr(`nervecenter: there is no command "${name}".\n${usage()}`);
    return 2;
  }
  const foreign = Object.keys(values).find((option) => !takes(command, option));
  if (foreign !== undefined) {
    writeToStderr(`nervecenter: "${name}" has no option --${foreign}.\n${usage()}`);
    return 2;
  }
  return command.run(values);
}

function takes({ options = {} }: Command, option: string): boolean {
  return Object.keys(options).some((known) => known.split('=')[0] === option);
}

function usage(): string {
  const lines = Object.entries(COMMANDS).flatMap(([name, { summary, options = {} }]) => [
    `  ${name.padEnd(18)}${summary}\n`,
    ...Object.entries(options).map(([option, meaning]) => `    ${`--${option}`.padEnd(16)}${meaning}\n`),
  ]);
  return `usage: nervecenter [command] [options]\n${lines.join('')}Settings are environment variables; \`nervecenter doctor\` prints them.\n`;
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    writeToStderr(`nervecenter: ${describeError(error)}\n`);
    process.exitCode = 1;
  },
);

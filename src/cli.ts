#!/usr/bin/env node
import { parseArgs } from 'node:util';
import { collector } from './commands/collector.ts';
import { doctor } from './commands/doctor.ts';
import { init } from './commands/init.ts';
import { migrateCommand } from './commands/migrate.ts';
import { describeError } from './errors.ts';
import { writeToStderr } from './stderr.ts';
import { packageVersion } from './version.ts';

/** One command: what `--help` says of it, and what it does. Returns the exit code once it is done. */
interface Command {
  readonly summary: string;
  readonly run: () => Promise<number>;
}

const COMMANDS: Readonly<Record<string, Command>> = {
  collector: { summary: 'run the collector alone: dashboard, API, storage (the default)', run: collector },
  migrate: { summary: 'apply the migrations to the database and say what was done', run: migrateCommand },
  doctor: { summary: 'print the effective configuration and what can be reached', run: doctor },
  init: { summary: 'write the one-line otel file into this app', run: init },
};

async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    strict: false,
    options: { help: { type: 'boolean', short: 'h' }, version: { type: 'boolean', short: 'v' } },
  });
  if (values.version) return print(`${packageVersion()}\n`);
  if (values.help) return print(usage());
  const unknown = Object.keys(values)[0];
  if (unknown !== undefined) return refuse(`option "${unknown.length === 1 ? '-' : '--'}${unknown}"`);
  const name = positionals.length === 0 ? 'collector' : positionals.join(' ');
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  return command === undefined ? refuse(`command "${name}"`) : command.run();
}

function refuse(what: string): number {
  writeToStderr(`nervecenter: there is no ${what}.\n${usage()}`);
  return 2;
}

function usage(): string {
  const lines = Object.entries(COMMANDS).map(([name, { summary }]) => `  ${name.padEnd(11)}${summary}\n`);
  return `usage: nervecenter [command]\n${lines.join('')}Settings are environment variables; \`nervecenter doctor\` prints them.\n`;
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

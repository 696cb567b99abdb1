import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { cpus, freemem, homedir, loadavg, totalmem } from 'node:os';
import { dirname, parse } from 'node:path';
import { performance } from 'node:perf_hooks';
import type { ReadFile } from './cgroup.ts';
import type { Statfs } from './disks.ts';

/** Everything the sampler asks of the machine, so that tests can stand in for any machine. Nothing starts a process. */
export interface Platform {
  readonly linux: boolean;
  /** Only for files of `/proc` and the cgroup tree, which are memory: reading them takes microseconds. */
  readonly readFile: ReadFile;
  readonly statfs: Statfs;
  /** The real path of a directory that may not exist yet: that of its nearest parent that does. */
  readonly existingDirectory: (path: string) => string;
  readonly cpus: typeof cpus;
  readonly totalmem: () => number;
  readonly freemem: () => number;
  readonly loadavg: () => number[];
  readonly monotonicMs: () => number;
  /** Where to look for file systems besides the data directory's, on platforms that do not list their mounts. */
  readonly roots: readonly string[];
}

/** The machine the process runs on. */
export const thisMachine: Platform = {
  linux: process.platform === 'linux',
  readFile(path) {
    try {
      return readFileSync(path, 'utf8');
    } catch {
      return null;
    }
  },
  statfs: (path) => statfs(path),
  existingDirectory,
  cpus,
  totalmem,
  freemem,
  loadavg,
  monotonicMs: () => performance.now(),
  roots: [parse(homedir()).root],
};

function existingDirectory(path: string): string {
  let directory = path;
  while (!existsSync(directory) && dirname(directory) !== directory) directory = dirname(directory);
  try {
    return realpathSync(directory);
  } catch {
    return directory;
  }
}

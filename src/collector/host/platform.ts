import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { cpus, freemem, homedir, loadavg, networkInterfaces, totalmem } from 'node:os';
import { dirname, parse } from 'node:path';
import { performance } from 'node:perf_hooks';
import type { ReadFile } from './cgroup.ts';
import type { Statfs } from './disks.ts';
import { FactReader } from './fact-reader.ts';
import { FactThread } from './fact-thread.ts';
import { type HostFacts, interfacesToAsk } from './host-facts.ts';

/** What is told where there is no `/proc`. */
export interface FactTeller {
  /** What is known by now; costs nothing. */
  latest(): HostFacts;
  stop(): void;
}

/** Everything the sampler asks of the machine, so that tests can stand in for any machine. Only `facts` start programs. */
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
  /** What the process may use, 0 or huge where nothing limits it. */
  readonly constrainedMemory: () => number;
  readonly loadavg: () => number[];
  readonly monotonicMs: () => number;
  /** Where to look for file systems besides the data directory's, on platforms that do not list their mounts. */
  readonly roots: readonly string[];
  /** Asked for only where there is no `/proc`. */
  readonly facts: () => FactTeller;
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
  constrainedMemory: () => process.constrainedMemory(),
  loadavg,
  monotonicMs: () => performance.now(),
  roots: [parse(homedir()).root],
  facts: () => {
    const windows = process.platform === 'win32';
    return new FactReader({
      source: new FactThread(),
      monotonicMs: () => performance.now(),
      interfaces: () => interfacesToAsk(networkInterfaces(), windows),
      // There it would start a program for the size of the swap file alone.
      memory: !windows,
    });
  },
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

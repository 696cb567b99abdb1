import { accessSync, constants } from 'node:fs';
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';

/** Both halves of what objects are made in. V8 lets it grow to 128 MiB, most of it what nobody needs any more. */
const YOUNG_BYTES = 8 * 1024 * 1024;
/** How much garbage may come together, as a share of what is alive, before all of the heap is looked through. */
const GROWING_PERCENT = 20;
const LOOK_MS = 100;
/** Of each half, in MiB: less takes a tenth more time, more keeps garbage for longer. */
const YOUNG_FLAG = '--max-semi-space-size=2';
/** By default glibc has as many as eight times the processors, and what is free in one is of no use to another. */
const ARENAS = { MALLOC_ARENA_MAX: '1' } as const;

export interface SmallHeapOptions {
  /** @default 100 ms */
  readonly lookMs?: number;
  /** How large the young generation is. @default what V8 says */
  readonly youngBytes?: () => number;
  /** @default V8's own */
  readonly setFlag?: (flag: string) => void;
}

/**
 * Has V8 look for garbage more often instead of asking for more memory, which costs about a tenth more CPU time where much comes
 * in, and less than half of the memory. For a process that is a collector and nothing else: flags are those of all threads.
 *
 * @returns ends it; what was set stays.
 */
export function keepHeapSmall(options: SmallHeapOptions = {}): () => void {
  const { lookMs = LOOK_MS, youngBytes = youngGenerationBytes, setFlag = setFlagsFromString } = options;
  setFlag(`--heap-growing-percent=${GROWING_PERCENT}`);
  let grows = true;
  // Its bounds are read at the start only, but by what it is multiplied when it grows is read each time.
  const look = () => {
    const mayGrow = youngBytes() < YOUNG_BYTES;
    if (mayGrow === grows) return;
    grows = mayGrow;
    setFlag(`--semi-space-growth-factor=${grows ? 2 : 1}`);
  };
  look();
  const timer = setInterval(look, lookMs).unref();
  return () => clearInterval(timer);
}

/**
 * Starts this process anew, in its place and under its number, with what can only be said at the start: one arena for the memory
 * that is not V8's, since threads for files, names and inflating have one each otherwise, which took 15 MiB of a busy collector;
 * and a young generation of twice 2 MiB, which took another 10. Whoever sets the variable keeps what it says and is not started
 * anew. Does nothing where that cannot be: not on Linux, in a thread, under a parent that talks over IPC.
 */
export function startSmall(): void {
  const { platform, env, execve, connected } = process;
  if (platform !== 'linux' || execve === undefined || connected || 'MALLOC_ARENA_MAX' in env) return;
  const flags = env['NODE_OPTIONS']?.includes('semi-space-size') === true ? [] : [YOUNG_FLAG];
  const args = [process.argv0, ...flags, ...process.execArgv, ...process.argv.slice(1)];
  try {
    accessSync(process.execPath, constants.X_OK); // Node ends where it cannot be started.
    execve(process.execPath, args, { ...env, ...ARENAS } as Record<string, string>);
  } catch {
    // A policy that lets it start no program: it takes more memory then.
  }
}

function youngGenerationBytes(): number {
  return getHeapSpaceStatistics().find((space) => space.space_name === 'new_space')?.space_size ?? 0;
}

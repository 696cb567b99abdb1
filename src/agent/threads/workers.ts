import { syncBuiltinESMExports } from 'node:module';
import { SHARE_ENV, type Worker, type WorkerOptions } from 'node:worker_threads';

/** Flags by which something is loaded before a main script. */
const PRELOADING = /^(?:-r|--require|--import)(?:$|=)/;

interface WorkersOptions {
  /** The file that loads the agent in a thread. */
  readonly preload: string;
  /** `NODE_OPTIONS` of this process. */
  readonly nodeOptions: string;
  /** Before a thread is made. */
  readonly onThread: () => void;
  /** After it was: it ends with the event `exit`. */
  readonly onStarted: (worker: Worker) => void;
}

/**
 * Lets every thread that the app makes from now on load the agent. Most do by themselves, as threads inherit the flags of
 * their process. But one that is given flags of its own has those only, and one with an environment of its own lacks what
 * `NODE_OPTIONS` says: the agent is added to their flags.
 *
 * @returns takes it back for threads made later.
 */
export function observeWorkers(options: WorkersOptions): () => void {
  // Not the imported name: that one is changed here.
  const threads = process.getBuiltinModule('node:worker_threads') as { Worker: typeof Worker };
  const { Worker: original } = threads;
  const observed: typeof Worker = new Proxy(original, {
    construct(target, [file, asked, ...rest], newTarget) {
      const made = newTarget === observed ? target : newTarget;
      const construct = (given: unknown): Worker => Reflect.construct(target, [file, given, ...rest], made);
      options.onThread();
      const worker = constructWith(construct, asked as WorkerOptions | undefined, options);
      options.onStarted(worker);
      return worker;
    },
  });
  const replace = (by: typeof Worker) => {
    threads.Worker = by;
    syncBuiltinESMExports();
  };
  replace(observed);
  return () => {
    if (threads.Worker === observed) replace(original);
  };
}

/** What does not work with our flag is the app's own mistake, or a flag that only a process takes: it is as without us. */
function constructWith(
  construct: (options: unknown) => Worker,
  asked: WorkerOptions | undefined,
  options: WorkersOptions,
): Worker {
  const execArgv = flagsFor(asked, options);
  if (execArgv === null) return construct(asked);
  try {
    return construct({ ...asked, execArgv });
  } catch {
    return construct(asked);
  }
}

/** The flags that a thread needs to load the agent; `null`: it does by those it inherits. */
export function flagsFor(
  asked: WorkerOptions | undefined,
  { preload, nodeOptions }: Pick<WorkersOptions, 'preload' | 'nodeOptions'>,
): string[] | null {
  const { execArgv, env } = asked ?? {};
  if (Array.isArray(execArgv)) return [...execArgv, '--require', preload];
  const sharesEnv = env === undefined || env === null || env === SHARE_ENV;
  const byEnvironment = nodeOptions.split(/\s+/).some((flag) => PRELOADING.test(flag));
  const byFlags = process.execArgv.some((flag) => PRELOADING.test(flag));
  // Which of them is ours nobody can tell: to load it twice does nothing.
  const inherits = byEnvironment ? sharesEnv : byFlags;
  return inherits ? null : [...process.execArgv, '--require', preload];
}

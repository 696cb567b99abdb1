import { fileURLToPath } from 'node:url';
import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads';
import type { Config } from '../../config/config.ts';
import type { Point } from '../../core/frame.ts';
import { preloadUrl } from '../../platform/paths.ts';
import { type FromThread, post, THREAD_CONFIG, TO_MAIN, threadConfig } from './channels.ts';
import { ThreadReceiver, type ThreadReceiverOptions } from './thread-receiver.ts';
import { observeWorkers } from './workers.ts';

interface ThreadsOptions extends ThreadReceiverOptions {
  readonly config: Config;
  /** `NODE_OPTIONS` of this process. */
  readonly nodeOptions: string;
  /** Whether this is itself a thread of the app: those that it makes report to the main thread as well. */
  readonly inThread: boolean;
}

/** The worker threads of the app, as the agent that starts them has them. */
export interface AppThreads {
  /** See `ThreadReceiver.merged`. */
  merged(own: readonly Point[]): Point[];
  /** See `ThreadReceiver.any`. */
  readonly any: boolean;
  /** See `ThreadReceiver.drain`. */
  drain(): void;
  stop(): void;
}

/** From now on the threads that the app makes are observed. */
export function startThreads(options: ThreadsOptions): AppThreads {
  const { config, nodeOptions, inThread } = options;
  const receiver = new ThreadReceiver(options);
  let told = inThread;
  const tell = () => {
    if (told) return;
    told = true;
    setEnvironmentData(THREAD_CONFIG, threadConfig(config));
    receiver.open();
  };
  const stopObserving = observeWorkers({
    preload: fileURLToPath(preloadUrl()),
    nodeOptions,
    onThread: tell,
    onStarted: (worker) => {
      const { threadId } = worker;
      worker.once('exit', () => {
        // All of them report to the main thread, which does not hear of the end of one that it has not made.
        if (inThread) post(TO_MAIN, { thread: threadId, message: { type: 'goodbye' } } satisfies FromThread);
        else receiver.ended(threadId);
      });
    },
  });
  return {
    merged: (own) => receiver.merged(own),
    get any() {
      return receiver.any;
    },
    drain: () => receiver.drain(),
    stop: () => {
      stopObserving();
      receiver.close();
    },
  };
}

/** In a thread: what the main thread's agent is told to do; `null` where there is none. */
export function configOfMainThread(): Config | null {
  return (getEnvironmentData(THREAD_CONFIG) as Config | undefined) ?? null;
}

import { Worker } from 'node:worker_threads';
import type { Config } from '../../config/config.ts';
import type { CollectorMessage, Source } from '../../core/frame.ts';
import type { Place } from '../../core/place.ts';
import { workerUrl } from '../../platform/paths.ts';
import type { CollectorLink, LinkEvents } from './link.ts';

/** As Node has it: the app's threads are observed, this one is not. */
const NodeWorker = Worker;

interface WorkerLinkOptions extends LinkEvents {
  readonly config: Config;
  readonly source: Source;
  readonly place: Place;
  readonly env: NodeJS.ProcessEnv;
  /** It takes what it is given and stores nothing. @default false */
  readonly spoolOnly?: boolean;
}

/**
 * Starts the collector in a worker thread of this process. The thread does not keep the process alive, and inherits
 * neither the preload that started it nor the app's flags.
 */
export function startWorkerLink({
  config,
  source,
  place,
  env,
  spoolOnly = false,
  onMessage,
  onClose,
}: WorkerLinkOptions): CollectorLink {
  const stopped = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  const worker = new NodeWorker(workerUrl(), {
    name: 'nervecenter-collector',
    workerData: { config, source, place, spoolOnly, stopped },
    execArgv: [],
    env,
  });
  let open = true;
  const closed = (error?: unknown) => {
    if (!open) return;
    open = false;
    onClose(error);
  };
  worker.on('message', (message: CollectorMessage) => onMessage(message));
  worker.on('error', closed);
  worker.on('exit', () => closed());
  worker.unref(); // Last: a listener for messages counts as waiting for them.
  return {
    send: (message) => {
      if (open) worker.postMessage(message);
    },
    flushSync: (messages, deadlineMs) => {
      if (!open) return;
      for (const message of messages) worker.postMessage(message);
      // The thread runs on while this one waits: it stores, stops its Postgres, and wakes us.
      Atomics.wait(stopped, 0, 0, deadlineMs);
      open = false;
    },
    close: () => {
      open = false;
      void worker.terminate();
    },
  };
}

import { Worker } from 'node:worker_threads';
import type { Config } from '../../config/config.ts';
import type { AgentMessage, CollectorMessage, EventsMessage, Source } from '../../core/frame.ts';
import type { Place } from '../../core/place.ts';
import { Farewell } from '../../link/farewell.ts';
import { workerUrl } from '../../platform/paths.ts';
import type { CollectorLink, LinkEvents } from './link.ts';
import { notKeptLine } from './not-kept.ts';

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
  const farewell = new Farewell();
  /** Those of which nobody has said here yet that the collector took them, and how many it took before. */
  const sent: EventsMessage[] = [];
  let taken = 0;
  const worker = new NodeWorker(workerUrl(), {
    name: 'nervecenter-collector',
    workerData: { config, source, place, spoolOnly, farewell: farewell.buffer },
    execArgv: [],
    env,
  });
  let open = true;
  const closed = (error?: unknown) => {
    if (!open) return;
    open = false;
    onClose(error);
  };
  worker.on('message', (message: CollectorMessage) => {
    if (message.type === 'accepted' && sent.shift() !== undefined) taken++;
    onMessage(message);
  });
  worker.on('error', closed);
  worker.on('exit', () => closed());
  worker.unref(); // Last: a listener for messages counts as waiting for them.
  const send = (message: AgentMessage) => {
    if (message.type === 'events') sent.push(message);
    worker.postMessage(message);
  };
  return {
    send: (message) => {
      if (open) send(message);
    },
    flushSync: (messages, deadlineMs) => {
      if (!open) return '';
      for (const message of messages) send(message);
      // The thread runs on while this one waits: it stores, stops its Postgres, and wakes us.
      const ended = farewell.wait(deadlineMs);
      open = false;
      return notKeptLine(sent.slice(farewell.accepted - taken), ended, deadlineMs);
    },
    close: () => {
      open = false;
      void worker.terminate();
    },
  };
}

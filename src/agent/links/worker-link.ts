import { Worker } from 'node:worker_threads';
import type { Config } from '../../config/config.ts';
import type { AgentMessage, CollectorMessage, Source } from '../../core/frame.ts';
import type { Place } from '../../core/place.ts';
import { RecordReader } from '../../core/records/record-reader.ts';
import { SECOND_MS } from '../../core/units.ts';
import { type Ended, Farewell } from '../../link/farewell.ts';
import type { RingWriter, Unaccepted } from '../../link/ring/ring-writer.ts';
import { workerUrl } from '../../platform/paths.ts';
import type { CollectorLink, LinkEvents } from './link.ts';

/** As Node has it: the app's threads are observed, this one is not. */
const NodeWorker = Worker;

interface WorkerLinkOptions extends LinkEvents {
  readonly config: Config;
  readonly source: Source;
  readonly place: Place;
  readonly env: NodeJS.ProcessEnv;
  /** The thread reads it. */
  readonly ring: RingWriter;
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
  ring,
  spoolOnly = false,
  onMessage,
  onClose,
}: WorkerLinkOptions): CollectorLink {
  const farewell = new Farewell();
  const shared = ring.share({
    onWake: () => worker.postMessage({ type: 'wake' }),
    onSegment: (segment) => worker.postMessage({ type: 'segment', segment }),
  });
  const worker = new NodeWorker(workerUrl(), {
    name: 'nervecenter-collector',
    workerData: { config, source, place, spoolOnly, farewell: farewell.buffer, ring: shared },
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
    send: (message: AgentMessage) => {
      if (open) worker.postMessage(message);
    },
    handOver: () => {},
    accepted: () => {},
    flushSync: (messages, deadlineMs) => {
      if (!open) return '';
      for (const message of messages) worker.postMessage(message);
      // The thread runs on while this one waits: it stores, stops its Postgres, and wakes us.
      const ended = farewell.wait(deadlineMs);
      open = false;
      return notKeptLine(ring.unaccepted(), ended, deadlineMs);
    },
    close: () => {
      open = false;
      void worker.terminate();
    },
  };
}

/** What became of the last events of a process, for whoever started it; empty when they are kept and all is well. */
export function notKeptLine(lost: readonly Unaccepted[], { done, problem }: Ended, waitedMs: number): string {
  const counts = countsOf(lost);
  if (counts.size === 0) return problem;
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const which = [...counts].map(([signal, count]) => `${count} ${signal}`).join(', ');
  const late = `to keep them took longer than ${waitedMs / SECOND_MS} s. Where the disk is slow, set NERVECENTER_DATA_DIR to a directory on another one`;
  const why = problem === '' && !done ? late : problem || 'the collector stopped before it had them';
  const are = total === 1 ? 'event of this process is' : 'events of this process are';
  return `the last ${are} not kept (${which}): ${why}`;
}

function countsOf(lost: readonly Unaccepted[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { records, accepted } of lost) {
    const reader = new RecordReader();
    reader.read(records, (event, endsAt) => {
      const signal = String(event?.['signal']);
      if (endsAt > accepted) counts.set(signal, (counts.get(signal) ?? 0) + 1);
    });
  }
  return counts;
}

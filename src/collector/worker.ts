import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import type { Config } from '../config/config.ts';
import { describeError, NervecenterError } from '../core/errors.ts';
import type { CollectorMessage, Source } from '../core/frame.ts';
import type { Place } from '../core/place.ts';
import type { AgentLink } from './agent-link.ts';
import { logToStderr } from './log.ts';
import { sayKept } from './notices.ts';
import { startCollector } from './start.ts';

/** What the agent hands to the thread it starts. */
export interface WorkerInput {
  readonly config: Config;
  readonly source: Source;
  /** What the app asked for, which may be another port than the one there is for it. */
  readonly place: Place;
  /** Rows are left in the spool, for the next collector. */
  readonly spoolOnly: boolean;
  /** Becomes 1 once everything is stored and stopped; the exiting main thread waits on it. */
  readonly stopped: Int32Array;
}

/** How long the end may take. The app's exit waits for it, so it is bounded. */
const SHUTDOWN_DEADLINE_MS = 2500;
/** Nobody waits for a collector that another one takes the place of, but for its port. */
const HAND_OVER_DEADLINE_MS = 10_000;

/** The thread's own port as a link. Messages that arrive before the collector is up wait in the port. */
function portLink(port: MessagePort): AgentLink & { readonly mute: () => void } {
  return {
    /** What comes from now on is not taken: its sender keeps it. */
    mute: () => port.removeAllListeners('message'),
    onMessage: (listener) => port.on('message', listener),
    onClose: (closed) => port.once('close', closed),
    send: (message: CollectorMessage) => port.postMessage(message),
    close: () => port.close(),
  };
}

async function main(
  port: MessagePort,
  { config, source, place, spoolOnly, stopped }: WorkerInput,
): Promise<void> {
  const confirmStopped = () => {
    Atomics.store(stopped, 0, 1);
    Atomics.notify(stopped, 0);
  };
  const link = portLink(port);
  try {
    const onClaimed = () => {
      link.mute();
      void collector.shutdown(HAND_OVER_DEADLINE_MS).finally(() => link.close());
    };
    const log = spoolOnly ? () => {} : logToStderr;
    const asked = { config, log, host: source, place, spoolOnly, onClaimed };
    const collector = await startCollector(asked);
    let isKnown = false;
    const stop = async () => {
      await collector.shutdown(SHUTDOWN_DEADLINE_MS);
      // Who was never told that it started is not told that it stopped.
      if (isKnown) sayKept(collector, log);
    };
    collector.attach(link, () => void stop().finally(confirmStopped));
    link.send({ type: 'started', notice: await collector.ready });
    isKnown = true;
  } catch (error) {
    const portTaken = error instanceof NervecenterError && error.code === 'NC_PORT_TAKEN';
    link.send({ type: 'failed', notice: describeError(error), portTaken });
    confirmStopped();
  }
}

if (parentPort !== null) void main(parentPort, workerData as WorkerInput);

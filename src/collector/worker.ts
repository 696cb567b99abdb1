import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import type { Config } from '../config/config.ts';
import { describeError, NervecenterError } from '../core/errors.ts';
import type { CollectorMessage, Source } from '../core/frame.ts';
import type { AgentLink } from './agent-link.ts';
import { logToStderr } from './log.ts';
import { startCollector } from './start.ts';

/** What the agent hands to the thread it starts. */
export interface WorkerInput {
  readonly config: Config;
  readonly source: Source;
  /** Becomes 1 once everything is stored and stopped; the exiting main thread waits on it. */
  readonly stopped: Int32Array;
}

/** How long the end may take. The app's exit waits for it, so it is bounded. */
const SHUTDOWN_DEADLINE_MS = 2500;

/** The thread's own port as a link. Messages that arrive before the collector is up wait in the port. */
function portLink(port: MessagePort): AgentLink {
  return {
    onMessage: (listener) => port.on('message', listener),
    onClose: (closed) => port.once('close', closed),
    send: (message: CollectorMessage) => port.postMessage(message),
    close: () => port.close(),
  };
}

async function main(port: MessagePort, { config, source, stopped }: WorkerInput): Promise<void> {
  const confirmStopped = () => {
    Atomics.store(stopped, 0, 1);
    Atomics.notify(stopped, 0);
  };
  const link = portLink(port);
  try {
    const collector = await startCollector({ config, log: logToStderr, host: source });
    collector.attach(link, () => void collector.shutdown(SHUTDOWN_DEADLINE_MS).finally(confirmStopped));
    link.send({ type: 'started', notice: await collector.ready });
  } catch (error) {
    const portTaken = error instanceof NervecenterError && error.code === 'NC_PORT_TAKEN';
    link.send({ type: 'failed', notice: describeError(error), portTaken });
    confirmStopped();
  }
}

if (parentPort !== null) void main(parentPort, workerData as WorkerInput);

import { BroadcastChannel } from 'node:worker_threads';
import type { Config } from '../../config/config.ts';
import type { AgentMessage, CollectorMessage } from '../../core/frame.ts';

/**
 * How the agents in an app's worker threads reach the one in its main thread: by channels that have a name in the whole
 * process, because all others between threads are the app's.
 */

/** Read by the main thread's agent alone: what threads say until it listens to each. */
export const TO_MAIN = 'nervecenter.threads';

/** What a thread's agent says: what it would say to a collector, and first that it is there. */
export interface FromThread {
  readonly thread: number;
  readonly message: AgentMessage | { readonly type: 'started' };
}

/** What the main thread's agent says: from now on it listens to the thread's own channel; and what a collector would. */
export type ToThread = CollectorMessage | { readonly type: 'listening' };

/** Read by the main thread's agent alone, and written by one thread. */
export function fromThread(thread: number): string {
  return `nervecenter.thread.${thread}.out`;
}

/** Read by the agent of that thread alone. */
export function toThread(thread: number): string {
  return `nervecenter.thread.${thread}.in`;
}

/**
 * Delivered at once, also while a thread ends. The channel is not kept, because who keeps one reads all that others write
 * there; it costs several times what writing to a kept one does.
 */
export function post(name: string, message: unknown): void {
  const channel = new BroadcastChannel(name);
  try {
    channel.postMessage(message);
  } finally {
    channel.close();
  }
}

/** Under which name threads find the configuration: their own environment may be another one. */
export const THREAD_CONFIG = 'nervecenter.config';

/** What the main thread decides is decided for its threads; what a process does once is done there. */
export function threadConfig(config: Config): Config {
  return { ...config, metricsExporters: [] };
}

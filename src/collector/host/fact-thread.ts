import { Worker } from 'node:worker_threads';
import { collectorEnv } from '../../config/config.ts';
import { systemInformationUrl } from '../../platform/paths.ts';
import type { Answers, Question } from './host-facts.ts';

/** Who answers questions about the host, one at a time. */
export interface FactSource {
  /** Rejects when there is no answer to be had. */
  ask(question: Question): Promise<Answers>;
  /** Gives up what is being asked. The next question begins anew. */
  close(): void;
}

/** It holds a library and a few answers. */
const HEAP_MAX_MB = 32;

/**
 * Asks `systeminformation` in a thread of its own, started with the first question. A thread that was given up may hang in
 * a program that never ends: until it is gone nobody else is started, so at most one is lost.
 */
export class FactThread implements FactSource {
  #worker: Worker | null = null;
  #ending = false;

  async ask(question: Question): Promise<Answers> {
    if (this.#ending) throw new Error('the thread before has not ended');
    this.#worker ??= this.#start();
    const worker = this.#worker;
    const { promise, resolve, reject } = Promise.withResolvers<Answers>();
    const ended = () => reject(new Error('the thread has ended'));
    worker.once('message', resolve);
    worker.once('exit', ended);
    worker.postMessage(question);
    worker.unref(); // Last: a listener for messages counts as waiting for them.
    try {
      return await promise;
    } finally {
      worker.off('message', resolve);
      worker.off('exit', ended);
    }
  }

  close(): void {
    const worker = this.#worker;
    if (worker === null) return;
    this.#worker = null;
    this.#ending = true;
    void worker.terminate().finally(() => {
      this.#ending = false;
    });
  }

  #start(): Worker {
    const worker = new Worker(systemInformationUrl(), {
      name: 'nervecenter-host',
      execArgv: [],
      env: collectorEnv(),
      // Nobody wants to read in an app's output what a library has to say. Not read either: that would keep the app alive.
      stdout: true,
      stderr: true,
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MAX_MB },
    });
    worker.on('error', () => {}); // It ends with it.
    worker.once('exit', () => {
      if (this.#worker === worker) this.#worker = null;
    });
    return worker;
  }
}

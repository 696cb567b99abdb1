import { writeSync } from 'node:fs';

/** One line for an operator: the component's name, then a sentence. Written when a condition begins and when it ends. */
export type Log = (component: string, message: string) => void;

/** Where the process's own words go: stderr, so that an app's stdout stays its own. */
export const STDERR_FD = 2;

/**
 * Writes to stderr at once. Synchronous on purpose: in a worker thread `console` goes through the main thread, which may
 * be blocked or about to exit just when there is something to say.
 */
export const logToStderr: Log = (component, message) => {
  try {
    writeSync(STDERR_FD, `[nervecenter] ${component}: ${message}\n`);
  } catch {
    // A closed or full stderr must never take the collector down.
  }
};

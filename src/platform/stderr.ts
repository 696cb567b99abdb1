import { writeSync } from 'node:fs';

const STDERR_FD = 2;

/**
 * Writes to stderr at once, so that an app's stdout stays its own. Synchronous on purpose: in a worker thread `console`
 * goes through the main thread, which may be blocked or about to exit just when there is something to say.
 */
export function writeToStderr(text: string): void {
  try {
    writeSync(STDERR_FD, text);
  } catch {
    // A closed or full stderr must never take anything down.
  }
}

import { writeToStderr } from '../platform/stderr.ts';

/** One line for an operator: the component's name, then a sentence. Written when a condition begins and when it ends. */
export type Log = (component: string, message: string) => void;

export const logToStderr: Log = (component, message) =>
  writeToStderr(`[nervecenter] ${component}: ${message}\n`);

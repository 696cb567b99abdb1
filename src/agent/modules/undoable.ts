import { subscribe, unsubscribe } from 'node:diagnostics_channel';

/** What the instrumentation has done that is starting; `null`: none is. */
let done: (() => void)[] | null = null;

/**
 * To be said of whatever is done to the app for an instrumentation: where its start fails further on, nobody else knows how to
 * take it back.
 *
 * @returns the same, which takes back once.
 */
export function undoable(undo: () => void): () => void {
  if (done === null) return undo;
  let isUndone = false;
  const once = () => {
    if (isUndone) return;
    isUndone = true;
    undo();
  };
  done.push(once);
  return once;
}

/**
 * Starts something wholly or not at all: where it throws, what it had done by then is taken back, the last first. What cannot be
 * taken back keeps nothing else from it.
 *
 * @throws whatever `start` throws.
 */
export function startedWhole<T>(start: () => T): T {
  const outer = done;
  const own: (() => void)[] = [];
  done = own;
  try {
    return start();
  } catch (error) {
    done = null;
    for (const undo of own.reverse()) attempt(undo);
    throw error;
  } finally {
    done = outer;
  }
}

function attempt(undo: () => void): void {
  try {
    undo();
  } catch {
    // Why it could not start is what is said.
  }
}

/** Listens to a diagnostics channel. @returns stops */
export function listening(channel: string, listener: (message: unknown) => void): () => void {
  subscribe(channel, listener);
  return undoable(() => void unsubscribe(channel, listener));
}

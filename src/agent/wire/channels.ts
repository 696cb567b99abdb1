import { listening } from '../modules/undoable.ts';
import type { WireHub } from './hub.ts';

/** Listens to diagnostics channels; what a listener threw there would end the app as an uncaught exception, so nothing may. */
export function listen<M>(
  hub: WireHub,
  listeners: Readonly<Record<string, (message: M) => void>>,
): () => void {
  const undo = Object.entries(listeners).map(([channel, listener]) => {
    const guarded = (message: unknown) => {
      try {
        listener(message as M);
      } catch (error) {
        hub.unreadable(error);
      }
    };
    return listening(channel, guarded);
  });
  return () => {
    for (const stop of undo) stop();
  };
}

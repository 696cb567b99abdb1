import { undoable } from './undoable.ts';

/**
 * Puts a method in front of another; the undo leaves alone what somebody else has put in front since, and what the app has
 * frozen, and never throws.
 */
export function replaceMethod<P extends object, K extends keyof P>(
  prototype: P,
  name: K,
  replace: (original: P[K]) => P[K],
): () => void {
  const descriptor = Object.getOwnPropertyDescriptor(prototype, name);
  const original = prototype[name];
  const replacement = replace(original);
  Object.defineProperty(prototype, name, {
    value: replacement,
    writable: true,
    configurable: true,
    enumerable: descriptor?.enumerable ?? false,
  });
  return undoable(() => {
    if (prototype[name] !== replacement) return;
    if (descriptor === undefined) Reflect.deleteProperty(prototype, name);
    else Reflect.defineProperty(prototype, name, descriptor);
  });
}

import type { FollowedExchange } from './hub.ts';

/**
 * Puts a function in front of a method of one object, leaving its class and every other object alone. It sees the arguments
 * before the method does, until the exchange is closed; the method's `this`, arguments, result and errors stay what they
 * are.
 */
export function watchMethod<A extends unknown[]>(
  exchange: FollowedExchange,
  object: object,
  name: string,
  see: (this: void, ...args: A) => void,
): void {
  const original: unknown = Reflect.get(object, name);
  if (typeof original !== 'function') return;
  const value = function watched(this: unknown, ...args: A): unknown {
    if (!exchange.closed) exchange.guarded(() => see(...args));
    return Reflect.apply(original, this, args);
  };
  Object.defineProperty(object, name, { value, writable: true, configurable: true });
}

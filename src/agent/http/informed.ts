import type { ServerResponse } from 'node:http';
import { nodeHttp } from '../../platform/builtins.ts';
import { replaceMethod } from '../modules/replace-method.ts';

/** How many bytes of other answers went out before a response. */
const INFORMED = Symbol('nervecenter.informed');
type Informed = ServerResponse & { [INFORMED]?: number };

/** What sends an answer of its own ahead of the response: 100 Continue, 102 Processing, 103 Early Hints. */
const METHODS = ['writeContinue', 'writeProcessing', 'writeEarlyHints'] as const;
type Write = (this: Informed, ...args: unknown[]) => unknown;

/** From now on `informedBytes` knows: Node itself keeps nothing of them. */
export function watchInformed(): () => void {
  const prototype = nodeHttp().ServerResponse.prototype as unknown as Record<(typeof METHODS)[number], Write>;
  const undos = METHODS.map((method) =>
    replaceMethod(prototype, method, (write) => {
      const observed: Write = function (...args) {
        const before = sentBy(this);
        const result = Reflect.apply(write, this, args);
        this[INFORMED] = (this[INFORMED] ?? 0) + sentBy(this) - before;
        return result;
      };
      return observed;
    }),
  );
  return () => {
    for (const undo of undos) undo();
  };
}

function sentBy({ socket }: ServerResponse): number {
  return socket?.bytesWritten ?? 0;
}

/** Bytes of answers that went out ahead of a response. */
export function informedBytes(response: ServerResponse): number {
  return (response as Informed)[INFORMED] ?? 0;
}

import type { IncomingMessage } from 'node:http';

/** On the request itself and by its global name: several copies of this package may share a process. */
const OWN_TRAFFIC = Symbol.for('nervecenter.own-traffic');

/** Says that a request is for nervecenter, not for the app: it makes no event. */
export function markOwnTraffic(request: IncomingMessage): void {
  (request as { [OWN_TRAFFIC]?: true })[OWN_TRAFFIC] = true;
}

export function isOwnTraffic(request: IncomingMessage): boolean {
  return (request as { [OWN_TRAFFIC]?: true })[OWN_TRAFFIC] === true;
}

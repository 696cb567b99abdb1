import type { RequestListener } from 'node:http';
import type { Socket } from 'node:net';

/** Browsers, senders of OTLP and proxies have one; nobody who reads what is answered has more than a few. */
const UNANSWERED_MAX = 8;

/**
 * Ends connections on which more is asked than is read. Node hands over all requests that come in one piece before it stops
 * reading: 64 KiB of them are more than two thousand, whose answers would wait in memory for a client that reads none.
 *
 * @param onEnded told once for each of them.
 */
export function endingPipelines(answer: RequestListener, onEnded: () => void): RequestListener {
  const unanswered = new WeakMap<Socket, number>();
  return (request, response) => {
    const { socket } = request;
    const count = (unanswered.get(socket) ?? 0) + 1;
    unanswered.set(socket, count);
    if (count > UNANSWERED_MAX) {
      if (count === UNANSWERED_MAX + 1) onEnded();
      socket.destroy();
      return;
    }
    response.once('close', () => unanswered.set(socket, (unanswered.get(socket) ?? 1) - 1));
    answer(request, response);
  };
}

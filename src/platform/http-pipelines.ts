import type { RequestListener, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { ConnectionMemory } from './memory/connection-memory.ts';

/** Browsers, senders of OTLP and proxies have one; nobody who reads what is answered has more than a few. */
const UNANSWERED_MAX = 8;
/** Of answers that are written and not taken, over all connections of a server. */
export const UNREAD_BYTES_MAX = 64 * 1024 * 1024;

/**
 * Ends connections on which more is asked than is read. Node hands over all requests that come in one piece before it stops
 * reading: 64 KiB of them are more than two thousand, whose answers would wait in memory for a client that reads none. Few
 * answers on each of many connections are bounded over all of them: the one whose answers are largest goes.
 *
 * @param onEnded told once for each of them.
 */
export function endingPipelines(answer: RequestListener, onEnded: () => void): RequestListener {
  const unanswered = new WeakMap<Socket, Set<ServerResponse>>();
  const memory = new ConnectionMemory(UNREAD_BYTES_MAX);
  const begin = (socket: Socket) => {
    const responses = new Set<ServerResponse>();
    unanswered.set(socket, responses);
    const drop = () => {
      onEnded();
      socket.destroy();
    };
    memory.add(socket, { bytes: () => (socket.destroyed ? 0 : unreadBytes(responses)), drop });
    return responses;
  };
  return (request, response) => {
    const { socket } = request;
    if (socket.destroyed) return;
    const responses = unanswered.get(socket) ?? begin(socket);
    if (responses.size >= UNANSWERED_MAX) {
      onEnded();
      socket.destroy();
      return;
    }
    responses.add(response);
    response.once('close', () => responses.delete(response));
    const end = response.end.bind(response) as (...all: unknown[]) => ServerResponse;
    // No event tells that an answer is written whose turn on the connection has not come.
    response.end = (...all: unknown[]) => {
      end(...all);
      memory.look(socket);
      return response;
    };
    answer(request, response);
  };
}

/** Of the answers of a connection; the first of them counts what waits in the socket. */
function unreadBytes(responses: ReadonlySet<ServerResponse>): number {
  let bytes = 0;
  for (const { writableLength } of responses) bytes += writableLength;
  return bytes;
}

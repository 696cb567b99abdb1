// The WebSocket side: a session asks one question at a time and gets the answer token by token.
import { WebSocketServer } from 'ws';

const MESSAGE_BYTES_MAX = 16 * 1024;

/**
 * Serves `/chat` on an HTTP server. A client sends `{"question": "…", "style": "chat"}` and receives messages of type
 * `token`, then one `done`, or one `error`.
 *
 * @param {import('node:http').Server} server
 * @param {(request: import('node:http').IncomingMessage, message: unknown, io: {
 *   signal: AbortSignal, onToken: (text: string) => void }) => Promise<import('./rag.js').Answer>} answer
 * @param {(error: unknown) => string} explain one sentence for the client
 */
export function serveChat(server, answer, explain) {
  const sockets = new WebSocketServer({ server, path: '/chat', maxPayload: MESSAGE_BYTES_MAX });
  sockets.on('connection', (socket, request) => {
    const gone = new AbortController();
    let busy = false;
    const send = (/** @type {object} */ message) => {
      if (socket.readyState === socket.OPEN) socket.send(JSON.stringify(message));
    };
    socket.on('close', () => gone.abort());
    socket.on('error', () => socket.terminate());
    socket.on('message', async (data) => {
      if (busy) return send({ type: 'error', message: 'One question at a time.' });
      busy = true;
      try {
        const onToken = (/** @type {string} */ text) => send({ type: 'token', text });
        const { sources } = await answer(request, parsed(data), { signal: gone.signal, onToken });
        send({ type: 'done', sources });
      } catch (error) {
        send({ type: 'error', message: explain(error) });
      } finally {
        busy = false;
      }
    });
  });
  return sockets;
}

/** @param {import('ws').RawData} data */
function parsed(data) {
  try {
    return JSON.parse(data.toString());
  } catch {
    return null;
  }
}

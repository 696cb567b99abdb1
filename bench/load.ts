// The load: keep-alive connections with one request each under way, over bare sockets, so that it costs less than any server. It
// never sleeps: to wake it costs the server's thread microseconds, and the slower a server is the more often it would sleep.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export interface Load {
  readonly port: number;
  readonly requests: number;
  readonly connections: number;
}

const REQUEST = Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
const END_OF_ANSWER = 'hello';

/** Milliseconds until all requests are answered. */
async function run({ port, requests, connections }: Load): Promise<number> {
  const sockets = Array.from({ length: connections }, () =>
    connect({ port, host: '127.0.0.1', noDelay: true }),
  );
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  let asking = true;
  const stayAwake = () => {
    if (asking) setImmediate(stayAwake);
  };
  stayAwake();
  const begin = performance.now();
  let sent = 0;
  await Promise.all(
    sockets.map((socket) =>
      keepAsking(socket, () => {
        if (sent >= requests) return false;
        sent++;
        return true;
      }),
    ),
  );
  const elapsedMs = performance.now() - begin;
  asking = false;
  for (const socket of sockets) socket.destroy();
  return elapsedMs;
}

/** Asks again after every answer, for as long as `more` allows it. */
function keepAsking(socket: Socket, more: () => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const ask = () => {
      if (more()) socket.write(REQUEST);
      else resolve();
    };
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('the server closed a connection')));
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1');
      if (!answer.endsWith(END_OF_ANSWER)) return;
      answer = '';
      ask();
    });
    ask();
  });
}

if (process.send !== undefined) {
  process.on('message', (load: Load) => void run(load).then((elapsedMs) => process.send?.(elapsedMs)));
  process.on('disconnect', () => process.exit());
}

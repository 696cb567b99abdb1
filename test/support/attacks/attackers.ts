import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** The server that is attacked, and how somebody gets in who may. */
export interface Target {
  readonly port: number;
  readonly token: string;
}

/** Connections that do harm until they are ended. */
export interface Attack {
  readonly sockets: readonly Socket[];
  /** How many of them the server has ended. */
  ended(): number;
  stop(): void;
}

const BYTE_EVERY_MS = 50;
const CONNECTING_MAX = 100;
/** As much as Node reads at once. */
const PIPELINED_BYTES = 64 * 1024;

const hostOf = ({ port }: Target) => `Host: 127.0.0.1:${port}\r\n`;
const keyOf = ({ token }: Target) => `Authorization: Bearer ${token}\r\n`;

/** The request to open the stream, as whoever may does it. */
export function upgradeRequest(target: Target): string {
  return [
    `GET /api/metrics/stream HTTP/1.1\r\n${hostOf(target)}${keyOf(target)}`,
    'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  ].join('');
}

async function connected({ port }: Target): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  socket.on('error', () => {}); // It is closed after that.
  await new Promise((resolve) => socket.once('connect', resolve).once('close', resolve));
  return socket;
}

function attackBy(sockets: readonly Socket[], timer?: NodeJS.Timeout): Attack {
  return {
    sockets,
    ended: () => sockets.filter(({ destroyed }) => destroyed).length,
    stop: () => {
      clearInterval(timer);
      for (const socket of sockets) socket.destroy();
    },
  };
}

function connections(target: Target, count: number): Promise<Socket[]> {
  return Promise.all(Array.from({ length: count }, () => connected(target)));
}

/** Viewers that are taken on and never read. */
export async function deafViewers(target: Target, count: number): Promise<Attack> {
  const sockets = await connections(target, count);
  await Promise.all(
    sockets.map(async (socket) => {
      socket.write(upgradeRequest(target));
      await once(socket, 'readable');
    }),
  );
  return attackBy(sockets);
}

/** Requests that never end: heads and bodies byte by byte, requests for the stream whose last line is missing. */
export async function slowRequests(target: Target, count: number): Promise<Attack> {
  const heads = [
    `GET /api/metrics/health HTTP/1.1\r\n${hostOf(target)}X-More: `,
    `POST /login HTTP/1.1\r\n${hostOf(target)}Origin: http://127.0.0.1:${target.port}\r\nContent-Length: 1000\r\n\r\n`,
    upgradeRequest(target).slice(0, -2),
  ];
  const sockets = await connections(target, count);
  for (const [index, socket] of sockets.entries()) {
    socket.resume();
    socket.write(heads[index % heads.length] ?? '');
  }
  const timer = setInterval(() => {
    for (const [index, socket] of sockets.entries()) {
      if (index % heads.length < 2 && socket.writable) socket.write('x');
    }
  }, BYTE_EVERY_MS);
  return attackBy(sockets, timer);
}

/** As many requests as fit into one piece, on each of the connections, of which no answer is read. */
export async function pipelines(target: Target, count: number): Promise<Attack> {
  const requests = [
    `GET /api/metrics/snapshot HTTP/1.1\r\n${hostOf(target)}${keyOf(target)}\r\n`,
    `GET /admin/system HTTP/1.1\r\n${hostOf(target)}\r\n`,
    `GET /api/metrics/health HTTP/1.1\r\n${hostOf(target)}\r\n`,
  ];
  const sockets = await connections(target, count);
  for (const [index, socket] of sockets.entries()) {
    const request = requests[index % requests.length] ?? '';
    socket.pause();
    socket.write(request.repeat(Math.floor(PIPELINED_BYTES / request.length)));
  }
  return attackBy(sockets);
}

/** Connections that are closed as soon as they are there. */
export async function connectAndLeave(target: Target, count: number): Promise<void> {
  for (let done = 0; done < count; done += CONNECTING_MAX) {
    const some = Math.min(CONNECTING_MAX, count - done);
    for (const socket of await connections(target, some)) socket.resetAndDestroy();
  }
}

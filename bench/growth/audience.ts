// Dashboards that only count: as many as are asked for watch the stream, and it is told how long after the first of them the
// last one has each snapshot.
import { once } from 'node:events';
import { WebSocket } from 'ws';

export interface Watching {
  readonly viewers: number;
  readonly ticks: number;
}

export interface Watched {
  /** Of each tick. */
  readonly spreadMs: readonly number[];
  readonly bytes: number;
}

/** What comes after so long belongs to the next tick, of which there is one a second. */
const QUIET_MS = 300;
const [url = '', token = ''] = process.argv.slice(2);
const sockets: WebSocket[] = [];
const spreadMs: number[] = [];
let [received, firstMs, lastMs, bytes] = [0, 0, 0, 0];
let ticked = () => {};

function onMessage(message: Buffer): void {
  const nowMs = performance.now();
  if (nowMs - lastMs > QUIET_MS) [received, firstMs] = [0, nowMs];
  lastMs = nowMs;
  received++;
  if (received < sockets.length) return;
  bytes = message.length;
  spreadMs.push(nowMs - firstMs);
  ticked();
}

async function openOne(): Promise<void> {
  const socket = new WebSocket(url, {
    headers: { authorization: `Bearer ${token}` },
    perMessageDeflate: false,
  });
  // The one that it gets at once belongs to no tick.
  await once(socket, 'message');
  sockets.push(socket);
}

async function watch({ viewers, ticks }: Watching): Promise<Watched> {
  while (sockets.length < viewers) {
    const missing = Math.min(50, viewers - sockets.length);
    await Promise.all(Array.from({ length: missing }, openOne));
  }
  spreadMs.length = 0;
  for (const socket of sockets) socket.on('message', onMessage);
  await new Promise<void>((resolve) => {
    ticked = () => {
      if (spreadMs.length >= ticks) resolve();
    };
  });
  for (const socket of sockets) socket.off('message', onMessage);
  return { spreadMs: [...spreadMs], bytes };
}

/** @returns the status of the answer to one viewer more; 101 when it is taken. */
async function oneMore(): Promise<number> {
  const socket = new WebSocket(url, { headers: { authorization: `Bearer ${token}` } });
  socket.on('error', () => {});
  const status = await Promise.race([
    once(socket, 'unexpected-response').then(([, response]) => response.statusCode as number),
    once(socket, 'open').then(() => 101),
  ]);
  socket.terminate();
  return status;
}

process.on('message', async (order: Watching | 'one more') =>
  process.send?.(order === 'one more' ? await oneMore() : await watch(order)),
);
process.on('disconnect', () => process.exit());
process.send?.('ready');

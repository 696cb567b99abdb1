// The load for latencies: requests at a steady pace whatever the answers take, so that a slow server cannot slow down the
// measuring of it (no coordinated omission).
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export interface PacedLoad {
  readonly port: number;
  readonly requests: number;
  readonly perSecond: number;
}

const REQUEST = Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
const END_OF_ANSWER = 'hello';
const CONNECTIONS = 16;
const SECOND_MS = 1000;

/** Latency of each request in milliseconds, from the moment at which it was due. */
async function run({ port, requests, perSecond }: PacedLoad): Promise<number[]> {
  const lanes = await Promise.all(Array.from({ length: CONNECTIONS }, () => openLane(port)));
  const begin = performance.now() + SECOND_MS / perSecond;
  const latencies: Promise<number>[] = [];
  while (latencies.length < requests) {
    const dueMs = begin + (latencies.length * SECOND_MS) / perSecond;
    if (performance.now() < dueMs) await new Promise<void>((resolve) => setImmediate(resolve));
    else latencies.push(lanes[latencies.length % CONNECTIONS]?.(dueMs) ?? Promise.resolve(Number.NaN));
  }
  const measured = await Promise.all(latencies);
  for (const lane of lanes) lane.close();
  return measured;
}

interface Lane {
  (dueMs: number): Promise<number>;
  close(): void;
}

/** A connection on which requests are pipelined: what is due is sent, the answers come in order. */
async function openLane(port: number): Promise<Lane> {
  const socket: Socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await once(socket, 'connect');
  const waiting: { readonly dueMs: number; readonly resolve: (latencyMs: number) => void }[] = [];
  let answer = '';
  socket.on('data', (chunk) => {
    answer += chunk.toString('latin1');
    for (let end = answer.indexOf(END_OF_ANSWER); end >= 0; end = answer.indexOf(END_OF_ANSWER)) {
      answer = answer.slice(end + END_OF_ANSWER.length);
      const first = waiting.shift();
      first?.resolve(performance.now() - first.dueMs);
    }
  });
  const ask = (dueMs: number) =>
    new Promise<number>((resolve) => {
      waiting.push({ dueMs, resolve });
      socket.write(REQUEST);
    });
  return Object.assign(ask, { close: () => socket.destroy() });
}

process.on('message', (load: PacedLoad) => void run(load).then((latencies) => process.send?.(latencies)));
process.on('disconnect', () => process.exit());

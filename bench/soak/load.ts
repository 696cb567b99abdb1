// Whoever uses the app of the soak: in every round as many requests, questions and sessions as make its events.
import { once } from 'node:events';
import { Agent, get } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { EVENTS_OF_ROUND, type LoadOrder, type LoadTally, ROUND } from './round.ts';

const SECOND_MS = 1000;
/** Rounds that are under way at once; one that is due beyond waits. */
const ROUNDS_MAX = 16;
const agent = new Agent({ keepAlive: true, maxSockets: 64 });

function request(port: number, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const sent = get({ host: '127.0.0.1', port, path, agent }, (response) => {
      response.resume().on('end', resolve);
    });
    sent.on('error', (error: NodeJS.ErrnoException) => {
      // The server has ended a connection that was idle, as this went out on it: it saw nothing of it.
      if (sent.reusedSocket && error.code === 'ECONNRESET') resolve(request(port, path));
      else reject(error);
    });
  });
}

async function session(port: number): Promise<void> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/chat`);
  await once(socket, 'open');
  socket.send('hello');
  await once(socket, 'message');
  socket.close();
  await once(socket, 'close');
}

async function round(port: number, tally: LoadTally): Promise<void> {
  const acts: Promise<void>[] = [];
  const act = (times: number, kind: keyof LoadTally, one: (index: number) => Promise<void>) => {
    for (let index = 0; index < times; index++) acts.push(one(index).then(() => void tally[kind]++));
  };
  act(ROUND.requests, 'requests', (index) => request(port, `/items/${index}`));
  act(ROUND.questions, 'questions', () => request(port, '/ask'));
  act(ROUND.sessions, 'sessions', () => session(port));
  await Promise.all(acts);
}

async function run({ port, rounds, eventsPerSecond }: LoadOrder): Promise<LoadTally> {
  const tally: LoadTally = { requests: 0, questions: 0, sessions: 0 };
  const open = new Set<Promise<void>>();
  const beganMs = performance.now();
  for (let done = 0; done < rounds; done++) {
    const dueMs = beganMs + (done * EVENTS_OF_ROUND * SECOND_MS) / eventsPerSecond;
    if (dueMs > performance.now()) await wait(dueMs - performance.now());
    while (open.size >= ROUNDS_MAX) await Promise.race(open);
    const one: Promise<void> = round(port, tally).finally(() => open.delete(one));
    open.add(one);
  }
  await Promise.all(open);
  return tally;
}

process.on('message', async (order: LoadOrder) => process.send?.(await run(order)));
process.on('disconnect', () => process.exit());
process.send?.('ready');

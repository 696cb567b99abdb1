import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, test } from 'vitest';
import { type AgentHandlers, receiveFrom } from '../../../src/collector/receivers/agents.ts';
import { SentBatches } from '../../../src/collector/receivers/sent-batches.ts';
import {
  LINKS_BYTES_MAX,
  listenForAgents,
  type SocketReceiver,
} from '../../../src/collector/receivers/socket.ts';
import { KIB, MIB } from '../../../src/core/units.ts';
import { encodeMessage, MESSAGE_BYTES_MAX, MessageDecoder } from '../../../src/link/framing.ts';
import { requestEvent, SHARED, sourceNamed } from '../../link/messages.ts';
import { until } from '../../support/poll.ts';

const PATIENCE = { timeoutMs: 60_000 };
const HELLO = encodeMessage({ type: 'hello' });

/** The head of a message that never comes to its end. */
function begun(bytes: number): Buffer {
  const message = Buffer.alloc(bytes);
  message.writeUInt32BE(MESSAGE_BYTES_MAX, 0);
  return message;
}

let directory: string;
let path: string;
let receiver: SocketReceiver;
let answers: () => unknown = () => 1;
let sockets: Peer[] = [];

interface Peer {
  readonly socket: Socket;
  readonly received: unknown[];
}

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'nervecenter-test-'));
  path = join(directory, 'agents.sock');
  const holder = { service: 's', pid: 1, url: '', alone: false, takesOtlp: false };
  receiver = await listenForAgents(path, (link) =>
    link.onMessage((message) => {
      const { type } = message as { readonly type: string };
      if (type === 'hello') link.send({ type: 'welcome', holder, takesBytes: true });
      else link.send({ type: 'answer', ask: 1, value: answers() });
    }),
  );
});
beforeEach(() => {
  for (const { socket } of sockets) socket.destroy();
  sockets = [];
});
afterAll(async () => {
  for (const { socket } of sockets) socket.destroy();
  await receiver.shutdown();
  rmSync(directory, { recursive: true, force: true });
});

function peer(): Peer {
  const decoder = new MessageDecoder();
  const received: unknown[] = [];
  const socket = connect(path);
  socket.on('error', () => {});
  socket.on('data', (chunk: Buffer) => {
    received.push(...decoder.push(chunk));
  });
  sockets.push({ socket, received });
  return { socket, received };
}

async function joined(): Promise<Peer> {
  const one = peer();
  one.socket.write(HELLO);
  await until(() => one.received.length === 1);
  return one;
}

const alive = (peers: readonly Peer[]) => peers.filter(({ socket }) => !socket.closed);

test('who has not said who it is holds next to nothing', async () => {
  const loud = peer();
  loud.socket.write(begun(300 * KIB));
  await until(() => loud.socket.closed);
  const quiet = peer();
  quiet.socket.write(begun(10 * KIB));
  const slow = await joined();
  slow.socket.write(begun(300 * KIB));
  const other = await joined();
  other.socket.write(encodeMessage({ type: 'ask' }));
  await until(() => other.received.length === 2);
  assert.equal(alive([quiet, slow]).length, 2);
});

test('many that never come to an end hold no more than few, and an honest one is served', async () => {
  const honest = await joined();
  const rest = encodeMessage({ type: 'ask', what: 'x'.repeat(MIB) });
  honest.socket.write(rest.subarray(0, 100 * KIB));
  const each = 12 * MIB;
  const many = await Promise.all(Array.from({ length: 12 }, joined));
  for (const { socket } of many) socket.write(begun(each));
  const fit = Math.floor(LINKS_BYTES_MAX / each);
  await until(
    () => alive(many).length <= fit && alive(many).every(({ socket }) => socket.writableLength === 0),
    PATIENCE,
  );
  assert.ok(alive(many).length > 0, 'no more go than have to');
  honest.socket.write(rest.subarray(100 * KIB));
  await until(() => honest.received.length === 2);
});

test('answers that nobody takes are bounded over all as well', async () => {
  answers = () => 'x'.repeat(1000 * KIB);
  const many = await Promise.all(Array.from({ length: 200 }, joined));
  for (const { socket } of many) {
    socket.pause();
    socket.write(encodeMessage({ type: 'ask' }));
  }
  // Who is closed sees it only when it reads.
  const honest = await joined();
  honest.socket.write(encodeMessage({ type: 'ask' }));
  await until(() => honest.received.length === 2, PATIENCE);
  for (const { socket } of many) socket.resume();
  await until(() => alive(many).every(({ received }) => received.length === 2), PATIENCE);
  const served = many.filter(({ received }) => received.length === 2).length;
  assert.ok(served >= 50 && served < many.length, `${served} of ${many.length}`);
});

test('messages that wait until it is known whether they came before count, also of those who are gone', async () => {
  const sentBatches = new SentBatches();
  const taken: number[] = [];
  const handlers: AgentHandlers = {
    sharing: SHARED,
    sentBatches,
    join: () => true,
    leave: () => {},
    takeLeft: () => {},
    frame: () => {},
    events: (_events, batch) => {
      taken.push(batch);
      return Promise.resolve();
    },
    refused: () => {},
    ask: () => 'here',
    goodbye: () => {},
  };
  const own = join(directory, 'holding.sock');
  const holder = await listenForAgents(own, (link) => receiveFrom(link, handlers));
  const each = 12 * MIB;
  const sockets: Socket[] = [];
  try {
    /** Sends a batch that waits, and resolves once it does. */
    const hold = async (batch: number, bytes: number) => {
      const socket = connect(own).on('error', () => {});
      sockets.push(socket);
      const decoder = new MessageDecoder();
      let answers = 0;
      socket.on('data', (chunk: Buffer) => {
        answers += decoder.push(chunk).length;
      });
      socket.write(encodeMessage({ type: 'hello', source: sourceNamed(`app-${batch}`) }));
      await until(() => answers === 1);
      const padding = 'x'.repeat(bytes);
      socket.write(encodeMessage({ type: 'events', batch, again: true, events: [requestEvent()], padding }));
      socket.write(encodeMessage({ type: 'ask', ask: 1, what: 'health' }));
      await until(() => answers === 2 || socket.closed, PATIENCE);
      return socket;
    };
    await hold(1, 0);
    const fit = Math.floor(LINKS_BYTES_MAX / each);
    for (let batch = 2; batch < 12; batch++) (await hold(batch, each)).destroy();
    sentBatches.completed(true);
    assert.ok(taken.includes(1), 'the smallest stays');
    assert.equal(taken.length, 1 + fit);
  } finally {
    for (const socket of sockets) socket.destroy();
    await holder.shutdown();
  }
});

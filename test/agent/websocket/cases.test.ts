import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { WebSocketServer } from 'ws';
import { FrameReader } from '../../../src/agent/websocket/frames.ts';
import { webSockets } from '../../../src/agent/websocket/upgrade.ts';
import { STREAM_SOCKET_OPTIONS } from '../../../src/core/http/audience.ts';
import type { WsSessionEvent } from '../../../src/core/signals/ws-session.ts';
import { upgradeHead } from '../../collector/server/fixture.ts';
import { WEBSOCKET_CASES } from '../../support/attacks/websocket-cases.ts';
import { closeFrame } from '../../support/attacks/websocket-frames.ts';
import { bytesLike, tryAll } from '../../support/fuzz/fuzzing.ts';
import { until } from '../../support/poll.ts';
import { RecordingAgent } from '../../support/recording-agent.ts';

/** Bytes of a message, and the header of its last frame. */
const HEADER_BYTES_MIN = 2;

// `ws` itself is not observed: it stands for any library, and tells what a session really was.
const agent = new RecordingAgent();
const server = createServer();
const sockets = new WebSocketServer({ ...STREAM_SOCKET_OPTIONS, noServer: false, server });
let stop: () => void;

beforeAll(async () => {
  stop = webSockets.start(agent);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(() => {
  stop();
  sockets.close();
  server.close();
});

/** Says it on an open connection and, when it is still open, goodbye. */
async function say(bytes: Buffer): Promise<{ messages: number; event: WsSessionEvent }> {
  const accepted = once(sockets, 'connection');
  const { port } = server.address() as AddressInfo;
  const client: Socket = connect(port, '127.0.0.1');
  client.on('error', () => {});
  client.resume();
  client.write(upgradeHead({ Host: 'localhost' }));
  const [peer] = await accepted;
  let messages = 0;
  peer.on('message', () => messages++);
  peer.on('error', () => {});
  const closed = new Promise((resolve) => peer.once('close', resolve));
  client.write(bytes);
  client.end(closeFrame(1000));
  await closed;
  await until(() => agent.events.length > 0, { what: 'the session' });
  client.destroy();
  assert.equal(agent.events.length, 1);
  return { messages, event: agent.events.shift() as WsSessionEvent };
}

describe('a session in which a client says', () => {
  for (const { chapter, name, bytes, closes, messages = 0 } of WEBSOCKET_CASES) {
    it(`${chapter}: ${name} is observed, and hurts nobody`, async () => {
      const { messages: taken, event } = await say(bytes);
      assert.deepEqual(agent.warnings, []);
      assert.ok(Number.isSafeInteger(event.bytesIn) && event.bytesIn <= bytes.length);
      assert.ok(Number.isInteger(event.closeCode) && event.closeCode >= 0 && event.closeCode <= 65_535);
      assert.ok(event.messagesIn >= taken, `${event.messagesIn} of ${taken}`);
      if (closes === undefined) assert.deepEqual([event.messagesIn, event.closeCode], [messages, 1000]);
    });
  }
});

it('any bytes are as many messages however they are cut, none of which has more than there was', async () => {
  const examples = WEBSOCKET_CASES.map(({ bytes }) => bytes).filter(({ length }) => length < 4096);
  const read = (pieces: readonly Buffer[]) => {
    const seen: number[] = [];
    const reader = new FrameReader({
      message: (size) => seen.push(size),
      closing: (code) => seen.push(code),
    });
    for (const piece of pieces) reader.read(piece);
    return seen;
  };
  await tryAll(
    bytesLike(examples),
    (bytes, random) => {
      const cut = random.below(bytes.length + 1);
      const whole = read([bytes]);
      assert.deepEqual(read([bytes.subarray(0, cut), bytes.subarray(cut)]), whole);
      assert.ok(whole.length * HEADER_BYTES_MIN <= bytes.length);
      for (const told of whole) assert.ok(Number.isSafeInteger(told) && told >= 0);
      return whole.length > 0 ? 'messages' : 'none';
    },
    { reached: ['messages', 'none'] },
  );
});

import assert from 'node:assert/strict';
import { afterEach, it } from 'vitest';
import { joinCollector } from '../../../src/agent/links/join.ts';
import type { CollectorLink } from '../../../src/agent/links/link.ts';
import { sendingPieces } from '../../../src/agent/links/piece-sender.ts';
import { listenForAgents, type SocketReceiver } from '../../../src/collector/receivers/socket.ts';
import type { AgentMessage, CollectorMessage } from '../../../src/core/frame.ts';
import { FrameDecoder } from '../../../src/core/frames/frame-decoder.ts';
import { FrameEncoder } from '../../../src/core/frames/frame-encoder.ts';
import { rendezvousPath } from '../../../src/link/rendezvous.ts';
import { RingWriter } from '../../../src/link/ring/ring-writer.ts';
import { counterPoint, frameBytes, sourceNamed } from '../../link/messages.ts';
import { freePort } from '../../support/free-port.ts';
import { until } from '../../support/poll.ts';

let receiver: SocketReceiver | null = null;
let link: CollectorLink | null = null;
afterEach(async () => {
  link?.close();
  await receiver?.shutdown();
});

/** What a collector with such a welcome gets of two frames and the last one. */
async function received(welcome: CollectorMessage): Promise<AgentMessage[]> {
  const messages: AgentMessage[] = [];
  const path = rendezvousPath(await freePort()) ?? assert.fail();
  receiver = await listenForAgents(path, (agent) => {
    agent.onMessage((message) => {
      messages.push(message as AgentMessage);
      if ((message as AgentMessage).type === 'hello') agent.send(welcome);
    });
  });
  const hello: AgentMessage = { type: 'hello', source: sourceNamed('app') };
  const answer = await joinCollector(path, hello, { onMessage: () => {}, onClose: () => {} });
  assert.ok(answer?.type === 'joined');
  link = sendingPieces(answer.link, new RingWriter(() => {}), answer.takesBytes);
  const encoder = new FrameEncoder();
  for (const value of [1, 2])
    link.send({ type: 'frame-bytes', bytes: frameBytes(encoder, [counterPoint('c', value)], { lost: 3 }) });
  await until(() => messages.length === 3);
  const last = frameBytes(encoder, [counterPoint('c', 4)]);
  link.flushSync([{ type: 'frame-bytes', bytes: last }, { type: 'goodbye' }], 3000);
  await until(() => messages.at(-1)?.type === 'goodbye');
  return messages.slice(1, -1);
}

it('a collector of before gets frames as it knows them, the last one as well', async () => {
  const frames = await received({ type: 'welcome' });
  assert.deepEqual(
    frames.map((message) => message.type === 'frame' && [message.frame.points, message.frame.dropped]),
    [
      [[counterPoint('c', 1)], { lost: 3 }],
      [[counterPoint('c', 2)], { lost: 3 }],
      [[counterPoint('c', 4)], {}],
    ],
  );
});

it('a collector that says it takes bytes gets them', async () => {
  const frames = await received({ type: 'welcome', takesBytes: true });
  const decoder = new FrameDecoder();
  assert.deepEqual(
    frames.map((message) => message.type === 'frame-bytes' && decoder.read(message.bytes).points),
    [1, 2, 4].map((value) => [counterPoint('c', value)]),
  );
});

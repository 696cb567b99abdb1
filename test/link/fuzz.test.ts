import assert from 'node:assert/strict';
import { it } from 'vitest';
import { type AgentHandlers, receiveFrom } from '../../src/collector/receivers/agents.ts';
import { SentBatches } from '../../src/collector/receivers/sent-batches.ts';
import { FrameEncoder } from '../../src/core/frames/frame-encoder.ts';
import { encodeMessage, MessageDecoder } from '../../src/link/framing.ts';
import { oneOfEach } from '../collector/sinks/postgres/events.ts';
import { bytesLike, tryAll } from '../support/fuzz/fuzzing.ts';
import { mutatedJson } from '../support/fuzz/mutations.ts';
import {
  counterPoint,
  frameBytes,
  frameOf,
  recordsMessage,
  requestEvent,
  SHARED,
  sourceNamed,
} from './messages.ts';

const PLACE = {
  ...{ port: 9464, storage: 'on', database: null, schema: 'enterprise' },
  ...{ dataDir: '/data', chosen: false, tokens: ['t'] },
};
const HELLO = { type: 'hello', source: sourceNamed('app'), place: PLACE };
const POINT = counterPoint('nervecenter.test.total', 3);
const MESSAGES: readonly object[] = [
  HELLO,
  { ...HELLO, leaving: { dataDir: '/data/left', target: 'postgres://localhost/app' } },
  { type: 'claim' },
  { type: 'where', place: PLACE },
  { type: 'frame', frame: frameOf([POINT], { queue_full: 1 }) },
  { type: 'frame-bytes', bytes: frameBytes(new FrameEncoder(), [POINT]) },
  { type: 'events', batch: 1, events: oneOfEach(), requests: [] },
  { type: 'events', batch: 2, events: [], requests: ['id', 1, null, null, null, '/', 'GET', 200, 1, 0, 0] },
  recordsMessage([requestEvent()]),
  { type: 'ask', ask: 1, what: 'snapshot' },
  { type: 'goodbye' },
];
const FRAMED = MESSAGES.map((message) => encodeMessage(message));

/** Of a collector that takes whoever comes, and what it is handed. */
function handlersThat(take: (what: string) => void): AgentHandlers {
  return {
    sharing: SHARED,
    sentBatches: new SentBatches(),
    join: () => true,
    leave: () => {},
    takeLeft: () => take('left'),
    frame: () => take('frame'),
    events: async (events) => take(`${events.length} events`),
    refused: () => take('refused'),
    ask: () => null,
    goodbye: () => take('goodbye'),
  };
}

/** A link whose agent says these messages; whoever receives them throws at none. */
function say(messages: readonly unknown[]): string {
  const taken: string[] = [];
  const listeners: ((message: unknown) => void)[] = [];
  const link = {
    onMessage: (listener: (message: unknown) => void) => void listeners.push(listener),
    onClose: () => {},
    send: (message: unknown) => void encodeMessage(message),
    close: () => {},
  };
  receiveFrom(
    link,
    handlersThat((what) => taken.push(what)),
  );
  for (const message of messages) listeners[0]?.(message);
  return taken.at(-1) ?? 'nothing';
}

it('bytes on the link are messages or none; what they say is taken, refused or passed over', async () => {
  await tryAll(
    bytesLike(FRAMED),
    (bytes, random) => {
      const decoder = new MessageDecoder();
      const cut = random.below(bytes.length + 1);
      let messages: unknown[];
      try {
        messages = [bytes.subarray(0, cut), bytes.subarray(cut)].flatMap((chunk) => decoder.push(chunk));
      } catch (error) {
        assert.ok(error instanceof Error);
        return 'no messages'; // The link is closed.
      }
      assert.ok(messages.length * 4 <= bytes.length);
      say([HELLO, ...messages]);
      say(messages);
      return messages.length > 0 ? 'messages' : 'a beginning';
    },
    { reached: ['no messages', 'messages'] },
  );
});

it('messages of any shape are taken, refused or passed over', async () => {
  await tryAll(
    (random) => [HELLO, mutatedJson(random.of(MESSAGES), random), mutatedJson(random.of(MESSAGES), random)],
    (messages) => {
      say(messages.slice(1));
      return say(messages);
    },
    { reached: ['refused', 'frame'] },
  );
});

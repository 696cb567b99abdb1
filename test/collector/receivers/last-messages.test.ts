import assert from 'node:assert/strict';
import { deserialize, serialize } from 'node:v8';
import { it } from 'vitest';
import { PieceSender, recordsMessage } from '../../../src/agent/links/piece-sender.ts';
import { LastMessages } from '../../../src/collector/receivers/last-messages.ts';
import { pieceOf } from '../../../src/collector/receivers/shapes.ts';
import { writeEvent } from '../../../src/core/records/event-record.ts';
import { MIB } from '../../../src/core/units.ts';
import { RingWriter } from '../../../src/link/ring/ring-writer.ts';
import { requestEvent, sourceNamed } from '../../link/messages.ts';

const HELLO = { type: 'hello', source: sourceNamed('app') };
const GOODBYE = { type: 'goodbye' };

/** A message with one event, as a process sends it. */
function records() {
  const ring = new RingWriter(() => assert.fail('dropped'));
  const event = requestEvent();
  ring.append(event, writeEvent);
  const sent: ReturnType<typeof recordsMessage>[] = [];
  new PieceSender(ring, (piece) => sent.push(recordsMessage(piece))).send();
  const [message] = sent;
  assert.ok(message !== undefined);
  return { message, event };
}

it('what is no records is left out, and all that comes besides is left for the next collector', () => {
  const { message, event } = records();
  const last = new LastMessages();
  const damaged = { ...message, records: new Uint8Array(message.records.length).fill(0xff) };
  assert.deepEqual(
    [HELLO, damaged, message, GOODBYE].map((one) => last.take(one)),
    [false, false, false, true],
  );
  assert.deepEqual(
    last.batches.map(({ events }) => events.map(({ id }) => id)),
    [[event.id]],
  );
});

it('few records keep nothing of a message of many bytes', () => {
  const { message } = records();
  const large = deserialize(serialize({ ...message, padding: 'x'.repeat(8 * MIB) })) as typeof message;
  assert.ok(large.records.buffer.byteLength > MIB, 'they are read in place');
  const piece = pieceOf(large);
  assert.deepEqual(Buffer.from(piece?.records ?? []), Buffer.from(message.records));
  assert.ok((piece?.records.buffer.byteLength ?? MIB) <= 2 * message.records.length);
});

import assert from 'node:assert/strict';
import { BroadcastChannel, type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { it } from 'vitest';
import { type FromThread, post, TO_MAIN, toThread } from '../../../src/agent/threads/channels.ts';
import { ThreadConnection } from '../../../src/agent/threads/thread-connection.ts';
import { writeEvent } from '../../../src/core/records/event-record.ts';
import { RingWriter } from '../../../src/link/ring/ring-writer.ts';
import { requestEvent } from '../../link/messages.ts';

/** More than may wait to be accepted. */
const EVENTS = 600;

it('a thread that goes from task to task without a turn of its loop hands over everything, as it is accepted', ({
  onTestFinished,
}) => {
  const ring = new RingWriter(() => assert.fail('dropped'));
  const main = new BroadcastChannel(TO_MAIN);
  const connection = new ThreadConnection({ ring });
  onTestFinished(() => {
    connection.close();
    main.close();
  });
  let taken = 0;
  for (let event = 0; event < EVENTS; event++) {
    assert.ok(ring.append(requestEvent(), writeEvent));
    connection.handOver();
    // A channel is a port in Node, but not in its types.
    for (let next = receiveMessageOnPort(main as unknown as MessagePort); next !== undefined; ) {
      const { thread, message } = next.message as FromThread;
      if (message.type === 'records') {
        taken++;
        post(toThread(thread), { type: 'accepted', batch: message.batch });
      }
      next = receiveMessageOnPort(main as unknown as MessagePort);
    }
  }
  assert.equal(taken, EVENTS);
});

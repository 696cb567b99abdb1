import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import {
  contentIn,
  payloadOfEvents,
  payloadOfRequests,
  type ReadyRequest,
} from '../../../../../src/collector/sinks/otlp/queue/event-batch.ts';
import { oneOfEach } from '../../postgres/events.ts';

const REQUESTS: readonly ReadyRequest[] = [
  { signal: 'traces', items: 2000, bytes: Buffer.alloc(300, 7) },
  { signal: 'traces', items: 1, bytes: Buffer.alloc(0) },
  { signal: 'logs', items: 70_000, bytes: Buffer.from('logs') },
];

describe('what a batch holds for its target', () => {
  it('comes back: events as events, requests as requests', () => {
    const events = oneOfEach();
    assert.deepEqual(contentIn({ payload: payloadOfEvents(events) }), {
      kind: 'events',
      events: JSON.parse(JSON.stringify(events)),
    });
    assert.deepEqual(contentIn({ payload: payloadOfRequests(REQUESTS) }), {
      kind: 'requests',
      requests: REQUESTS,
    });
    assert.deepEqual(contentIn({ payload: payloadOfRequests([]) }), { kind: 'requests', requests: [] });
  });

  it('is nothing where it is damaged, wherever it was cut', () => {
    const payload = payloadOfRequests(REQUESTS.slice(0, 1));
    for (let length = 0; length < payload.length; length++) {
      const content = contentIn({ payload: payload.subarray(0, length) });
      const held = content.kind === 'events' ? content.events : content.requests;
      assert.deepEqual(held, [], `${length} bytes of ${payload.length}`);
    }
    const unknown = Buffer.from(payload);
    unknown.writeUInt8(9, payload.length - 300 - 9);
    assert.deepEqual(contentIn({ payload: unknown }), { kind: 'events', events: [] });
  });
});

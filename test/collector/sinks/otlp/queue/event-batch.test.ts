import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { type Held, heldIn, payloadOf } from '../../../../../src/collector/sinks/otlp/queue/event-batch.ts';

const HELD: Held = {
  via: ['0190a5b2-6c1d-7a3e-8f00-1234567890ab'],
  requests: [
    { signal: 'traces', items: 2000, body: Buffer.alloc(300, 7) },
    { signal: 'traces', items: 1, body: Buffer.alloc(0) },
    { signal: 'logs', items: 70_000, body: Buffer.from('logs') },
  ],
};

describe('what a batch holds for its target', () => {
  it('comes back as it was', () => {
    for (const held of [HELD, { via: [], requests: [] }]) {
      assert.deepEqual(heldIn({ payload: payloadOf(held) }), held);
    }
  });

  it('is nothing where it is damaged, wherever it was cut', () => {
    const payload = payloadOf(HELD);
    for (let length = 0; length < payload.length; length++) {
      const { requests } = heldIn({ payload: payload.subarray(0, length) });
      assert.deepEqual(requests, [], `${length} bytes of ${payload.length}`);
    }
    assert.deepEqual(heldIn({ payload: Buffer.concat([payload, Buffer.alloc(1)]) }).requests, []);
  });
});

import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { encodeMessage, MESSAGE_BYTES_MAX, MessageDecoder } from '../../src/link/framing.ts';

const PREFIX_BYTES = 4;

function prefixed(body: Buffer, length = body.length): Buffer {
  const framed = Buffer.alloc(PREFIX_BYTES + body.length);
  framed.writeUInt32BE(length, 0);
  body.copy(framed, PREFIX_BYTES);
  return framed;
}

describe('MessageDecoder', () => {
  it('gives back what was encoded, wherever the stream was cut', () => {
    const value = fc.oneof(
      fc.string(),
      fc.double(),
      fc.constant(null),
      fc.dictionary(fc.string(), fc.nat(), { noNullPrototype: true }),
    );
    fc.assert(
      fc.property(
        fc.array(value, { maxLength: 8 }),
        fc.array(fc.nat(40), { maxLength: 60 }),
        (messages, cuts) => {
          const stream = Buffer.concat(messages.map(encodeMessage));
          const decoder = new MessageDecoder();
          const decoded: unknown[] = [];
          let at = 0;
          for (const cut of cuts) {
            decoded.push(...decoder.push(stream.subarray(at, at + cut)));
            at = Math.min(stream.length, at + cut);
          }
          decoded.push(...decoder.push(stream.subarray(at)));
          assert.deepEqual(decoded, messages);
        },
      ),
    );
  });

  it('refuses a length that no message of ours has, before it holds any of it', () => {
    assert.throws(
      () => new MessageDecoder().push(prefixed(Buffer.alloc(0), MESSAGE_BYTES_MAX + 1)),
      /at most/,
    );
  });

  it('refuses bytes that are no message', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 30 }), (bytes) => {
        // The version tag of a real message is 0xff; nothing else can begin one.
        if (bytes[0] === 0xff) return;
        assert.throws(() => new MessageDecoder().push(prefixed(Buffer.from(bytes))));
      }),
    );
  });
});

import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'vitest';
import * as ws from 'ws';
import { FrameReader } from '../../../src/agent/websocket/frames.ts';

interface FrameOptions {
  readonly opcode: number;
  readonly fin: boolean;
  readonly mask: boolean;
}

/** What `ws` itself sends with. */
const { frame } = (ws as unknown as { Sender: { frame(data: Buffer, options: object): readonly Buffer[] } })
  .Sender;
const framed = (size: number, { opcode, fin, mask }: FrameOptions): Buffer =>
  Buffer.concat(
    frame(Buffer.alloc(size, 7), { opcode, fin, mask, rsv1: false, readOnly: false, generateMask: fillMask }),
  );
const fillMask = (mask: Buffer) => void mask.set([1, 2, 3, 4]);

function readAll(pieces: readonly Uint8Array[]) {
  const messages: number[] = [];
  const codes: number[] = [];
  const reader = new FrameReader({
    message: (bytes) => messages.push(bytes),
    closing: (code) => codes.push(code),
  });
  for (const piece of pieces) reader.read(piece);
  return { messages, codes };
}

const PING = 9;
const sizes = fc.oneof(
  fc.nat(20),
  fc.integer({ min: 120, max: 130 }),
  fc.integer({ min: 65_530, max: 65_540 }),
);

test('messages of any size, in any fragments, masked or not, cut anywhere', () => {
  const messages = fc.array(fc.array(sizes, { minLength: 1, maxLength: 3 }), { maxLength: 4 });
  const property = fc.property(
    messages,
    fc.boolean(),
    fc.array(fc.nat(), { maxLength: 6 }),
    (wanted, mask, cuts) => {
      const bytes = Buffer.concat(
        wanted.flatMap((fragments) =>
          fragments.flatMap((size, i) => [
            framed(size, { opcode: i === 0 ? 1 : 0, fin: i === fragments.length - 1, mask }),
            // Control frames come between the fragments of a message.
            framed(4, { opcode: PING, fin: true, mask }),
          ]),
        ),
      );
      const at = [...new Set([0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])].sort(
        (a, b) => a - b,
      );
      const pieces = at.map((from, i) => bytes.subarray(from, at[i + 1] ?? bytes.length));
      assert.deepEqual(readAll(pieces), {
        messages: wanted.map((fragments) => fragments.reduce((sum, size) => sum + size, 0)),
        codes: [],
      });
    },
  );
  fc.assert(property, { numRuns: 200 });
});

for (const mask of [true, false]) {
  test(`the code of a close frame ${mask ? 'with' : 'without'} a mask, byte by byte`, () => {
    const payload = Buffer.from([0x0f, 0xa1, ...Buffer.from('done')]);
    const options = { opcode: 8, fin: true, mask, rsv1: false, readOnly: false, generateMask: fillMask };
    const bytes = Buffer.concat(frame(payload, options));
    assert.deepEqual(readAll([...bytes].map((byte) => Uint8Array.of(byte))), { messages: [], codes: [4001] });
  });
}

test('a close frame without a code', () => {
  assert.deepEqual(readAll([framed(0, { opcode: 8, fin: true, mask: true })]), {
    messages: [],
    codes: [1005],
  });
});

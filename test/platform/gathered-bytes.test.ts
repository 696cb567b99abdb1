import assert from 'node:assert/strict';
import fc from 'fast-check';
import { it } from 'vitest';
import { GatheredBytes } from '../../src/platform/gathered-bytes.ts';

it('are what came, however it was cut and whatever was expected, and stay it', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 40 })), fc.nat(200), (pieces, expected) => {
      const gathered = new GatheredBytes(expected);
      const seen: Buffer[] = [];
      for (const piece of pieces) {
        gathered.add(Buffer.from(piece));
        seen.push(gathered.bytes);
      }
      const all = Buffer.concat(pieces);
      assert.equal(gathered.length, all.length);
      for (const bytes of seen) assert.deepEqual(bytes, all.subarray(0, bytes.length));
      gathered.clear();
      assert.deepEqual([gathered.length, gathered.bytes.length], [0, 0]);
    }),
  );
});

it('have their memory at once where it is known how many they will be, unless that is a promise of much', () => {
  const memories = [1000, 2 ** 40].map((expected) => {
    const gathered = new GatheredBytes(expected);
    const seen = Array.from({ length: 10 }, () => {
      gathered.add(Buffer.alloc(100));
      return gathered.bytes.buffer;
    });
    return { bytes: seen.map(({ byteLength }) => byteLength), memories: new Set(seen).size };
  });
  assert.deepEqual(memories[0], { bytes: Array.from({ length: 10 }, () => 1000), memories: 1 });
  assert.ok(
    Math.max(...(memories[1]?.bytes ?? [])) <= Math.max(2000, Buffer.poolSize),
    JSON.stringify(memories[1]),
  );
});

it('of pieces of one byte take twice their memory at most, and are copied twice at most', () => {
  const gathered = new GatheredBytes();
  const memories = new Set<ArrayBufferLike>();
  let bytes = 0;
  for (let index = 0; index < 100_000; index++) {
    gathered.add(Buffer.of(index & 0xff));
    const { buffer } = gathered.bytes;
    if (!memories.has(buffer)) bytes += buffer.byteLength;
    memories.add(buffer);
    assert.ok(index === 0 || buffer.byteLength <= 2 * (index + 1));
  }
  assert.ok(
    bytes <= 4 * 100_000 + 2 * Buffer.poolSize,
    `${bytes} bytes in ${memories.size} pieces of memory`,
  );
});

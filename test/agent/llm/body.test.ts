import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { bodyDecoder } from '../../../src/agent/instrumentation/llm-body.ts';

const CHUNK_BYTES = 64 * 1024;

test('a compressed body that comes faster than it is inflated is given up at 1 MiB, and others are not', async () => {
  const body = gzipSync(randomBytes(2 * 1024 * 1024));
  const given: string[][] = [];
  const greedy = bodyDecoder('gzip', { text: () => {}, unreadable: (...why) => given.push(why) });
  let taken = 0;
  for (let at = 0; at < body.length && given.length === 0; at += CHUNK_BYTES) {
    greedy.write(body.subarray(at, at + CHUNK_BYTES));
    taken = at;
  }
  assert.deepEqual(given, [['body_ahead', 'too many compressed bytes wait to be inflated']]);
  assert.equal(taken, 1024 * 1024);
  const texts: string[] = [];
  const other = bodyDecoder('gzip', { text: (piece) => texts.push(piece), unreadable: assert.fail });
  other.write(gzipSync('other'));
  await new Promise<void>((resolve) => other.end(resolve));
  assert.deepEqual(texts, ['other']);
});

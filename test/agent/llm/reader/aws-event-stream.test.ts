import assert from 'node:assert/strict';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { test } from 'vitest';
import { AwsEventStreamParser } from '../../../../src/agent/llm/reader/aws-event-stream.ts';
import { awsMessage, chunkMessage, eventMessage, exceptionMessage } from './aws-messages.ts';
import { bytesOf, pieces } from './pieces.ts';

function parse(texts: readonly string[]): string[] {
  const events: string[] = [];
  let event = '';
  const parser = new AwsEventStreamParser({
    skip: (_text, at) => at,
    data(piece) {
      event += piece;
    },
    endOfEvent() {
      events.push(event);
      event = '';
    },
  });
  for (const text of texts) parser.write(text);
  return events;
}

const parseBytes = (...messages: readonly Buffer[]) => parse([Buffer.concat(messages).toString('latin1')]);

test('an event is its payload under the name of its type', () => {
  const metadata = { usage: { inputTokens: 1, outputTokens: 2 } };
  assert.deepEqual(parseBytes(eventMessage('metadata', metadata), eventMessage('messageStop', {})), [
    JSON.stringify({ metadata }),
    '{"messageStop":{}}',
  ]);
  assert.deepEqual(parseBytes(awsMessage({ ':event-type': 'empty' }, '')), ['{"empty":{}}']);
  assert.deepEqual(parseBytes(awsMessage({ ':event-type': 'a":{},"b' }, '1')), ['{"unknown":1}']);
  assert.deepEqual(parseBytes(awsMessage({}, '1')), ['{"unknown":1}']);
});

test("a chunk is the model's own JSON, without its wrapping of base64", () => {
  const event = { type: 'content_block_delta', delta: { text: 'für 東京 😀' } };
  assert.deepEqual(parseBytes(chunkMessage(event)), [bytesOf(JSON.stringify(event))]);
  assert.deepEqual(parseBytes(awsMessage({ ':event-type': 'chunk' }, '{"p":"abc" , "bytes" : "e30="}')), [
    '{}',
  ]);
  assert.deepEqual(parseBytes(awsMessage({ ':event-type': 'chunk' }, '{"bytes":"e30*"}')), ['']);
  assert.deepEqual(parseBytes(awsMessage({ ':event-type': 'chunk' }, '{"p":7}')), ['']);
});

test('a refusal inside the stream is an error with its name', () => {
  assert.deepEqual(parseBytes(exceptionMessage('throttlingException', { message: 'slow down' })), [
    '{"error":{"type":"throttlingException","details":{"message":"slow down"}}}',
  ]);
  const failure = awsMessage({ ':message-type': 'error', ':error-code': 'InternalError' }, '');
  assert.deepEqual(parseBytes(failure), ['{"error":{"type":"InternalError","details":{}}}']);
});

test('headers of every type are passed over, those of text are read', () => {
  const values = [
    [0],
    [1],
    [2, 9],
    [3, 9, 9],
    [4, 9, 9, 9, 9],
    [5, ...Array(8).fill(9)],
    [6, 0, 2, 9, 9],
    [8, ...Array(8).fill(9)],
    [9, ...Array(16).fill(9)],
  ];
  const others = values.map((value) => Buffer.from([1, 0x78, ...value]));
  const message = awsMessage({ ':event-type': 'e' }, '{}', Buffer.concat(others));
  assert.deepEqual(parseBytes(message), ['{"e":{}}']);
  const unknownType = awsMessage({ ':event-type': 'e' }, '{}', Buffer.from([1, 0x78, 77, 1, 2, 3]));
  assert.deepEqual(parseBytes(unknownType, message), ['{"unknown":{}}', '{"e":{}}']);
  const tooLong = awsMessage({ ':event-type': 'e' }, '{}', Buffer.from([200, 0x78]));
  assert.deepEqual(parseBytes(tooLong, message), ['{"unknown":{}}', '{"e":{}}']);
});

test('behind a wrong length or checksum nothing is read, and what is cut off is no event', () => {
  const good = eventMessage('a', { b: 1 });
  const wrongChecksum = Buffer.from(good);
  wrongChecksum.writeUInt32BE(1, 8);
  assert.deepEqual(parseBytes(good, wrongChecksum, good), ['{"a":{"b":1}}']);
  for (const [total, headers] of [
    [2 ** 31, 0],
    [16, 100],
    [3, 0],
    [2 ** 20, 2 ** 19],
  ]) {
    const lying = Buffer.from(good);
    lying.writeUInt32BE(total ?? 0, 0);
    lying.writeUInt32BE(headers ?? 0, 4);
    lying.writeUInt32BE(crc32(lying.subarray(0, 8)), 8);
    assert.deepEqual(parseBytes(lying, good), []);
  }
  assert.deepEqual(parseBytes(good.subarray(0, good.length - 5)), []);
  assert.deepEqual(parse(['<html>not an event stream, surely</html>']), []);
});

test('a message of megabytes passes through without being held', () => {
  const text = 'x'.repeat(5_000_000);
  const message = chunkMessage({ text }).toString('latin1');
  let longest = 0;
  let bytes = 0;
  const parser = new AwsEventStreamParser({
    skip: (_text, at) => at,
    data(piece) {
      longest = Math.max(longest, piece.length);
      bytes += piece.length;
    },
    endOfEvent() {},
  });
  for (const piece of pieces(message, [1000])) parser.write(piece);
  assert.equal(bytes, text.length + '{"text":""}'.length);
  assert.ok(longest <= 1000, `${longest}`);
});

test('gives the same events wherever the network cuts', () => {
  const json = fc.jsonValue({ maxDepth: 2 });
  const message = fc.oneof(
    json.map((value) => ({ bytes: chunkMessage(value), event: JSON.stringify(value) })),
    json.map((value) => ({ bytes: eventMessage('e', value), event: `{"e":${JSON.stringify(value)}}` })),
  );
  fc.assert(
    fc.property(
      fc.array(message, { maxLength: 5 }),
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 }),
      (messages, sizes) => {
        const stream = Buffer.concat(messages.map(({ bytes }) => bytes)).toString('latin1');
        assert.deepEqual(
          parse(pieces(stream, sizes)),
          messages.map(({ event }) => bytesOf(event)),
        );
      },
    ),
  );
});

test('no bytes at all can break it', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      parse([Buffer.from(bytes).toString('latin1')]);
    }),
  );
});

import assert from 'node:assert/strict';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { openaiChat } from '../../src/agent/llm/dialects/openai/chat.ts';
import { RequestReader } from '../../src/agent/llm/reader/request-reader.ts';
import { ResponseReader } from '../../src/agent/llm/reader/response-reader.ts';
import { FrameReader } from '../../src/agent/websocket/frames.ts';
import { parseAlertRule } from '../../src/collector/alerts/parse-rule.ts';
import { parseOverrides } from '../../src/collector/pricing/overrides.ts';
import { FrameDecoder } from '../../src/core/frames/frame-decoder.ts';
import { FrameEncoder } from '../../src/core/frames/frame-encoder.ts';
import { parseEventsQuery, parseHistoryQuery } from '../../src/core/history/parameters.ts';
import { parseJson } from '../../src/core/json.ts';
import { RecordReader } from '../../src/core/records/record-reader.ts';
import { encodeMessage, MessageDecoder } from '../../src/link/framing.ts';
import { decode, protobufOf } from '../collector/receivers/otlp/messages.ts';
import { counterPoint, frameBytes, recordsMessage, requestEvent } from '../link/messages.ts';
import { WorkCounter } from '../support/fuzz/work.ts';

const PARTS = 400;
const PIECE_CHARS = 1000;
const SSE = 'text/event-stream';

/** Whatever it throws: that it is one of its own is for the fuzzers. */
function tried(work: () => unknown): void {
  try {
    work();
  } catch (error) {
    assert.ok(error instanceof Error);
  }
}

function readAnswer(body: string, type: string): void {
  const reader = new ResponseReader(openaiChat, type);
  for (let at = 0; at < body.length; at += PIECE_CHARS) reader.write(body.slice(at, at + PIECE_CHARS));
  reader.finish();
}

function readRequest(body: string): void {
  const reader = new RequestReader(openaiChat);
  for (let at = 0; at < body.length; at += PIECE_CHARS) reader.write(body.slice(at, at + PIECE_CHARS));
  reader.close();
}

/** What parsers have to begin and end with every part of it. */
const HOSTILE_TEXTS: Readonly<Record<string, (parts: number) => string>> = {
  'carriage returns': (parts) => '\r'.repeat(parts),
  'empty lines': (parts) => '\n'.repeat(parts),
  'empty fields': (parts) => 'data:\n'.repeat(parts),
  'empty events': (parts) => 'data: {}\n\n'.repeat(parts),
  'events that say something': (parts) => 'data: {"model":"m","usage":{}}\n\n'.repeat(parts),
  'open lists': (parts) => '['.repeat(parts),
  'open objects': (parts) => '{"a":'.repeat(parts),
  'lists and their ends': (parts) => '[]'.repeat(parts),
  quotes: (parts) => '"'.repeat(parts),
  'quotes that are escaped': (parts) => `"${'\\"'.repeat(parts)}`,
  backslashes: (parts) => `"${'\\'.repeat(parts)}`,
  'keys without values': (parts) => `{${'"usage":,'.repeat(parts)}`,
  'beginnings of forms': (parts) => `--x\r\n${'name="model"\r\n'.repeat(parts)}`,
  digits: (parts) => `{"usage":${'9'.repeat(parts)}`,
};

let counter: WorkCounter;
beforeAll(() => {
  counter = new WorkCounter();
});
afterAll(() => counter.stop());

describe('four times as much is no more than five times the work', () => {
  for (const [name, text] of Object.entries(HOSTILE_TEXTS)) {
    it(`for texts of ${name}`, () => {
      for (const type of [SSE, 'application/json', 'application/x-ndjson'])
        counter.assertLinear(`answer as ${type}`, PARTS, (parts) => readAnswer(text(parts), type));
      counter.assertLinear('request', PARTS, (parts) => readRequest(text(parts)));
      counter.assertLinear('JSON', PARTS, (parts) => tried(() => parseJson(text(parts))));
      for (const signal of ['traces', 'metrics', 'logs'] as const)
        counter.assertLinear(signal, PARTS, (parts) =>
          tried(() => decode(signal, Buffer.from(text(parts)), 'json')),
        );
    });
  }

  it('which is found out where it is not so', () => {
    const again = (parts: number) => {
      for (let time = 0; time < parts; time++) parseJson('[]'.padEnd(parts));
    };
    assert.throws(
      () => counter.assertLinear('again and again', PARTS, again),
      /again and again: \d+ for 400 parts/,
    );
  });

  it('for what agents send', () => {
    const { records } = recordsMessage([requestEvent()]);
    counter.assertLinear('records', PARTS, (parts) => {
      const bytes = Buffer.concat(Array.from({ length: parts }, () => records));
      new RecordReader().read(bytes, () => {});
    });
    counter.assertLinear('frames', PARTS, (parts) => {
      const points = Array.from({ length: parts }, (_, index) => counterPoint(`n${index}`, index));
      new FrameDecoder().read(frameBytes(new FrameEncoder(), points));
    });
    counter.assertLinear('a message byte by byte', PARTS, (parts) => {
      const decoder = new MessageDecoder();
      for (const byte of encodeMessage('x'.repeat(parts))) decoder.push(Buffer.of(byte));
    });
    counter.assertLinear('many messages at once', PARTS, (parts) => {
      new MessageDecoder().push(Buffer.concat(Array.from({ length: parts }, () => encodeMessage(1))));
    });
  });

  it('for what comes by OTLP', () => {
    const span = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) };
    const spans = (parts: number) => Array.from({ length: parts }, () => span);
    const attributes = (parts: number) =>
      Array.from({ length: parts }, (_, index) => ({ key: `k${index}`, value: { stringValue: 'x' } }));
    for (const [what, scope] of Object.entries({
      spans: (parts: number) => ({ spans: spans(parts) }),
      attributes: (parts: number) => ({ spans: [{ ...span, attributes: attributes(parts) }] }),
      events: (parts: number) => ({
        spans: [{ ...span, events: Array.from({ length: parts }, () => ({})) }],
      }),
    })) {
      const request = (parts: number) => ({ resourceSpans: [{ scopeSpans: [scope(parts)] }] });
      counter.assertLinear(`${what} in JSON`, PARTS, (parts) =>
        decode('traces', Buffer.from(JSON.stringify(request(parts))), 'json'),
      );
      counter.assertLinear(`${what} in protobuf`, PARTS, (parts) =>
        decode('traces', protobufOf('traces', request(parts)), 'protobuf'),
      );
    }
    const nothing = (parts: number) => Buffer.concat(Array.from({ length: parts }, () => Buffer.of(10, 0)));
    counter.assertLinear('messages of nothing', PARTS, (parts) =>
      decode('traces', nothing(parts), 'protobuf'),
    );
  });

  it('for parameters, rules, prices and frames of sockets', () => {
    const search = (parts: number) =>
      new URLSearchParams(`signal=request&measure=count${'&step=1h'.repeat(parts)}`);
    counter.assertLinear('history', PARTS, (parts) => tried(() => parseHistoryQuery(search(parts), 1.79e12)));
    counter.assertLinear('events', PARTS, (parts) => tried(() => parseEventsQuery(search(parts), 1.79e12)));
    const fields = (parts: number) =>
      Object.fromEntries(Array.from({ length: parts }, (_, index) => [`f${index}`, [index]]));
    counter.assertLinear('a rule', PARTS, (parts) => parseAlertRule(fields(parts)));
    counter.assertLinear('prices', PARTS, (parts) => parseOverrides(fields(parts)));
    counter.assertLinear('frames', PARTS, (parts) => {
      const reader = new FrameReader({ message: () => {}, closing: () => {} });
      reader.read(Buffer.alloc(2 * parts, Buffer.of(0x81, 0)));
    });
  });
});

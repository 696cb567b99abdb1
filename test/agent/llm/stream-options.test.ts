import assert from 'node:assert/strict';
import { test } from 'vitest';
import { UsageEventFilter, withUsageRequested } from '../../../src/agent/llm/stream-options.ts';

const USAGE_EVENT = 'data: {"choices":[],"usage":{"prompt_tokens":1}}\n\n';
const KEPT = [
  ': a comment\n\n',
  'data: {"choices":[],"prompt_filter_results":[]}\n\n',
  'data: {"choices":[{"delta":{"content":"\\"choices\\":[]"}}],"usage":null}\r\n\r\n',
  'data: {"choices":[{"delta":{}}],"usage":{"prompt_tokens":1}}\n\n',
  `data: {"choices":[{"delta":{"content":"${'x'.repeat(40_000)}"}}]}\n\n`,
  'data: {"choices":[],"usage":{},"error":{"code":"x"}}\n\n',
  'data: [DONE]\n\n',
  'data: {"choices":[],"usage":{"cut',
];

test('only the event that carries nothing but the usage is taken out, wherever the stream is cut', () => {
  const stream = KEPT.slice(0, 6).join(USAGE_EVENT) + USAGE_EVENT + KEPT.slice(6).join('');
  for (const pieceChars of [1, 2, 3, 7, 50, 1000, 16_385, stream.length]) {
    const filter = new UsageEventFilter();
    let passed = '';
    for (let at = 0; at < stream.length; at += pieceChars) {
      passed += filter.write(stream.slice(at, at + pieceChars));
    }
    assert.equal(passed + filter.end(), KEPT.join(''), `pieces of ${pieceChars}`);
  }
});

test('an event is handed on when it is complete, not later', () => {
  const filter = new UsageEventFilter();
  assert.equal(filter.write('data: 1\n'), '');
  assert.equal(filter.write('\ndata: 2'), 'data: 1\n\n');
  assert.equal(filter.write('\n\n'), 'data: 2\n\n');
  assert.equal(filter.end(), '');
});

test('the rest of the request stays as the app wrote it', () => {
  const body = '{ "messages" : [], "stream":true, "temperature": 1e0}';
  assert.equal(withUsageRequested(body), `{"stream_options":{"include_usage":true},${body.slice(1)}`);
  assert.equal(withUsageRequested('{"messages":[{"content":"\\"stream\\":true"}]}'), null);
});

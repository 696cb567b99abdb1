import assert from 'node:assert/strict';
import { test } from 'vitest';
import { gapP95 } from '../../../src/agent/llm/call-event.ts';
import { openaiChat } from '../../../src/agent/llm/dialects/openai/chat.ts';
import { ChunkGaps, ReceivedAnswer } from '../../../src/agent/llm/received-answer.ts';
import { PERCENTILE_ERROR_BOUND } from '../../../src/core/histogram.ts';
import { milliseconds } from '../../../src/core/units.ts';

const SSE = 'text/event-stream';
const delta = (content: string) =>
  Buffer.from(`data: ${JSON.stringify({ model: 'm', choices: [{ index: 0, delta: { content } }] })}\n\n`);

test('the first content and the gaps between are those of the chunks, however many are read together', () => {
  const answer = new ReceivedAnswer(openaiChat, SSE, assert.fail);
  const times = [10, 30, 60, 100];
  answer.add(delta(''), milliseconds(1));
  for (const timeMs of times) answer.add(delta('word'), milliseconds(timeMs));
  // Two of one chunk, and one that two chunks make.
  answer.add(Buffer.concat([delta('a'), delta('b')]), milliseconds(150));
  const [cut] = [delta('two chunks')];
  answer.add(cut?.subarray(0, 40) ?? Buffer.alloc(0), milliseconds(200));
  answer.add(cut?.subarray(40) ?? Buffer.alloc(0), milliseconds(210));
  assert.equal(answer.firstContentMs, null, 'nothing is read yet');
  answer.finish();
  assert.equal(answer.firstContentMs, 10);
  const gaps = answer.takeGaps();
  assert.deepEqual([gaps?.count, gaps?.zeroCount], [6, 1]);
  assert.ok(Math.abs((gaps?.sum ?? 0) - 0.2) < 1e-9, `${gaps?.sum}`);
  assert.equal(answer.reader.contentEvents, 7);
});

test('a piece that is larger than what is held is read at once, with its time', () => {
  const answer = new ReceivedAnswer(openaiChat, SSE, assert.fail);
  answer.add(delta('held'), milliseconds(1));
  answer.add(delta('long '.repeat(20_000)), milliseconds(5));
  answer.add(delta('after'), milliseconds(9));
  assert.equal(answer.reader.contentEvents, 2);
  answer.finish();
  const gaps = answer.takeGaps();
  assert.deepEqual([answer.firstContentMs, gaps?.count, gaps?.max], [1, 2, 0.004]);
});

test('an answer that costs too much is given up once, and nothing of the rest is looked at', () => {
  let told = 0;
  const answer = new ReceivedAnswer(openaiChat, SSE, () => told++);
  const costly = Buffer.from('x\r'.repeat(8 * 1024));
  for (let i = 0; i < 1000; i++) answer.add(costly, milliseconds(i));
  answer.add(delta('late'), milliseconds(1001));
  answer.finish();
  assert.deepEqual([told, answer.reader.gaveUp, answer.reader.contentEvents], [1, true, 0]);
});

test('one chunk has no gap', () => {
  const gaps = new ChunkGaps();
  gaps.arrived(milliseconds(9));
  assert.equal(gaps.take(), null);
});

test('chunks that arrive together have no time between them', () => {
  const gaps = new ChunkGaps();
  for (let chunk = 0; chunk < 30; chunk++) gaps.arrived(milliseconds(5));
  gaps.arrived(milliseconds(1000));
  assert.equal(gapP95(gaps.take()), 0);
});

test('the 95th percentile is within the bound of the exact one', () => {
  const gaps = new ChunkGaps();
  let nowMs = 0;
  for (let chunk = 0; chunk <= 1000; chunk++) {
    gaps.arrived(milliseconds(nowMs));
    nowMs += 1 + ((chunk * 7919) % 1000);
  }
  const p95 = gapP95(gaps.take()) ?? 0;
  assert.ok(Math.abs(p95 / 950 - 1) <= PERCENTILE_ERROR_BOUND + 0.002, `${p95}`);
});

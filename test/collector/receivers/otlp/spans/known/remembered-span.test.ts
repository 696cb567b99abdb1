import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { readSpan } from '../../../../../../src/collector/receivers/otlp/dialects/index.ts';
import { otlpLabels } from '../../../../../../src/collector/receivers/otlp/labels.ts';
import type { OtlpSpan } from '../../../../../../src/collector/receivers/otlp/model.ts';
import { HOLD_MS } from '../../../../../../src/collector/receivers/otlp/spans/assembler.ts';
import { SpanEvents } from '../../../../../../src/collector/receivers/otlp/spans/events.ts';
import { rememberedSpan } from '../../../../../../src/collector/receivers/otlp/spans/known/remembered-span.ts';
import { senderOf } from '../../../../../../src/collector/receivers/otlp/spans/sender-of.ts';
import { Trace } from '../../../../../../src/collector/receivers/otlp/spans/trace.ts';
import { STARTED_MS } from '../../span.ts';
import { Assembly } from '../assembly.ts';
import { chat, span } from '../spans.ts';

const LONG = 'p'.repeat(50_000);
const make = new SpanEvents(null, otlpLabels());

function remembered(one: OtlpSpan): OtlpSpan {
  const trace = new Trace(one.traceId);
  const node = trace.add(one, readSpan(one));
  assert.ok(node);
  return rememberedSpan(node, one, (attributes) => make.personIn(attributes));
}

const answered = { 'gen_ai.response.id': 'r1', 'gen_ai.response.finish_reasons': ['stop', 'length'] };
const events = [
  { name: 'gen_ai.content.prompt', timeMs: STARTED_MS + 1, attributes: { 'gen_ai.prompt': LONG } },
  { name: 'ai.stream.firstChunk', timeMs: STARTED_MS + 40, attributes: { 'ai.response.text': LONG } },
  {
    name: 'exception',
    timeMs: STARTED_MS + 50,
    attributes: { 'exception.type': 'TimeoutError', 'exception.message': LONG },
  },
];

describe('what is remembered of a span', () => {
  it('that may have to tell a call yet is what the call is made of, and no contents', () => {
    const attributes = {
      ...answered,
      'gen_ai.request.model': LONG,
      'gen_ai.retrieval.query.text': LONG,
      'gen_ai.retrieval.documents': Array.from({ length: 1000 }, () => ({ content: LONG })),
      'user.email': 'ann@example.com',
      'enduser.id': LONG,
    };
    const made = span(1, null, { ...chat(10, 5, attributes), status: 'error', events });
    const kept = remembered(made);
    assert.ok(JSON.stringify({ ...kept, resource: null }).length < 4000);
    assert.deepEqual(
      kept.events.map(({ name, timeMs }) => [name, timeMs - STARTED_MS]),
      [['ai.stream.firstChunk', 40]],
    );
    const call = (of: OtlpSpan) => {
      const reading = readSpan(of);
      return { ...reading?.dialect.call?.(of), role: reading?.role };
    };
    assert.deepEqual(call(kept), call(made));
    assert.equal(call(kept).errorType, 'TimeoutError');
    assert.deepEqual(make.personIn(kept.attributes), make.personIn(made.attributes));
  });

  it('is of its resource which process it is, and whom that works for', () => {
    const attributes = { 'service.name': 'a', 'user.department': 'sales', 'process.command_line': LONG };
    const made = span(1, null, { ...chat(), resource: { attributes } });
    const { resource } = remembered(made);
    assert.deepEqual({ ...resource.attributes }, { 'user.department': 'sales' });
    assert.equal(senderOf(resource), senderOf(remembered(made).resource));
    assert.deepEqual(senderOf(resource), senderOf(made.resource));
  });

  it('is enough for a second span of a call to be it, when the first turns out to be a roll-up', () => {
    const assembly = new Assembly();
    const outer = { ...chat(10, 5, answered), scope: 'b', events };
    assembly.accept([span(1, null, chat(20, 7, answered), [0, 50]), span(2, null, outer, [0, 100])]);
    assembly.wait(HOLD_MS);
    assert.deepEqual(
      assembly.calls.map(({ usage, durationMs }) => [usage?.inputUncached, durationMs]),
      [[20, 50]],
    );
    assembly.accept([span(3, 1, chat(4, 2), [0, 10])]);
    assembly.wait(HOLD_MS);
    assert.deepEqual(
      assembly.calls
        .map(({ usage, durationMs, firstTokenMs, finishReason }) => [
          usage?.inputUncached,
          durationMs,
          firstTokenMs,
          finishReason,
        ])
        .toSorted(),
      [
        [10, 100, 40, 'stop'],
        [4, 10, null, null],
      ],
    );
  });
});

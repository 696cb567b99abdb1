import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { readSpan } from '../../../../../src/collector/receivers/otlp/dialects/index.ts';
import type { OtlpAttributes } from '../../../../../src/collector/receivers/otlp/model.ts';
import { isSampled } from '../../../../../src/collector/receivers/otlp/spans/decide.ts';
import { keptSpan } from '../../../../../src/collector/receivers/otlp/spans/kept-span.ts';
import { spanOfStored } from '../../../../../src/collector/receivers/otlp/spans/known/stored-span.ts';
import { retrievalFacts } from '../../../../../src/collector/receivers/otlp/spans/queries.ts';
import { EXAMPLES } from '../dialects/examples.ts';
import { STARTED_MS, spanOf, traceId } from '../span.ts';
import { Assembly } from './assembly.ts';
import { chat, server, span } from './spans.ts';

const kept = (attributes: OtlpAttributes) => JSON.parse(keptSpan(spanOf({ attributes })).attributes);

/** What instrumentations put into spans that nobody may read in a row, each a word or more. */
const SECRETS: OtlpAttributes = {
  'gen_ai.input.messages': '[{"role":"user","parts":[{"content":"Who am I?"}]}]',
  'gen_ai.output.messages': 'Hello',
  'gen_ai.system_instructions': 'Lie!',
  'gen_ai.prompt.0.content': 'Hello',
  'gen_ai.completion.0.content': 'Hello',
  'gen_ai.tool.call.arguments': '{"iban":"DE00"}',
  'gen_ai.tool.call.result': 'DE00',
  'gen_ai.retrieval.query.text': 'cancer',
  'llm.input_messages.0.message.content': 'Hello',
  'llm.prompt_template.variables': '{}x',
  'llm.invocation_parameters': '{"user":"Ann"}',
  'input.value': 'Hello',
  'output.value': 'Hello',
  'retrieval.documents.0.document.content': 'Hello',
  'retrieval.documents.0.document.metadata': 'Hello',
  'embedding.embeddings.0.embedding.text': 'Hello',
  'reranker.query': 'cancer',
  'traceloop.entity.input': 'Hello',
  'traceloop.entity.output': 'Hello',
  'ai.prompt': 'Hello',
  'ai.prompt.messages': 'Hello',
  'ai.response.text': 'Hello',
  'ai.response.object': 'Hello',
  'ai.toolCall.args': 'Hello',
  'ai.toolCall.result': 'Hello',
  'ai.values': ['Hello'],
  'ai.value': 'Hello',
  'db.query.text': "SELECT'Ann'",
  'db.statement': 'GET:ann',
  'db.query.parameter.0': 'Ann B.',
  'url.full': 'https://a/b?token=c',
  'url.query': 'token=c',
  'url.path': '/users/ann',
  'http.url': 'https://a/b?token=c',
  'http.target': '/b?token=c',
  'http.request.header.authorization': ['Bearer'],
  'http.request.header.cookie': ['a=b'],
  'exception.message': 'Hello',
  'exception.stacktrace': 'at:1',
  'mail.of.somebody': 'ann@example.com',
  note: 'Two words',
  secret: 'abc',
  'api.key': 'sk-123',
  api_key: 'sk-123',
  'my.password': 'abc',
  long: 'x'.repeat(129),
  unicode: 'Ünder',
};

describe('a span that is kept', () => {
  it('has no prompt, answer, question, statement, header, address or secret', () => {
    assert.deepEqual(kept(SECRETS), {});
  });

  it('has no word of one in its events, and none of its status', () => {
    const { events, attributes, errorType } = keptSpan(
      spanOf({
        status: 'error',
        statusMessage: 'Hello',
        events: [
          {
            name: 'exception',
            timeMs: 1_790_000_000_010,
            attributes: { ...SECRETS, 'exception.type': 'TypeError' },
          },
        ],
      }),
    );
    assert.equal(events, '[["exception",10,{"exception.type":"TypeError"}]]');
    assert.deepEqual([attributes, errorType], ['{}', 'TypeError']);
  });

  it('has names, numbers and truth values, whosever they are', () => {
    const attributes = {
      'gen_ai.request.model': 'gpt-4o',
      'gen_ai.usage.input_tokens': 12,
      'gen_ai.usage.prompt_tokens': 12,
      'gen_ai.response.finish_reasons': ['stop'],
      'gen_ai.request.stream': true,
      'http.route': '/users/:id',
      'server.address': 'api.openai.com',
      'user.email': 'ann@example.com',
      'order.id': 'A-7',
      'retrieval.documents.0.document.score': 0.5,
      'my.thing': { deep: { name: 'a', note: 'Two words' } },
    };
    assert.deepEqual(kept(attributes), { ...attributes, 'my.thing': { deep: { name: 'a' } } });
  });

  it('is at most 16 KiB, of values of at most 1 KiB', () => {
    const many = Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`word.${i}`, 'x'.repeat(100)]));
    const events = Array.from({ length: 2000 }, (_, i) => ({
      name: `event ${i}`,
      timeMs: 0,
      attributes: many,
    }));
    const one = keptSpan(spanOf({ attributes: { ...many, numbers: Array(33).fill(1) }, events }));
    assert.ok(one.attributes.length + one.events.length <= 17 * 1024, `${one.events.length}`);
    assert.ok(one.attributes.length > 10_000);
    assert.deepEqual(kept({ numbers: Array(33).fill(1), words: Array(20).fill('x'.repeat(100)) }), {});
  });

  it('says of every dialect what rows are made of, but for texts', () => {
    for (const { span: parts } of EXAMPLES) {
      const attributes = kept(parts.attributes ?? {});
      for (const [key, value] of Object.entries(parts.attributes ?? {})) {
        if (typeof value === 'number') assert.equal(attributes[key], value, key);
      }
    }
    assert.ok(!JSON.stringify(EXAMPLES.map(({ span: parts }) => keptSpan(spanOf(parts)))).includes('secret'));
  });
});

describe('a span that is read again from its row', () => {
  for (const { name, span: parts } of EXAMPLES) {
    it(`says the same of itself: ${name}`, () => {
      const span = spanOf(parts);
      const [first, again] = [span, spanOfStored(keptSpan(span))].map((one) => {
        const reading = readSpan(one);
        const { role, dialect } = reading ?? {};
        return {
          role,
          call: role === 'call' && dialect?.call?.(one),
          found: retrievalFacts(one, reading),
          request: role === 'request' && dialect?.request?.(one),
          query: role === 'query' && dialect?.query?.(one),
        };
      });
      assert.deepEqual(again, first);
    });
  }
});

describe('kept are', () => {
  const unsampled = { traceId: `${'a'.repeat(18)}${'f'.repeat(14)}` };
  const cases: readonly (readonly [string, readonly ReturnType<typeof span>[], number])[] = [
    [
      'no trace of nothing remarkable',
      [span(1, null, { ...server, ...unsampled }), span(2, 1, unsampled)],
      0,
    ],
    [
      'the whole trace of a call',
      [span(1, null, unsampled), span(2, 1, unsampled), span(3, 2, { ...chat(), ...unsampled })],
      3,
    ],
    [
      'the whole trace of a failure',
      [span(1, null, unsampled), span(2, 1, { ...unsampled, status: 'error' })],
      2,
    ],
    ['the whole trace of a slow root', [span(1, null, unsampled, [0, 5000]), span(2, 1, unsampled)], 2],
    ['no trace with something slow in it', [span(1, null, unsampled), span(2, 1, unsampled, [0, 5000])], 0],
  ];
  for (const [name, spans, count] of cases) {
    it(name, () => {
      const assembly = new Assembly();
      assembly.accept(spans);
      assembly.assembler.flush();
      assert.equal(assembly.kept.length, count);
      const none = new Assembly({ keepsSpans: false });
      none.accept(spans);
      none.assembler.flush();
      assert.equal(none.kept.length, 0);
    });
  }

  it('one in twenty of the others, by their ids', () => {
    const digits = (i: number) => Math.imul(i, 0x9e3779b1) >>> 0;
    const ids = Array.from(
      { length: 20_000 },
      (_, i) => traceId(0).slice(0, 16) + `${digits(i).toString(16).padStart(8, '0')}00000000`.slice(0, 16),
    );
    const sampled = ids.map((id) => `${id.slice(0, 18)}${id.slice(16, 30)}`).filter(isSampled).length;
    assert.ok(sampled > 900 && sampled < 1100, `${sampled}`);
  });
});

describe('the JSON of what is kept', () => {
  const key = fc.oneof(
    fc.constantFrom('user.email', 'department', 'a"b\\c', 'ü', '', 'app.tag', '__proto__', 'x'.repeat(128)),
    fc.string({ unit: 'binary', maxLength: 12 }),
  );
  const name = fc.oneof(
    fc.constantFrom('one\\word', 'a@b.c', 'Sales "EMEA"', 'plain', ''),
    fc.string({ maxLength: 12 }),
  );
  const number = fc.oneof(fc.double(), fc.integer());
  const value = fc.oneof(name, number, fc.boolean(), fc.constant(null), fc.array(number, { maxLength: 4 }));
  const entries = fc.array(fc.tuple(key, value), { maxLength: 10 });
  const attributesOf = (pairs: readonly (readonly [string, OtlpAttributes[string]])[]): OtlpAttributes => {
    const attributes: Record<string, OtlpAttributes[string]> = Object.create(null);
    for (const [one, given] of pairs) attributes[one] = given;
    return attributes;
  };

  it('is JSON, and what is in it is what came', () => {
    fc.assert(
      fc.property(entries, (pairs) => {
        const attributes = attributesOf(pairs);
        const events = [{ name: 'one "event"', timeMs: STARTED_MS + 1.5, attributes }];
        const row = keptSpan(spanOf({ attributes, events }));
        const read = JSON.parse(row.attributes) as Record<string, unknown>;
        const came = JSON.parse(JSON.stringify(attributes)) as Record<string, unknown>;
        for (const one of Object.keys(read)) assert.deepEqual(read[one], came[one], one);
        for (const [one, given] of Object.entries(attributes)) {
          if (typeof given === 'number' || typeof given === 'boolean')
            assert.ok(Object.hasOwn(read, one), one);
        }
        assert.deepEqual(JSON.parse(row.events), [['one "event"', 1.5, read]]);
      }),
    );
  });
});

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'vitest';
import { readSpan } from '../../../../../src/collector/receivers/otlp/dialects/index.ts';
import type { OtlpSpan } from '../../../../../src/collector/receivers/otlp/model.ts';
import { wantedKeys } from '../../../../../src/collector/receivers/otlp/spans/people.ts';
import { spanOf } from '../span.ts';
import { NO_USAGE } from '../usage.ts';
import { QUESTION } from './example.ts';
import { EXAMPLES } from './examples.ts';

const NOTHING_ELSE = {
  serverAddress: null,
  operation: 'chat',
  responseModel: null,
  responseId: null,
  streaming: false,
  usageMismatch: false,
  firstTokenMs: null,
  outcome: 'ok',
  errorType: null,
  reportedCostUsd: null,
  statusCode: null,
  attempt: null,
  finishReason: null,
  serviceTier: null,
};
const HASH = createHash('sha256').update('how long is a file?').digest('hex');

describe('a span is read in its dialect', () => {
  for (const { name, span: parts, role, call, retrieval } of EXAMPLES) {
    it(name, () => {
      const span = spanOf(parts);
      const reading = readSpan(span);
      assert.equal(reading?.role ?? null, role);
      if (call !== undefined) {
        const usage = call.usage == null ? null : { ...NO_USAGE, ...call.usage };
        const usageSource = usage === null ? 'none' : 'provider';
        assert.deepEqual(reading?.dialect.call?.(span), { ...NOTHING_ELSE, ...call, usage, usageSource });
      }
      if (retrieval !== undefined) {
        const asked = Object.values(parts.attributes ?? {}).includes(QUESTION);
        assert.deepEqual(reading?.dialect.retrieval?.(span), {
          queryHash: asked ? HASH : null,
          ...retrieval,
        });
      }
    });
  }

  it('by attributes that the decoder has been told of, and no others', () => {
    const wanted = wantedKeys(null);
    const read = new Set<string>();
    for (const { span: parts } of EXAMPLES) {
      const span = watched(spanOf(parts), read);
      const reading = readSpan(span);
      reading?.dialect.call?.(span);
      reading?.dialect.query?.(span);
      reading?.dialect.request?.(span);
      reading?.dialect.session?.(span);
      if (reading?.role === 'retrieval') reading.dialect.retrieval?.(span);
    }
    assert.ok(read.size > 50);
    assert.deepEqual(
      [...read].filter((key) => !wanted.has(key)),
      [],
    );
  });

  it('whatever its attributes are', () => {
    const strange = [null, '', 'x', -1, 1e300, true, [], [null], {}, { score: 'a' }, '[', '[1', '{'];
    for (const value of strange) {
      for (const { span: parts } of EXAMPLES) {
        for (const key of Object.keys(parts.attributes ?? {})) {
          const span = spanOf({ ...parts, attributes: { ...parts.attributes, [key]: value } });
          const reading = readSpan(span);
          const usage = reading?.dialect.call?.(span).usage;
          for (const count of Object.values(usage ?? {}))
            assert.ok(Number.isSafeInteger(count) && count >= 0);
          if (reading?.role === 'retrieval') reading.dialect.retrieval?.(span);
          reading?.dialect.query?.(span);
          reading?.dialect.request?.(span);
        }
      }
    }
  });
});

/** A span that notes what is read of it. */
function watched(span: OtlpSpan, read: Set<string>): OtlpSpan {
  const attributes = new Proxy(span.attributes, {
    get(target, key) {
      if (typeof key === 'string') read.add(key);
      return Reflect.get(target, key);
    },
  });
  return { ...span, attributes };
}

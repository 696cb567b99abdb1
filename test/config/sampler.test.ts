import assert from 'node:assert/strict';
import { context, SamplingDecision } from '@opentelemetry/api';
import { TraceIdRatioBasedSampler } from '@opentelemetry/sdk-trace';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { type Sampler, samplerOf } from '../../src/config/otlp/sampler.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const traceId = fc
  .uint8Array({ minLength: 16, maxLength: 16 })
  .map((bytes) => Buffer.from(bytes).toString('hex'))
  .filter((id) => !/^0+$/.test(id));

function known(name: string, ratio = 1): Sampler {
  const sampler = samplerOf(name, ratio);
  assert.ok(sampler !== null, name);
  return sampler;
}

describe('a sampler', () => {
  it('by ratio decides as OpenTelemetry’s does, at any ratio', () => {
    fc.assert(
      fc.property(traceId, fc.double({ min: 0, max: 1, noNaN: true }), (id, ratio) => {
        const { decision } = new TraceIdRatioBasedSampler(ratio).shouldSample(context.active(), id);
        const isSampled = decision === SamplingDecision.RECORD_AND_SAMPLED;
        assert.equal(known('traceidratio', ratio)(id, undefined), isSampled);
        assert.equal(known('parentbased_traceidratio', ratio)(id, undefined), isSampled);
      }),
      { numRuns: 2000 },
    );
  });

  it('based on parents asks them first, and only where there is one', () => {
    for (const parent of [true, false]) {
      for (const root of ['always_on', 'always_off', 'traceidratio'])
        assert.equal(known(`parentbased_${root}`, 0)(TRACE, parent), parent);
    }
    assert.equal(known('parentbased_always_on')(TRACE, undefined), true);
    assert.equal(known('parentbased_always_off')(TRACE, undefined), false);
  });

  it('that asks nobody decides against parents, too', () => {
    assert.equal(known('always_on')(TRACE, false), true);
    assert.equal(known('always_off')(TRACE, true), false);
    assert.equal(known('traceidratio', 0)(TRACE, true), false);
    assert.equal(known('traceidratio', 1)(TRACE, false), true);
  });

  it('is none by another name', () => {
    for (const name of ['', 'xray', 'parentbased_', 'parentbased_xray', 'ALWAYS_ON', 'toString'])
      assert.equal(samplerOf(name, 1), null, name);
  });
});

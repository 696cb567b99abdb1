import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { tokenUsage } from '../../../src/agent/llm/tokens/raw-usage.ts';
import { completionTokens, promptTokens } from '../../../src/core/llm/usage.ts';
import type { PricedLlmCallEvent } from '../../../src/core/signals/llm-call.ts';
import { milliseconds } from '../../../src/core/units.ts';
import { measured } from '../../support/measurements.ts';
import { modelCall } from '../../support/model-calls.ts';

/** Figures of `gen_ai.client.*` by what follows in their name, and the attributes that others have not. */
function figuresOf(...calls: PricedLlmCallEvent[]): Record<string, number> {
  const figures = measured(calls).flatMap((point): [string, number][] => {
    if (!point.name.startsWith('gen_ai.')) return [];
    const { 'gen_ai.token.modality': modality = '', 'error.type': error = '' } = point.attributes;
    const name = [point.name.replace('gen_ai.client.', ''), modality, error]
      .filter((part) => part !== '')
      .join(' ');
    return [[name, point.kind === 'histogram' ? point.sum : point.value]];
  });
  return Object.fromEntries(figures);
}

describe('a model call is measured', () => {
  it('by its kind: what a model writes, what becomes vectors, everything else', () => {
    const durationOf = (operation: string) =>
      Object.keys(figuresOf(modelCall({ operation }))).filter((name) => name.endsWith('duration'));
    for (const operation of ['chat', 'text_completion', 'generate_content'])
      assert.deepEqual(durationOf(operation), ['inference.duration']);
    assert.deepEqual(durationOf('embeddings'), ['embeddings.duration']);
    for (const operation of ['rerank', 'speech', 'transcription', 'image_generation', 'whatever'])
      assert.deepEqual(durationOf(operation), ['operation.duration']);
  });

  it('with tokens of a modality that nobody tells where the provider does not count them apart', () => {
    const usage = tokenUsage({
      inputUncached: 5,
      cacheRead: 7,
      cacheWrite5m: 2,
      cacheWrite1h: 1,
      outputText: 3,
      outputReasoning: 4,
    });
    assert.deepEqual(figuresOf(modelCall({ usage, firstTokenMs: milliseconds(500), streaming: true })), {
      'inference.duration': 1,
      'inference.time_to_first_chunk': 0.5,
      'inference.usage.input_tokens unknown': 15,
      'inference.usage.output_tokens unknown': 7,
      'inference.usage.cache_read.input_tokens unknown': 7,
      'inference.usage.cache_write.input_tokens unknown': 3,
      'inference.usage.reasoning.output_tokens unknown': 4,
      'inference.operation.input_tokens': 15,
      'inference.operation.output_tokens': 7,
    });
  });

  it('with text, images and sound where it counts them apart, and what is cached or thought unknown', () => {
    const usage = tokenUsage({
      inputUncached: 5,
      cacheRead: 7,
      inputAudio: 11,
      inputImage: 13,
      outputText: 17,
      outputReasoning: 19,
      outputAudio: 23,
      outputImage: 29,
    });
    const figures = figuresOf(modelCall({ usage }));
    assert.deepEqual(
      ['text', 'audio', 'image', 'unknown'].map((modality) => [
        figures[`inference.usage.input_tokens ${modality}`],
        figures[`inference.usage.output_tokens ${modality}`],
      ]),
      [
        [5, 17],
        [11, 23],
        [13, 29],
        [7, 19],
      ],
    );
  });

  it('with 0 tokens where a call for inference tells none, and no call in the histograms', () => {
    const failed = modelCall({ usage: null, usageSource: 'none', outcome: 'error', errorType: 'ECONNRESET' });
    assert.deepEqual(figuresOf(failed), {
      'inference.duration ECONNRESET': 1,
      'inference.usage.input_tokens unknown': 0,
      'inference.usage.output_tokens unknown': 0,
    });
    assert.deepEqual(figuresOf({ ...failed, operation: 'rerank' }), { 'operation.duration ECONNRESET': 1 });
  });

  it('with the tokens of a call that was given up, under its error', () => {
    const figures = figuresOf(modelCall({ outcome: 'aborted' }));
    assert.equal(figures['inference.operation.input_tokens aborted'], 100);
    assert.equal(figures['inference.usage.input_tokens unknown'], 100);
  });

  it('with the tokens of embeddings in their own histogram alone', () => {
    const usage = tokenUsage({ inputUncached: 8 });
    assert.deepEqual(figuresOf(modelCall({ operation: 'embeddings', usage })), {
      'embeddings.duration': 1,
      'embeddings.operation.input_tokens': 8,
    });
  });

  it('so that modalities add up to all tokens, whatever the usage', () => {
    const counts = fc.record({
      inputUncached: fc.nat(9),
      cacheRead: fc.nat(9),
      cacheWrite5m: fc.nat(9),
      cacheWrite1h: fc.nat(9),
      inputAudio: fc.nat(2),
      inputImage: fc.nat(2),
      outputText: fc.nat(9),
      outputReasoning: fc.nat(9),
      outputAudio: fc.nat(2),
      outputImage: fc.nat(2),
    });
    fc.assert(
      fc.property(fc.array(counts, { minLength: 1, maxLength: 5 }), (all) => {
        const usages = all.map(tokenUsage);
        const figures = figuresOf(...usages.map((usage) => modelCall({ usage })));
        const sumOf = (prefix: string) =>
          Object.entries(figures).reduce(
            (sum, [name, value]) => sum + (name.startsWith(prefix) ? value : 0),
            0,
          );
        const whole = (of: typeof promptTokens) => usages.reduce((sum, usage) => sum + of(usage), 0);
        assert.equal(sumOf('inference.usage.input_tokens'), whole(promptTokens));
        assert.equal(sumOf('inference.usage.output_tokens'), whole(completionTokens));
      }),
    );
  });

  it('by the labels of its names where there are any, also past the models that are known by themselves', () => {
    const calls = Array.from({ length: 2500 }, (_, i) =>
      modelCall({
        model: `m${i}`,
        provider: `p${i % 3}`,
        labels: { provider: 'other', model: `m${i % 1200}` },
      }),
    );
    const points = measured(calls).filter(({ name }) => name === 'gen_ai.client.inference.duration');
    assert.equal(points.length, 1200);
    assert.equal(
      points.reduce((sum, point) => sum + (point.kind === 'histogram' ? point.count : 0), 0),
      2500,
    );
    assert.deepEqual(
      new Set(points.map(({ attributes }) => attributes['gen_ai.provider.name'])),
      new Set(['other']),
    );
  });
});

import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'vitest';
import { generatedUsage } from '../../../../src/agent/llm/dialects/google/gemini.ts';
import { DIALECTS } from '../../../../src/agent/llm/dialects/index.ts';
import type { Target, Wanted } from '../../../../src/agent/llm/reader/json-scanner.ts';
import { ResponseReader } from '../../../../src/agent/llm/reader/response-reader.ts';
import { completionTokens, promptTokens } from '../../../../src/core/event.ts';
import { EXAMPLES } from './examples/index.ts';

/** Every key that an example's body has: what a provider might say where nobody expects it. */
const keys = [
  ...new Set(
    EXAMPLES.flatMap(({ answers }) =>
      answers.flatMap(({ body }) => [...body.matchAll(/"(\w+)"\s*:/g)].map(([, key = '']) => key)),
    ),
  ),
];

const scalar = fc.oneof(
  fc.nat({ max: 5000 }),
  fc.constantFrom<unknown>(-1, 1.5, 1e300, null, true, '', '7', 'stop', 'ERROR', [], {}),
);
const record = fc.dictionary(fc.constantFrom(...keys), scalar, { maxKeys: 8 });
const value = fc.oneof(scalar, record, fc.dictionary(fc.constantFrom(...keys), record, { maxKeys: 4 }));

/** Documents that have some of what is wanted, each with any value. */
function documentOf(target: Target): fc.Arbitrary<unknown> {
  if (typeof target !== 'object') return value;
  const wanted: Wanted = target;
  const element = wanted['[]'];
  const whole =
    element === undefined
      ? fc.record(
          Object.fromEntries(Object.entries(wanted).map(([key, below]) => [key, documentOf(below)])),
          {
            requiredKeys: [],
          },
        )
      : fc.array(documentOf(element), { maxLength: 3 });
  return fc.oneof({ weight: 4, arbitrary: whole }, { weight: 1, arbitrary: scalar });
}

for (const dialect of DIALECTS) {
  test(`${dialect.name}: whatever a provider says, nothing is thrown and no count is negative or broken`, () => {
    const documents = fc.array(documentOf(dialect.wanted), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(documents, fc.boolean(), (some, asStream) => {
        const reader = new ResponseReader(dialect, asStream ? 'text/event-stream' : '');
        const texts = some.map((document) => JSON.stringify(document));
        reader.write(asStream ? texts.map((text) => `data: ${text}\n\n`).join('') : (texts[0] ?? ''));
        reader.finish();
        const { usage, billedUnits, reportedCostUsd } = reader;
        for (const count of [...Object.values(usage ?? {}), ...Object.values(billedUnits ?? {})]) {
          assert.ok(Number.isFinite(count) && count >= 0, JSON.stringify([usage, billedUnits]));
        }
        for (const count of Object.values(usage ?? {})) assert.ok(Number.isSafeInteger(count));
        assert.ok(reportedCostUsd === null || reportedCostUsd >= 0);
        assert.equal(typeof reader.usageMismatch, 'boolean');
      }),
      { numRuns: 100 },
    );
  });
}

test('Gemini: what is consistent comes apart into exactly its parts', () => {
  const parts = fc.array(fc.nat({ max: 1_000_000 }), { minLength: 9, maxLength: 9 });
  fc.assert(
    fc.property(parts, (counts) => {
      const [text = 0, audio = 0, image = 0, cachedText = 0, cachedAudio = 0, tools = 0] = counts;
      const [answer = 0, thoughts = 0, picture = 0] = counts.slice(6);
      const cached = cachedText + cachedAudio;
      const prompt = text + audio + image + cached;
      const total = prompt + tools + answer + picture + thoughts;
      const usage = generatedUsage({
        promptTokenCount: prompt,
        cachedContentTokenCount: cached,
        toolUsePromptTokenCount: tools,
        candidatesTokenCount: answer + picture,
        thoughtsTokenCount: thoughts,
        totalTokenCount: total,
        promptTokensDetails: [
          { modality: 'TEXT', tokenCount: text + cachedText },
          { modality: 'AUDIO', tokenCount: audio + cachedAudio },
          { modality: 'IMAGE', tokenCount: image },
        ],
        cacheTokensDetails: [
          { modality: 'TEXT', tokenCount: cachedText },
          { modality: 'AUDIO', tokenCount: cachedAudio },
        ],
        candidatesTokensDetails: [{ modality: 'IMAGE', tokenCount: picture }],
      });
      assert.ok(usage);
      assert.equal(promptTokens(usage) + completionTokens(usage), total);
      const { inputUncached, inputAudio, inputImage, cacheRead } = usage;
      assert.deepEqual(
        [inputUncached, inputAudio, inputImage, cacheRead],
        [text + tools, audio, image, cached],
      );
      const { outputText, outputReasoning, outputImage } = usage;
      assert.deepEqual([outputText, outputReasoning, outputImage], [answer, thoughts, picture]);
    }),
  );
});

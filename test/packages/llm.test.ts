import assert from 'node:assert/strict';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { EXPECTED, LEFT, RETRIED } from './expected.ts';
import { assertRow, PackageRuns, type Row } from './package-runs.ts';
import { tried } from './tried.ts';

const STARTS = [
  { app: 'llm.cjs', flag: '--require' },
  { app: 'llm.mjs', flag: '--require' },
  { app: 'llm.mjs', flag: '--import' },
];

/** Of the calls whose names begin so. */
const PACKAGES: Readonly<Record<string, string>> = {
  openai: tried('openai'),
  groq: tried('groq'),
  ai: tried('ai'),
  langchain: tried('langchain'),
  anthropic: tried('anthropic'),
  google: tried('google'),
  cohere: tried('cohere'),
  mistral: tried('mistral'),
  ollama: tried('ollama'),
  bedrock: tried('bedrock'),
};

describe('calls of models by the real packages', () => {
  let runs: PackageRuns;
  beforeAll(async () => {
    runs = await PackageRuns.start();
  });
  afterAll(() => runs?.stop());

  for (const { app, flag } of STARTS) {
    describe(`${app} with ${flag}`, () => {
      let rows: readonly Row[];
      beforeAll(async () => {
        const run = await runs.run(app, flag);
        assert.equal(run.stdout, '', 'no call fails');
        rows = run.rows;
      });

      it('makes as many rows as the providers got requests', () => {
        const [once, left, twice] = [EXPECTED, LEFT, RETRIED].map((calls) => Object.keys(calls).length);
        assert.equal(rows.length, Number(once) + Number(left) + 2 * Number(twice));
      });

      for (const [name, expected] of Object.entries(EXPECTED)) {
        const [begin = ''] = name.split(' ');
        it(`${PACKAGES[begin]}: ${name}: one row, and its figures`, () => {
          const [row, ...others] = rows.filter(({ user_email }) => user_email === name);
          assert.ok(row);
          assert.deepEqual(others, []);
          assertRow(row, expected);
        });
      }

      for (const [name, provider] of Object.entries(LEFT)) {
        it(`${name}: one row, with what came until then`, () => {
          const [row, ...others] = rows.filter(({ user_email }) => user_email === name);
          assert.ok(row);
          assert.deepEqual(others, []);
          assert.deepEqual(
            [row.provider, row.outcome, row.streaming, row.status_code, row.usage_source],
            [provider, 'aborted', true, 200, 'estimated'],
          );
          assert.ok(row.first_token_ms !== null && (row.prompt_tokens ?? 0) > 0);
          assert.ok((row.completion_tokens ?? 0) > 0);
        });
      }

      for (const [model, provider] of Object.entries(RETRIED)) {
        it(`${provider} ${model}: refused and tried again, two rows of one trace`, () => {
          const attempts = rows.filter((row) => row.user_email === null && row.model === model);
          attempts.sort((a, b) => a.attempt - b.attempt);
          assert.deepEqual(
            attempts.map((row) => [
              row.provider,
              row.attempt,
              row.status_code,
              row.outcome,
              row.usage_source,
            ]),
            [
              [provider, 0, 429, 'error', 'none'],
              [provider, 1, 200, 'ok', 'provider'],
            ],
          );
          const [first, second] = attempts.map(({ trace_id }) => trace_id);
          assert.equal(first, second);
          assert.equal(rows.filter(({ trace_id }) => trace_id === first).length, 2);
        });
      }
    });
  }
});

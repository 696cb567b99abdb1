import assert from 'node:assert/strict';
import { afterAll, beforeAll, describe, it } from 'vitest';
import type { BegunSpan } from './apps/spans.ts';
import { EXPECTED, type ExpectedRow } from './expected.ts';
import { assertRow, PackageRuns, type Row } from './package-runs.ts';

const OPENLLMETRY = '@traceloop/instrumentation-openai';
const OPENINFERENCE = '@arizeai/openinference-instrumentation-openai';
/** Each with whose spans it has besides the app's and that of the HTTP client. */
const CALLS: Readonly<Record<string, readonly string[]>> = {
  'openai chat': [OPENLLMETRY, OPENINFERENCE, 'openlit'],
  'openai chat stream': [OPENLLMETRY, OPENINFERENCE, 'openlit'],
  'openai responses': [OPENLLMETRY, OPENINFERENCE, 'openlit'],
  'openai responses stream': [OPENLLMETRY, OPENINFERENCE, 'openlit'],
  'openai embeddings': [OPENINFERENCE],
  'ai generateText': ['ai'],
  'ai streamText': ['ai'],
  'ai embed': [],
  'langchain invoke': ['langchain', OPENLLMETRY, OPENINFERENCE, 'openlit'],
  'langchain stream': ['langchain', OPENLLMETRY, OPENINFERENCE, 'openlit'],
  'anthropic messages stream': ['com.anthropic.sdk.typescript'],
  'mistral chat': ['mistralai_sdk_tracer'],
};

describe('an app with many observers of the same calls', () => {
  let runs: PackageRuns;
  let rows: readonly Row[];
  let spans: readonly BegunSpan[];
  beforeAll(async () => {
    runs = await PackageRuns.start();
    const run = await runs.run('innermost.mjs', '--require');
    rows = run.rows;
    spans = JSON.parse(run.stdout);
  });
  afterAll(() => runs?.stop());

  it('has as many rows as the providers got requests', () => {
    assert.deepEqual([rows.length, runs.providers.received], [Object.keys(CALLS).length, rows.length]);
  });

  for (const [name, scopes] of Object.entries(CALLS)) {
    it(`${name}: spans of ${scopes.join(', ') || 'nobody else'}, one row in their trace`, () => {
      const begun = spans.slice(spans.findIndex((span) => span.name === name) + 1);
      const next = begun.findIndex(({ scope }) => scope === 'app');
      const seen = new Set(begun.slice(0, next === -1 ? undefined : next).map(({ scope }) => scope));
      assert.deepEqual([...seen].sort(), [...scopes, 'undici'].sort());
      const [row, ...others] = rows.filter(({ user_email }) => user_email === name);
      assert.ok(row);
      assert.deepEqual(others, []);
      assertRow(row, EXPECTED[name] as ExpectedRow);
      assert.equal(row.trace_id, spans.find((span) => span.name === name)?.traceId);
    });
  }
});

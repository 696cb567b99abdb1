import assert from 'node:assert/strict';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { recordedUsage } from '../agent/llm/support/recorded-usage.ts';
import { askedIn, bytesOf, readRecordings } from '../support/recordings.ts';
import { assertRow, PackageRuns, type Row } from './package-runs.ts';
import { type Play, playsThrough, RECORDED } from './recorded.ts';
import { type RecordedProviders, startRecordedProviders } from './recorded-provider.ts';

const THROUGH = [...new Set(Object.values(RECORDED).map(({ through }) => through))];

describe('what is played', () => {
  it('is every recording there is', () => {
    assert.deepEqual(
      readRecordings().map(({ name, exchanges }) => `${name} ${exchanges.length}`),
      Object.entries(RECORDED).map(([name, { says }]) => `${name} ${says.length}`),
    );
  });

  it('says what the table says that it says', () => {
    for (const { name, exchange, says } of THROUGH.flatMap(playsThrough)) {
      const usage = recordedUsage(bytesOf(exchange).toString());
      assert.deepEqual(usage && Object.values(usage), typeof says === 'string' ? null : says, name);
    }
  });
});

describe('recorded answers, through the real packages', () => {
  let providers: RecordedProviders;
  let runs: PackageRuns;
  beforeAll(async () => {
    runs = await PackageRuns.start(async () => {
      providers = await startRecordedProviders();
      return providers;
    });
  });
  afterAll(() => runs?.stop());

  for (const app of ['replay.cjs', 'replay.mjs']) {
    for (const through of THROUGH) {
      describe(`${through}, ${app}`, () => {
        let rows: readonly Row[];
        beforeAll(async () => {
          providers.toCome.splice(0, Number.POSITIVE_INFINITY, ...playsThrough(through));
          const run = await runs.run(app, '--require', [through]);
          assert.equal(run.stdout, '', 'every call goes as recorded');
          assert.deepEqual(providers.toCome, [], 'every recording is asked for');
          rows = run.rows;
        });

        it('makes a row of every call of a model, and of nothing else', () => {
          const calls = playsThrough(through).filter(({ says }) => says !== 'no call');
          assert.deepEqual(
            rows.map(({ user_email }) => user_email).sort(),
            calls.map(({ name }) => name).sort(),
          );
        });

        for (const play of playsThrough(through).filter(({ says }) => says !== 'no call')) {
          it(play.name, () => assertRowOf(play, rows));
        }
      });
    }
  }
});

function assertRowOf({ name, provider, operation, says, exchange }: Play, rows: readonly Row[]): void {
  const row = rows.find(({ user_email }) => user_email === name);
  assert.ok(row);
  const expected = { provider, operation, ...askedIn(exchange.request) };
  if (typeof says !== 'string') {
    assertRow(row, { ...expected, tokens: says });
    assert.equal(row.total_tokens, says[0] + says[1]);
    return;
  }
  const { status } = exchange.response;
  const { model, streaming, outcome, status_code, usage_source } = row;
  assert.deepEqual(
    {
      ...{ provider: row.provider, operation: row.operation, model, streaming },
      outcome,
      status_code,
      usage_source,
    },
    { ...expected, outcome: status < 400 ? 'ok' : 'error', status_code: status, usage_source: says },
  );
  const counts = [row.prompt_tokens, row.completion_tokens];
  if (says === 'none') assert.deepEqual(counts, [null, null]);
  else assert.ok(counts.every((count) => count !== null && count > 0));
}

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, it } from 'vitest';
import { tokenUsage } from '../../../src/agent/llm/tokens/raw-usage.ts';
import { findOverride, parseOverrides } from '../../../src/collector/pricing/overrides.ts';
import { createPricer } from '../../../src/collector/pricing/pricer.ts';
import { chargeFor } from '../../../src/collector/pricing/rates.ts';
import { NervecenterError } from '../../../src/core/errors.ts';
import { parseJson } from '../../../src/core/json.ts';
import { bytesLike, tryAll } from '../../support/fuzz/fuzzing.ts';
import { mutatedJson } from '../../support/fuzz/mutations.ts';

const PROBLEM_CHARS_MAX = 1200;
const REASON_CHARS_MAX = 8000;
/** Each is a file that is read. */
const FILES_SHARE = 20;
const USAGE = tokenUsage({
  inputUncached: 1000,
  cacheRead: 20,
  outputText: 50,
  outputImage: 3,
  inputAudio: 2,
});
const UNITS = { searches: 2, images: 1, audioSeconds: 61 };

const PRICES = {
  'my-model': { input: 3, output: 15, cache_read: 0.3, cache_write: 3.75, audio_in: 40, image_out: 60 },
  'azure.ai.openai/my-deployment': { model: 'gpt-4o', provider: 'openai' },
  reranker: { per_search: 0.002, per_image: 0.04, per_minute: 0.006 },
  'my-model:flex': { input: 1.5, output: 7.5 },
};
const FILE = Buffer.from(JSON.stringify(PRICES));
const folder = mkdtempSync(join(tmpdir(), 'nervecenter-prices-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Prices of which a call costs something, or reasons that can be shown. */
function attempt(document: unknown): string {
  const { overrides, problems } = parseOverrides(document);
  for (const problem of problems) assert.ok(problem.length <= PROBLEM_CHARS_MAX, problem);
  for (const model of overrides.keys()) {
    const call = { provider: 'openai', serverAddress: null, model, responseModel: null };
    const override = findOverride(overrides, call);
    if (override?.kind !== 'rates') continue;
    const { usd } = chargeFor(override.rates, USAGE, UNITS);
    assert.ok(usd === null || (Number.isFinite(usd) && usd >= 0), `${usd} USD`);
  }
  return problems.length > 0 ? 'refused' : 'prices';
}

describe('prices that are not right', () => {
  it('as bytes are refused with reasons, and no call costs what is no amount', async () => {
    await tryAll(
      bytesLike([FILE]),
      (bytes) => {
        let document: unknown;
        try {
          document = parseJson(bytes.toString());
        } catch (error) {
          assert.ok(error instanceof SyntaxError, String(error));
          return 'no JSON';
        }
        return attempt(document);
      },
      { reached: ['no JSON', 'refused'] },
    );
  });

  it('of the right form with wrong values are refused with reasons', async () => {
    await tryAll((random) => mutatedJson(PRICES, random), attempt, { reached: ['prices', 'refused'] });
  });

  it('in a file name the file, and say what to do', async () => {
    const overridesPath = join(folder, 'prices.json');
    const logs: string[] = [];
    await tryAll(
      bytesLike([FILE]),
      (bytes) => {
        writeFileSync(overridesPath, bytes);
        try {
          createPricer({ overridesPath, log: (_component, message) => logs.push(message) });
          return 'prices';
        } catch (error) {
          if (!(error instanceof NervecenterError)) throw error;
          assert.equal(error.code, 'NC_CONFIG_INVALID');
          assert.ok(error.message.includes(overridesPath) && error.message.length <= REASON_CHARS_MAX);
          return 'refused';
        }
      },
      { reached: ['refused'], share: FILES_SHARE },
    );
    assert.deepEqual(logs, []);
  });
});

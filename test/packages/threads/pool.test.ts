import assert from 'node:assert/strict';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { ObservedApp } from '../../support/observed-app.ts';
import { tried } from '../tried.ts';
import { type ModelServer, startModelServer } from './model-server.ts';

const APP = join(import.meta.dirname, 'pool.mjs');
const CALLS = 20;

describe(`a pool of threads: ${tried('piscina')}`, () => {
  let model: ModelServer;
  beforeAll(async () => {
    model = await startModelServer();
  });
  afterAll(() => model.close());

  it('has each model call of its threads once, and nothing of its own', async () => {
    const env = { MODEL_URL: model.url, NERVECENTER_STORAGE: 'off' };
    const app = new ObservedApp(APP, { env });
    try {
      const url = await app.appUrl();
      await app.started();
      const asked = Array.from({ length: CALLS }, async (_, i) => (await fetch(`${url}/${i}`)).text());
      assert.deepEqual([...new Set(await Promise.all(asked))], ['that']);
      const { api, llm, instances } = await app.snapshotWhen(
        (snapshot) => snapshot.llm.total_requests >= CALLS && snapshot.api.requests_total >= CALLS,
      );
      assert.deepEqual(
        [llm.total_requests, llm.tokens_in_total, model.answered],
        [CALLS, 100 * CALLS, CALLS],
      );
      assert.deepEqual([api.requests_total, instances.length], [CALLS, 1]);
      assert.doesNotMatch(app.stderr, /^\[nervecenter\]/m);
    } finally {
      await app.stop();
    }
  });
});

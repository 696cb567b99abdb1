import assert from 'node:assert/strict';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, it } from 'vitest';
import { type ModelServer, startModelServer } from '../../packages/threads/model-server.ts';
import { ObservedApp, PRELOAD } from '../../support/observed-app.ts';
import { until } from '../../support/poll.ts';

const APP = join(import.meta.dirname, 'app.cjs');
const KINDS = ['plain', 'limited', 'flagged', 'shared', 'own'] as const;

let model: ModelServer;
beforeAll(async () => {
  model = await startModelServer();
});
afterAll(() => model.close());

let app: ObservedApp;
afterEach(() => app.stop());

async function start(options: { readonly flags?: string[]; readonly env?: Record<string, string> } = {}) {
  app = new ObservedApp(APP, { ...options, env: { MODEL_URL: model.url, ...options.env } });
  await app.appUrl();
  await app.started();
}

const urlOf = (kind: string) =>
  `http://127.0.0.1:${new RegExp(`^${kind} port (\\d+)$`, 'm').exec(app.stdout)?.[1]}`;

async function ask(kind: string, path: string): Promise<string> {
  const answer = await fetch(`${urlOf(kind)}${path}`);
  assert.equal(answer.status, 200);
  return answer.text();
}

describe('worker threads of an app', () => {
  for (const [way, options] of Object.entries({
    'flags of the process': {},
    NODE_OPTIONS: { flags: [], env: { NODE_OPTIONS: `--require ${PRELOAD}` } },
  })) {
    it(`are seen by ${way}, however they are made: each event once, as one process`, async () => {
      await start(options);
      for (const kind of KINDS)
        for (const id of [1, 2, 3]) assert.equal(await ask(kind, `/thread/${id}`), 'that');
      const all = 3 * KINDS.length;
      const { api, cache, llm, rag, instances } = await app.snapshotWhen(
        (snapshot) =>
          snapshot.llm.total_requests >= all &&
          snapshot.rag.total_queries >= all &&
          snapshot.cache.rag_hits >= all,
      );
      assert.deepEqual([llm.total_requests, llm.tokens_in_total, rag.total_queries], [all, 100 * all, all]);
      assert.deepEqual([api.requests_total, cache.rag_hits], [all, all]);
      assert.deepEqual(
        instances.map(({ pid }) => pid),
        [app.child.pid],
      );
      assert.equal(await ask('own', '/snapshot'), String(all));
      await app.snapshotWhen(
        ({ pipeline }) => pipeline.events_queued === 0 && pipeline.events_stored >= 3 * all,
      );
    });
  }

  it('hand over their last events as they end, and end as without an agent', async () => {
    await start();
    assert.equal(await ask('plain', '/exit'), 'that');
    assert.equal(await ask('flagged', '/throw'), 'that');
    await until(() => /^plain ended with 0$/m.test(app.stdout) && /^flagged ended with 1$/m.test(app.stdout));
    assert.match(app.stdout, /^flagged failed: as it was to$/m);
    const { api } = await app.snapshotWhen(
      ({ llm, rag }) => llm.total_requests === 2 && rag.total_queries === 2,
    );
    assert.equal(api.requests_total, 2);
    // One that is terminated has no last word; the others go on.
    await ask('limited', '/terminate');
    await until(() => /^limited ended with 1$/m.test(app.stdout));
    await ask('shared', '/thread/1');
    await app.snapshotWhen(({ llm }) => llm.total_requests >= 3);
    app.child.kill('SIGTERM');
    assert.deepEqual(await app.end(), { code: null, signal: 'SIGTERM' });
    assert.doesNotMatch(app.stderr, /^\[nervecenter\]/m);
  });
});

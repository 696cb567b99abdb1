import assert from 'node:assert/strict';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import type { Snapshot } from '../../src/core/snapshot.ts';
import { ObservedApp } from '../support/observed-app.ts';
import { until } from '../support/poll.ts';

const APP = join(import.meta.dirname, '..', 'dashboard', 'grafana', 'grafana-traffic.cjs');
/** What the app's traffic has of them: one in two of embeddings and of rerank fails. */
const CALLS = { inference: 4, embeddings: 2, operation: 2 };
const ALL = CALLS.inference + CALLS.embeddings + CALLS.operation;

function countIn(text: string, name: string): number {
  const counts = text.matchAll(new RegExp(`^${name}_count\\S* (\\d+)$`, 'gm'));
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}

const durations = (text: string) =>
  Object.keys(CALLS).map((kind) => countIn(text, `gen_ai_client_${kind}_duration_seconds`));

for (const semconv of ['stable', 'dup']) {
  describe(`NERVECENTER_SEMCONV=${semconv}`, () => {
    const app = new ObservedApp(APP, { env: { NERVECENTER_STORAGE: 'off', NERVECENTER_SEMCONV: semconv } });
    let scraped = '';
    let llm: Snapshot['llm'];
    beforeAll(async () => {
      const url = await app.appUrl();
      await app.started();
      assert.equal((await fetch(`${url}/traffic`)).status, 200);
      llm = await until(async () => {
        const snapshot = (await (await app.get('/api/metrics/snapshot')).json()) as Snapshot;
        return snapshot.llm.total_requests >= ALL ? snapshot.llm : null;
      });
      // The times between chunks come by frame, a moment later.
      scraped = await until(async () => {
        const text = await (await app.get('/metrics')).text();
        return countIn(text, 'gen_ai_client_inference_time_per_output_chunk_seconds') > 0 ? text : null;
      });
    });
    afterAll(() => app.stop());

    it('shows every call once in the snapshot', () => {
      assert.deepEqual(
        [llm.total_requests, llm.error_count, llm.by_model.reduce((sum, { requests }) => sum + requests, 0)],
        [ALL, 3, ALL],
      );
      // Of two chat calls, embeddings and rerank; the stream's are estimated.
      assert.ok(llm.tokens_in_total >= 2 * 1000 + 7 + 9 && llm.tokens_in_total < 2 * 1000 + 100);
      assert.ok(llm.tokens_out_total >= 2 * 500 && llm.tokens_out_total < 2 * 500 + 100);
    });

    it(
      semconv === 'dup' ? 'has the older names beside today’s at /metrics' : 'has today’s names at /metrics',
      () => {
        const { inference, embeddings, operation } = CALLS;
        assert.deepEqual(durations(scraped), [inference, embeddings, semconv === 'dup' ? ALL : operation]);
        for (const older of [
          'token_usage',
          'operation_time_to_first_chunk_seconds',
          'operation_time_per_output_chunk_seconds',
        ])
          assert.equal(countIn(scraped, `gen_ai_client_${older}`) > 0, semconv === 'dup', older);
        assert.match(scraped, /^nervecenter_exposition_omitted_series 0$/m);
      },
    );
  });
}

import assert from 'node:assert/strict';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'vitest';
import { type StubServer, startStub } from '../../agent/llm/support/stub-server.ts';
import { ObservedApp } from '../../support/observed-app.ts';
import { until } from '../../support/poll.ts';
import { reachableTempDir } from '../../support/postgres.ts';

const APP = join(import.meta.dirname, 'unfinished.cjs');
const NEXT = join(import.meta.dirname, '..', 'fixtures', 'worker.cjs');

/** What is left in a spool is taken within a minute. */
const PATIENCE_MS = 90_000;

interface Row {
  readonly endpoint: string;
  readonly status_code: number;
  readonly outcome: string | null;
  readonly error_type?: string | null;
  readonly trace_id: string;
  readonly response_time_ms: number;
  readonly response_size_bytes: number | null;
}

describe('a request that is under way when its process ends', () => {
  let dataDir: string;
  let provider: StubServer;
  let asked: number;
  const apps: ObservedApp[] = [];
  const run = (script: string) => {
    const env = { OTEL_SERVICE_NAME: basename(script), MODEL_URL: provider.url };
    const app = new ObservedApp(script, { dataDir, env });
    apps.push(app);
    return app;
  };
  beforeEach(async () => {
    dataDir = reachableTempDir();
    asked = 0;
    provider = await startStub();
    provider.handler = () => void asked++; // It never answers.
  });
  afterEach(async () => {
    for (const app of apps.splice(0)) await app.stop();
    await provider.close();
  });

  /** The next app, whose collector takes in what the one before has left. */
  const successor = async () => {
    const next = apps[1] ?? run(NEXT);
    await next.started();
    return next;
  };
  const rowsOf = async (signal: string, filters = '') => {
    const next = await successor();
    await until(
      async () => {
        const { api, pipeline } = await next.snapshot();
        return api.requests_total > 0 && pipeline.events_queued === 0;
      },
      { timeoutMs: PATIENCE_MS },
    );
    const path = `/api/metrics/events?signal=${signal}&service=unfinished.cjs${filters}`;
    const answer = await next.get(path);
    return ((await answer.json()) as { readonly events: readonly Row[] }).events;
  };
  const open = async (app: ObservedApp, ...paths: readonly string[]) => {
    const url = await app.appUrl();
    for (const path of paths) {
      const answered = fetch(`${url}${path}`);
      answered.catch(() => {});
      if (path === '/served' || path === '/streams') await answered;
    }
  };

  for (const [path, end] of [
    ['/throws', { code: 1, signal: null }],
    ['/rejects', { code: 1, signal: null }],
    ['/exits', { code: 3, signal: null }],
    ['/raises', { code: null, signal: 'SIGTERM' }],
  ] as const) {
    it(`has a row where it ends the process itself, as by ${path}`, async () => {
      const app = run(APP);
      await open(app, '/served', path);
      assert.deepEqual(await app.end(), end);
      const rows = await rowsOf('request');
      assert.deepEqual(
        rows.map(({ outcome, status_code, response_size_bytes }) => [
          outcome,
          status_code,
          response_size_bytes,
        ]),
        [
          ['unfinished', 0, 0],
          [null, 200, 6],
        ],
      );
      const { api } = await (await successor()).snapshot();
      assert.deepEqual([api.requests_total, api.errors_total], [2, 1], 'it is an error of the live view too');
    });
  }

  it('has one with the model call and the query inside of it, all of one trace, where a signal ends the process', async () => {
    const app = run(APP);
    await open(app, '/hangs', '/streams', '/asks', '/queries');
    await until(() => asked === 2);
    app.child.kill('SIGTERM');
    assert.deepEqual(await app.end(), { code: null, signal: 'SIGTERM' });
    const requests = await rowsOf('request', '&outcome=unfinished');
    assert.deepEqual(requests.map(({ status_code }) => status_code).sort(), [0, 0, 0, 200]);
    const streamed = requests.find(({ status_code }) => status_code === 200);
    assert.ok((streamed?.response_size_bytes ?? 0) >= 'a beginning'.length);
    const traces = new Set(requests.map(({ trace_id }) => trace_id));
    assert.equal(traces.size, 4, 'each has a trace of its own');
    const calls = await rowsOf('llm-call');
    assert.deepEqual(
      calls.map(({ outcome, error_type }) => [outcome, error_type]),
      [
        ['aborted', 'unfinished'],
        ['aborted', 'unfinished'],
      ],
    );
    const [query, ...others] = await rowsOf('rag-query');
    assert.deepEqual([query?.outcome, query?.error_type, others], ['error', 'unfinished', []]);
    for (const row of [...calls, query]) assert.ok(traces.has(row?.trace_id ?? ''));
    assert.ok(calls.some(({ trace_id }) => trace_id === query?.trace_id));
    assert.equal((await rowsOf('request', '&failed=1')).length, 4);
  });

  it('is as it was answered where only Node has not said so yet', async () => {
    const app = run(APP);
    const answer = await fetch(`${await app.appUrl()}/answers-and-exits`);
    assert.equal(await answer.text(), 'the last word');
    assert.deepEqual(await app.end(), { code: 3, signal: null });
    const rows = await rowsOf('request');
    assert.deepEqual(
      rows.map(({ outcome, status_code }) => [outcome, status_code]),
      [[null, 200]],
    );
  });
});

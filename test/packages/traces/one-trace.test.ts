import assert from 'node:assert/strict';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { type StubServer, sendJson, startStub } from '../../agent/llm/support/stub-server.ts';
import { ObservedApp } from '../../support/observed-app.ts';
import { until } from '../../support/poll.ts';
import { tried } from '../tried.ts';

const APP = join(import.meta.dirname, 'one-trace.cjs');
const [TRACE, SPAN] = ['c'.repeat(32), 'd'.repeat(16)];
const TRACEPARENT = { traceparent: `00-${'e'.repeat(32)}-${'f'.repeat(16)}-01` };

/** SDKs that do not go on in the trace of a `traceparent`, and what they go on in instead. */
const SDKS = [
  {
    name: '@opentelemetry/sdk-node',
    title: `${tried('sdkNode')}, OTEL_PROPAGATORS=b3`,
    env: { OTEL_PROPAGATORS: 'b3' },
    caller: { b3: `${TRACE}-${SPAN}-1` },
  },
  { name: '@sentry/node', title: tried('sentry'), env: {}, caller: { 'sentry-trace': `${TRACE}-${SPAN}-1` } },
] as const;

interface Row {
  readonly timestamp: string;
  readonly trace_id: string;
}

for (const { name, title, env, caller } of SDKS) {
  describe(title, () => {
    let app: ObservedApp;
    let model: StubServer;
    const seen: { readonly expected: string; readonly request: string; readonly call: string }[] = [];
    beforeAll(async () => {
      model = await startStub();
      model.handler = (_request, response) => sendJson(response, 200, { model: 'gpt-4o', choices: [] });
      app = new ObservedApp(APP, { args: [name], env: { MODEL_URL: model.url, ...env } });
      const url = await app.appUrl();
      await app.started();
      const traces: string[] = [];
      for (const headers of [TRACEPARENT, caller, { ...TRACEPARENT, ...caller }, {}]) {
        const answer = await fetch(url, { headers: headers as Record<string, string> });
        traces.push(await answer.text());
      }
      const [requests, calls] = [await rowsOf(app, 'request', 4), await rowsOf(app, 'llm-call', 4)];
      traces.forEach((expected, at) => {
        seen.push({ expected, request: requests[at]?.trace_id ?? '', call: calls[at]?.trace_id ?? '' });
      });
    });
    afterAll(async () => {
      await app?.stop();
      await model?.close();
    });
    const allAre = (at: number) => {
      const { expected, request, call } = seen[at] ?? assert.fail();
      assert.deepEqual([request, call], [expected, expected]);
      return expected;
    };

    it('request and model call are in the trace of the SDK, where that does not go on in a traceparent', () => {
      assert.notEqual(allAre(0), 'e'.repeat(32));
    });

    it('they are in the trace of a caller that the SDK goes on in', () => {
      assert.equal(allAre(1), TRACE);
      assert.equal(allAre(2), TRACE);
    });

    it('they are in one trace without a caller', () => {
      assert.match(allAre(3), /^[\da-f]{32}$/);
    });
  });
}

/** By their time. */
async function rowsOf(app: ObservedApp, signal: string, count: number): Promise<readonly Row[]> {
  let rows: readonly Row[] = [];
  await until(async () => {
    const answer = await app.get(`/api/metrics/events?signal=${signal}`);
    rows = ((await answer.json()) as { readonly events: readonly Row[] }).events;
    return rows.length >= count;
  });
  return [...rows].sort((a, b) => (a.timestamp < b.timestamp ? -1 : 1));
}

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { launchBrowser } from '../support/browser.ts';
import { GenaiApp } from '../support/genai/genai-app.ts';
import type { ReceivedSpan } from '../support/otlp/received.ts';
import { OtlpReceiver } from '../support/otlp/receiver.ts';
import { until } from '../support/poll.ts';
import { DevtoolsServer, type ShownSpan } from './devtools-server.ts';

const PATIENCE = { timeoutMs: 60_000 };
const CALLER = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
const [, TRACE_ID = ''] = CALLER.split('-');
/** A request, a query with three stages and four calls, a request that failed with its call, a session. */
const SPANS = 12;
const KINDS = ['', 'INTERNAL', 'SERVER', 'CLIENT'];
const STATUSES = ['UNSET', 'OK', 'ERROR'];

/** What the strict receiver got, as the backend shows what it got. */
function shown({ resource, attributes, ...span }: ReceivedSpan) {
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    parentSpanId: span.parentSpanId,
    name: span.name,
    kind: KINDS[span.kind],
    status: STATUSES[span.status],
    scope: 'nervecenter',
    attributes: { ...resource, ...attributes },
  };
}

function asShown({ status, scope, parentSpanId, ...span }: ShownSpan) {
  const { traceId, spanId, name, kind, attributes } = span;
  return {
    ...{ traceId, spanId, parentSpanId: parentSpanId ?? null, name, kind },
    status: status.code,
    scope: scope.name,
    attributes,
  };
}

/** Without those of the app's own libraries, which the strict receiver leaves out as well. */
const ours = async (backend: DevtoolsServer) =>
  (await backend.spans()).filter(({ scope }) => scope.name === 'nervecenter');

const bySpanId = (one: { spanId: string }, other: { spanId: string }) => (one.spanId < other.spanId ? -1 : 1);

for (const protocol of ['http/protobuf', 'http/json', 'grpc'] as const) {
  describe(`a backend from npm, which gets an app's traces by ${protocol}`, () => {
    let backend: DevtoolsServer;
    let receiver: OtlpReceiver;
    let app: GenaiApp;
    let directory: string;
    beforeAll(async () => {
      [backend, receiver] = await Promise.all([DevtoolsServer.start(), OtlpReceiver.start()]);
      directory = mkdtempSync(join(tmpdir(), 'nervecenter-targets-'));
      const endpoint = protocol === 'grpc' ? backend.grpc : backend.http;
      const targets = [
        { name: 'strict', endpoint: receiver.url },
        { name: 'backend', endpoint, protocol, compression: protocol === 'grpc' ? 'gzip' : 'none' },
      ];
      writeFileSync(join(directory, 'targets.json'), JSON.stringify(targets));
      app = await GenaiApp.start({ NERVECENTER_OTLP_TARGETS: join(directory, 'targets.json') });
      assert.equal(await app.ask('/ask/lease', { traceparent: CALLER }), 200);
      assert.equal(await app.ask('/refused'), 503);
      app.talk();
      await until(
        async () => receiver.spans.length >= SPANS && (await ours(backend)).length >= SPANS,
        PATIENCE,
      );
    });
    afterAll(async () => {
      await app?.end();
      await receiver?.stop();
      await backend?.stop();
      rmSync(directory, { recursive: true, force: true });
    });

    it('has every span as it was sent: ids, parents, names, kinds, times, status, attributes', async () => {
      receiver.assertConventions();
      const had = (await ours(backend)).toSorted(bySpanId);
      const sent = receiver.spans.toSorted(bySpanId);
      assert.deepEqual(had.map(asShown), sent.map(shown));
      for (const [at, { startTime, endTime }] of had.entries()) {
        // It keeps milliseconds.
        assert.ok(Math.abs(startTime - (sent[at]?.startMs ?? 0)) <= 1);
        assert.ok(Math.abs(endTime - (sent[at]?.endMs ?? 0)) <= 1);
      }
    });

    it('shows the trace in its page, from the request to the model', async () => {
      const browser = await launchBrowser();
      try {
        const page = await browser.newPage({ viewport: { width: 1600, height: 1000 } });
        await page.goto(backend.http);
        await page.getByText('GET /ask/:topic').first().click();
        for (const { name } of receiver.spans.filter(({ traceId }) => traceId === TRACE_ID))
          await page.getByText(name, { exact: true }).first().waitFor();
      } finally {
        await browser.close();
      }
    });
  });
}

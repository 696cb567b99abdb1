import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'vitest';
import { freePort } from '../support/free-port.ts';
import type { ReceivedSpan } from '../support/otlp/received.ts';
import { OtlpReceiver } from '../support/otlp/receiver.ts';
import { until } from '../support/poll.ts';
import { APP_SDK, headersSeen, kill, PRELOAD, TracedApps } from '../support/traced-apps.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const CALLER = '00f067aa0ba902b7';
const CALL = { traceparent: `00-${TRACE}-${CALLER}-01`, tracestate: 'vendor=x', baggage: 'tenant=blue' };
const SLOW = { timeoutMs: 60_000 };

let apps: TracedApps;
beforeEach(async () => {
  apps = await TracedApps.start();
});
afterEach(() => apps.stop());

/** How often a text stands in what waits to be sent. */
function spooled(directory: string, text: string): number {
  const segments = globSync(join(directory, 'root', 'otlp', '**', '*.spool'));
  return (
    segments
      .map((path) => readFileSync(path, 'latin1'))
      .join('')
      .split(text).length - 1
  );
}

const called = (url: string, headers: Readonly<Record<string, string>> = CALL) => fetch(url, { headers });
const spanOf = (service: string, name: string): ReceivedSpan | undefined =>
  apps.receiver.spans.find((span) => span.name === name && span.resource['service.name'] === service);

for (const file of ['traced-app.cjs', 'traced-app.mjs']) {
  describe(`the preload as the SDK of ${file}`, () => {
    const pair = async (env: Readonly<Record<string, string>> = {}) => {
      const leaf = await apps.app(file, 'leaf', { env });
      return apps.app(file, 'root', { env: { DOWNSTREAM_URL: leaf.url, ...env } });
    };

    it('one trace from the caller through the app’s own span to the model and the service behind', async () => {
      const { url } = await pair();
      const answer = await called(`${url}/chain`);
      await until(() => apps.receiver.spans.length >= 4, SLOW);
      const { spans, problems } = apps.receiver;
      const [request, prepare] = [spanOf('root', 'GET'), spanOf('root', 'prepare')];
      const [call, leaf] = [spanOf('root', 'chat gpt-4o'), spanOf('leaf', 'GET')];
      assert.equal(request?.parentSpanId, CALLER);
      assert.equal(prepare?.parentSpanId, request?.spanId);
      assert.equal(call?.parentSpanId, prepare?.spanId);
      assert.equal(leaf?.parentSpanId, prepare?.spanId);
      assert.deepEqual([spans.length, new Set(spans.map(({ traceId }) => traceId))], [4, new Set([TRACE])]);
      assert.equal(prepare?.scope, 'traced-app');
      assert.equal(prepare?.attributes['app.step'], 'a sentence');
      assert.deepEqual(prepare?.events, [{ name: 'answered', attributes: { 'app.tenant': 'blue' } }]);
      assert.equal(prepare?.traceState, 'vendor=x');
      assert.deepEqual(await headersSeen(answer, 'traceparent'), [`00-${TRACE}-${prepare?.spanId}-01`]);
      assert.equal(prepare?.resource['process.runtime.name'], 'nodejs');
      assert.equal(prepare?.resource['process.command_args'], undefined);
      assert.deepEqual(prepare?.resource, request?.resource);
      assert.deepEqual(problems, []);
    });

    it('requests by node:http are the request’s children, and a trace that the app names itself stays', async () => {
      const { url } = await pair();
      const [plain, named] = [await called(`${url}/plain`), await called(`${url}/named`)];
      await until(() => apps.receiver.spans.length >= 4, SLOW);
      const requests = apps.receiver.spans.filter((span) => span.resource['service.name'] === 'root');
      const [parent] = await headersSeen(plain, 'traceparent');
      assert.ok(
        requests.some(({ spanId }) => parent === `00-${TRACE}-${spanId}-01`),
        parent,
      );
      assert.deepEqual(await headersSeen(named, 'traceparent'), [
        `00-${'e'.repeat(32)}-${'f'.repeat(16)}-01`,
      ]);
    });

    it('what the caller does not sample is no span, and is said on', async () => {
      const { url } = await pair();
      const answer = await called(`${url}/chain`, { traceparent: `00-${TRACE}-${CALLER}-00` });
      const [seen] = await headersSeen(answer, 'traceparent');
      assert.match(seen ?? '', new RegExp(`^00-${TRACE}-[\\da-f]{16}-00$`));
      await called(`${url}/quiet`);
      await until(() => spanOf('root', 'GET') !== undefined, SLOW);
      assert.deepEqual(
        apps.receiver.spans.map(({ parentSpanId }) => parentSpanId),
        [CALLER],
      );
    });
  });
}

describe('an app that sends spans', () => {
  const file = 'traced-app.cjs';
  it('sends one span of a call that a package of its own makes a span of, and the call’s details name it', async () => {
    const { url } = await apps.app(file, 'root');
    assert.equal((await called(`${url}/claude`)).status, 200);
    const { receiver } = apps;
    await until(() => receiver.logs.length > 0 && spanOf('root', 'GET') !== undefined, SLOW);
    const calls = receiver.spans.filter(({ attributes }) => 'gen_ai.operation.name' in attributes);
    assert.deepEqual(
      calls.map(({ scope, traceId }) => [scope, traceId]),
      [['com.anthropic.sdk.typescript', TRACE]],
    );
    assert.deepEqual(
      receiver.logs.map(({ spanId }) => spanId),
      calls.map(({ spanId }) => spanId),
    );
  });

  const seenWith = async (env: Readonly<Record<string, string>>, name: string) => {
    const leaf = await apps.app(file, 'leaf', { requires: [] });
    const { url } = await apps.app(file, 'root', { env: { DOWNSTREAM_URL: leaf.url, ...env } });
    return headersSeen(await called(`${url}/chain`), name);
  };

  it('names no trace in its requests where it sends none', async () => {
    for (const env of [
      { OTEL_EXPORTER_OTLP_ENDPOINT: '', NERVECENTER_STORAGE: 'off' },
      { OTEL_TRACES_EXPORTER: 'none' },
      { OTEL_PROPAGATORS: 'none' },
    ])
      assert.deepEqual(await seenWith(env, 'traceparent'), [], JSON.stringify(env));
  });

  it('names it as its propagators do, and reads its callers so', async () => {
    const leaf = await apps.app(file, 'leaf', { requires: [] });
    const env = { DOWNSTREAM_URL: leaf.url, OTEL_PROPAGATORS: 'b3' };
    const { url } = await apps.app(file, 'root', { env });
    const answer = await called(`${url}/plain`, { b3: `${TRACE}-${CALLER}-1` });
    const [b3] = await headersSeen(answer, 'b3');
    await until(() => spanOf('root', 'GET') !== undefined, SLOW);
    assert.equal(spanOf('root', 'GET')?.parentSpanId, CALLER);
    assert.equal(b3, `${TRACE}-${spanOf('root', 'GET')?.spanId}-1`);
  });

  it('killed while its receiver is down loses no span it had handed over, and each is there once', async () => {
    const port = await freePort();
    const leaf = await apps.app(file, 'leaf', { requires: [] });
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`, DOWNSTREAM_URL: leaf.url };
    const first = await apps.app(file, 'root', { env });
    const traces = Array.from({ length: 20 }, (_, at) => (at + 1).toString(16).padStart(32, '0'));
    for (const trace of traces)
      await (await called(`${first.url}/chain`, { traceparent: `00-${trace}-${CALLER}-01` })).text();
    await until(() => spooled(apps.directory, 'prepare') === traces.length, SLOW);
    await kill(first.child);
    const late = await OtlpReceiver.start({ port, foreign: true });
    try {
      await apps.app(file, 'root', { env });
      const prepared = () => late.spans.filter(({ name }) => name === 'prepare');
      await until(() => prepared().length >= traces.length, SLOW);
      assert.deepEqual(
        prepared()
          .map(({ traceId }) => traceId)
          .sort(),
        traces,
      );
    } finally {
      await late.stop();
    }
  });
});

const ORDERS = { before: [APP_SDK, PRELOAD], after: [PRELOAD, APP_SDK] };

for (const [order, requires] of Object.entries(ORDERS)) {
  it(`an app keeps its own SDK that is loaded ${order} the preload, and nothing is there twice`, async () => {
    const leaf = await apps.app('traced-app.cjs', 'leaf', { requires: [] });
    const env = { DOWNSTREAM_URL: leaf.url };
    const { url, told } = await apps.app('traced-app.cjs', 'root', { env, requires });
    const ended = (name: string) => told.filter((one) => one['ended'] === name);
    const chain = await called(`${url}/chain`);
    const plain = await called(`${url}/plain`);
    await until(() => apps.receiver.spans.length >= 3 && ended('prepare').length > 0, SLOW);
    assert.deepEqual(told[0], { registered: true });
    assert.deepEqual(
      told.filter((one) => 'problem' in one),
      [],
    );
    assert.equal(ended('asked for early').length, 1);
    assert.equal(ended('prepare').length, 1);
    assert.deepEqual(apps.receiver.spans.map(({ name }) => name).sort(), ['GET', 'GET', 'chat gpt-4o']);
    assert.equal(spanOf('root', 'chat gpt-4o')?.parentSpanId, ended('prepare')[0]?.['spanId']);
    assert.equal(spanOf('root', 'chat gpt-4o')?.traceId, TRACE);
    // Its instrumentation is of `node:http` alone, and so are the headers it sends.
    assert.deepEqual(await headersSeen(chain, 'traceparent'), []);
    assert.equal((await headersSeen(plain, 'traceparent')).length, 1);
  });
}

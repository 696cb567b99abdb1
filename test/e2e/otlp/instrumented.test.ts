import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { recordedUsage } from '../../agent/llm/support/recorded-usage.ts';
import { type StubServer, startStub } from '../../agent/llm/support/stub-server.ts';
import { Command } from '../../cli/command.ts';
import { tried } from '../../packages/tried.ts';
import { until } from '../../support/poll.ts';
import { reachableTempDir } from '../../support/postgres.ts';
import { askedIn, bytesOf, type Exchange, readRecordings } from '../../support/recordings.ts';

const APP = join(import.meta.dirname, '..', 'fixtures', 'instrumented-app.ts');
const ROOT = join(import.meta.dirname, '..', '..', '..');
const PATIENCE = { timeoutMs: 60_000 };
const OTLP = / {2}otlp +(http:\/\/127\.0\.0\.1:\d+)/;

const CHAT = 'openai/test-chat-completion-extra-params';
const STREAM = 'openai/test-chat-completion-streaming';
const CHOICES = 'openai/test-async-chat-completion-multiple-choices';
const EMBEDDINGS = 'openai/test-embeddings-no-content';
const RESPONSES = 'openai/should-set-attributes-in-span-for-responses-non-streaming';
const CACHED = 'openai/should-set-cache-read-input-tokens-in-span-for-responses-with-cached-t';
const REASONING = 'openai/test-responses-create-reports-reasoning-tokens-content-mode0';

/** What each instrumentation tells the tokens of. */
const TOLD: Readonly<Record<string, readonly string[]>> = {
  '@traceloop/instrumentation-openai': [CHAT, CHOICES, RESPONSES, CACHED, REASONING],
  '@arizeai/openinference-instrumentation-openai': [CHAT, CHOICES, RESPONSES, CACHED, REASONING],
  '@opentelemetry/instrumentation-openai': [CHAT, STREAM, CHOICES, EMBEDDINGS],
  '@ai-sdk/otel': [RESPONSES, CACHED, REASONING, EMBEDDINGS],
  '@anthropic-ai/sdk': [
    'anthropic/should-set-attributes-in-span-for-messages',
    'anthropic/should-set-attributes-in-span-for-messages-streaming',
  ],
};

const PACKAGES: Readonly<Record<string, string>> = {
  '@traceloop/instrumentation-openai': tried('traceloop'),
  '@arizeai/openinference-instrumentation-openai': tried('openinference'),
  '@opentelemetry/instrumentation-openai': tried('otelOpenai'),
  '@ai-sdk/otel': tried('aiOtel'),
  '@anthropic-ai/sdk': tried('anthropicOtel'),
};

interface Row {
  readonly service: string;
  readonly provider: string;
  readonly model: string;
  readonly prompt_tokens: number | null;
  readonly completion_tokens: number | null;
}

const exchangeOf = (name: string): Exchange => {
  const [exchange] = readRecordings().find((recording) => recording.name === name)?.exchanges ?? [];
  assert.ok(exchange, name);
  return exchange;
};

describe('real instrumentations on real SDKs, sending to a collector', () => {
  let cwd: string;
  let collector: Command;
  let address: { readonly url: string; readonly token: string; readonly otlp: string };
  let stub: StubServer;
  const toCome: Exchange[] = [];
  beforeAll(async () => {
    cwd = reachableTempDir();
    collector = new Command(['collector'], {
      cwd,
      env: { NERVECENTER_PORT: '0', NERVECENTER_OTLP_PORT: '0' },
    });
    const [, otlp = ''] = await collector.says(OTLP);
    address = { ...(await collector.dashboard()), otlp };
    stub = await startStub();
    stub.handler = (_request, response) => {
      const exchange = toCome.shift();
      if (exchange === undefined) return response.writeHead(500).end();
      return response.writeHead(exchange.response.status, exchange.response.headers).end(bytesOf(exchange));
    };
  });
  afterAll(async () => {
    await stub?.close();
    await collector?.kill();
    rmSync(cwd, { recursive: true, force: true });
  });

  /** Makes the calls in an app of its own; the rows that are there of it, in their order. */
  async function rowsOf(
    service: string,
    instrumentation: string,
    observed: boolean,
  ): Promise<readonly Row[]> {
    const names = TOLD[instrumentation] ?? [];
    toCome.splice(0, toCome.length, ...names.map(exchangeOf));
    const app = fork(APP, [stub.url, instrumentation, ...names], {
      execArgv: observed ? ['--require', 'nervecenter/otel'] : [],
      cwd: ROOT,
      env: {
        PATH: process.env['PATH'],
        OTEL_SERVICE_NAME: service,
        OTEL_EXPORTER_OTLP_ENDPOINT: address.otlp,
        NERVECENTER_DATA_DIR: mkdtempSync(join(cwd, 'app-')),
        ...(observed ? { OBSERVED: 'preload', NERVECENTER_OTLP_EVENTS: 'on' } : {}),
      },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const exited = once(app, 'exit');
    const [said] = await Promise.race([once(app, 'message'), exited]);
    assert.equal(said, 'done');
    assert.deepEqual(toCome, []);
    const rows = await until(async () => {
      const found = await storedOf(service);
      return found.length >= names.length ? found : null;
    }, PATIENCE);
    if (observed) app.send('end');
    await exited;
    assert.equal(rows.length, names.length);
    return rows.toReversed();
  }

  async function storedOf(service: string): Promise<readonly Row[]> {
    const path = `/api/metrics/events?${new URLSearchParams({ signal: 'llm-call', service, limit: '50' })}`;
    const headers = { authorization: `Bearer ${address.token}` };
    const response = await fetch(`${address.url}${path}`, { headers });
    return ((await response.json()) as { events: readonly Row[] }).events;
  }

  for (const [instrumentation, names] of Object.entries(TOLD)) {
    it(`${PACKAGES[instrumentation]}: tokens in the rows are the recorded ones, and those of the preload`, async () => {
      const instrumented = await rowsOf(`spans of ${instrumentation}`, instrumentation, false);
      const observed = await rowsOf(`preload beside ${instrumentation}`, instrumentation, true);
      const tokens = (rows: readonly Row[]) =>
        rows.map(({ prompt_tokens, completion_tokens }) => [prompt_tokens, completion_tokens ?? 0]);
      const recorded = names.map(exchangeOf).map(({ response }) => recordedUsage(response.body));
      assert.deepEqual(
        tokens(observed),
        recorded.map((usage) => [usage?.prompt, usage?.completion]),
      );
      assert.deepEqual(tokens(instrumented), tokens(observed));
      assert.deepEqual(
        instrumented.map(({ provider }) => provider),
        names.map((name) => name.slice(0, name.indexOf('/'))),
      );
      for (const [at, name] of names.entries())
        assert.ok(instrumented[at]?.model.startsWith(askedIn(exchangeOf(name).request).model), name);
    });
  }
});

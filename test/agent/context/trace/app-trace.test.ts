import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, it } from 'vitest';
import { activeSpan } from '../../../../src/agent/context/app-trace.ts';
import { type StubServer, sendJson, startStub } from '../../llm/support/stub-server.ts';
import type { Told } from './app.ts';

const run = promisify(execFile);
const here = import.meta.dirname;
const OURS = /^(?!0{32})[\da-f]{32}$/;
const STARTS = [
  ['--require', 'app.cjs'],
  ['--import', 'app.mjs'],
] as const;

for (const [flag, app] of STARTS) {
  describe(`an app with its own tracing: ${flag} before ${app}`, () => {
    let server: StubServer;
    let told: Readonly<Record<string, Told>>;
    const of = (name: string): Told => told[name] ?? { traces: [], rows: [] };
    beforeAll(async () => {
      server = await startStub();
      server.handler = (_request, response) => sendJson(response, 200, { model: 'gpt-4o', choices: [] });
      const flags = [flag, join(here, 'preload.ts'), join(here, app), server.url];
      const { stdout, stderr } = await run(process.execPath, flags, { timeout: 60_000 });
      assert.equal(stderr, '');
      told = JSON.parse(stdout);
    });
    afterAll(() => server?.close());

    it('its trace is that of the row', () => {
      for (const [name, signals] of Object.entries({
        'a request': ['request'],
        'a request that asks a model': ['llm-call', 'request'],
        'a request of a trace from outside': ['llm-call', 'request'],
        'a query': ['llm-call', 'llm-call', 'rag-query'],
        'spans inside a query': ['llm-call', 'rag-query'],
        'a call that is told': ['llm-call'],
      })) {
        const { traces, rows } = of(name);
        assert.equal(traces.length, 1, name);
        assert.deepEqual(
          [...rows].sort(),
          signals.map((signal) => [signal, traces[0]]),
          name,
        );
      }
    });

    it('came from outside, where the request says so', () => {
      assert.deepEqual(of('a request of a trace from outside').traces, ['c'.repeat(32)]);
    });

    it('each job has its own, also within one piece of work', () => {
      const { traces, rows } = of('two jobs in one piece of work');
      assert.equal(traces.length, 2);
      assert.deepEqual(
        rows.map(([, traceId]) => traceId),
        traces,
      );
    });

    it('what is outside of its spans has a trace of its own', () => {
      for (const name of ['a call after its span', 'a call without tracing']) {
        const { traces, rows } = of(name);
        assert.match(rows[0]?.[1] ?? '', OURS);
        assert.ok(!traces.includes(rows[0]?.[1] ?? ''), name);
      }
    });
  });
}

describe('activeSpan', () => {
  const API = Symbol.for('opentelemetry.js.api.1');
  const global = globalThis as { [API]?: unknown };
  const traceId = 'a'.repeat(32);
  const spanId = 'b'.repeat(16);
  const withIds = (ids: unknown) => {
    const span = { spanContext: () => ids };
    global[API] = { version: '1.0.0', context: { active: () => ({ getValue: () => span }) } };
    return activeSpan()?.traceId ?? null;
  };
  afterEach(() => {
    delete global[API];
  });

  it('is that of the span which is active', () => {
    assert.equal(withIds({ traceId, spanId, traceFlags: 0 }), traceId);
  });

  it('is none where no span, no context or no API is', () => {
    assert.equal(activeSpan()?.traceId ?? null, null);
    global[API] = { version: '1.0.0' };
    assert.equal(activeSpan()?.traceId ?? null, null);
    global[API] = { version: '1.0.0', context: { active: () => ({ getValue: () => undefined }) } };
    assert.equal(activeSpan()?.traceId ?? null, null);
  });

  it('is none where the ids are not valid, or asking fails', () => {
    for (const ids of [
      undefined,
      null,
      {},
      { traceId: '0'.repeat(32), spanId },
      { traceId, spanId: '0'.repeat(16) },
      { traceId: 'A'.repeat(31), spanId },
      { traceId: 5, spanId },
    ]) {
      assert.equal(withIds(ids), null);
    }
    global[API] = {
      version: '1.0.0',
      context: {
        active() {
          throw new Error('no');
        },
      },
    };
    assert.equal(activeSpan()?.traceId ?? null, null);
  });
});

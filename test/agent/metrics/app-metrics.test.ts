import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type * as Api from '@opentelemetry/api';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { afterEach, beforeEach, describe, it } from 'vitest';
import { receiveAppMetrics } from '../../../src/agent/metrics/app-metrics.ts';
import { SnapshotReader } from '../../../src/agent/metrics/snapshot-reader.ts';

const API = Symbol.for('opentelemetry.js.api.1');
const OUR_COPY = join(import.meta.dirname, '..', '..', '..', 'node_modules', '@opentelemetry', 'api');
const registered = globalThis as { [API]?: { version: string } };

describe('receiveAppMetrics', () => {
  let app: string;
  const install = (name: string, version: string) => {
    const directory = join(app, 'node_modules', name);
    mkdirSync(directory, { recursive: true });
    // As newer versions are: the manifest is not among the exports.
    writeFileSync(join(directory, 'package.json'), JSON.stringify({ name, version, exports: './index.js' }));
  };
  /** A second, real copy of the API, as an app has its own. */
  const installApi = (): typeof Api => {
    cpSync(OUR_COPY, join(app, 'node_modules', '@opentelemetry', 'api'), {
      recursive: true,
      dereference: true,
    });
    return createRequire(join(app, 'app.js'))('@opentelemetry/api') as typeof Api;
  };
  beforeEach(() => {
    app = mkdtempSync(join(tmpdir(), 'nervecenter-test-'));
    delete registered[API];
  });
  afterEach(() => {
    delete registered[API];
    rmSync(app, { recursive: true, force: true });
  });

  it("brings what an app records through its own copy of the API, and leaves its tracing SDK's place free", async () => {
    const api = installApi();
    const reader = new SnapshotReader();
    assert.equal(receiveAppMetrics(new MeterProvider({ readers: [reader] }), app), true);
    api.metrics.getMeter('app').createCounter('orders').add(3, { kind: 'gift' });
    const [point] = await reader.collectPoints();
    assert.deepEqual([point?.name, point?.attributes], ['orders', { kind: 'gift' }]);

    const tracer = { startSpan: () => ({ mine: true }) } as unknown as Api.Tracer;
    assert.equal(api.trace.setGlobalTracerProvider({ getTracer: () => tracer }), true);
    assert.deepEqual(api.trace.getTracer('app').startSpan('work'), { mine: true });
    assert.equal(
      api.context.setGlobalContextManager({ enable: () => {} } as unknown as Api.ContextManager),
      true,
    );
  });

  it('registers as the version the app has, which refuses any other', () => {
    install('@opentelemetry/api', '1.4.7');
    assert.equal(receiveAppMetrics(new MeterProvider(), app), true);
    assert.equal(registered[API]?.version, '1.4.7');
  });

  for (const [what, packages] of Object.entries({
    'an app without the API': {},
    'an app with a metrics SDK of its own': {
      '@opentelemetry/api': '1.9.0',
      '@opentelemetry/sdk-metrics': '2.0.0',
    },
    'an API of another major version': { '@opentelemetry/api': '2.0.0' },
  })) {
    it(`leaves ${what} alone`, () => {
      for (const [name, version] of Object.entries(packages)) install(name, version);
      assert.equal(receiveAppMetrics(new MeterProvider(), app), false);
      assert.equal(registered[API], undefined);
    });
  }

  it('leaves a provider in its place that was there first', () => {
    const api = installApi();
    const own = new MeterProvider();
    assert.equal(api.metrics.setGlobalMeterProvider(own), true);
    assert.equal(receiveAppMetrics(new MeterProvider(), app), false);
    assert.equal(api.metrics.getMeterProvider(), own);
  });
});

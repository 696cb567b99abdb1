import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type * as Api from '@opentelemetry/api';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { afterEach, beforeEach, describe, it } from 'vitest';
import { hasOwnMetricsSdk, receiveAppMetrics } from '../../../src/agent/metrics/app-metrics.ts';
import { SnapshotReader } from '../../../src/metrics/snapshot-reader.ts';

const API = Symbol.for('opentelemetry.js.api.1');
const OUR_COPY = join(import.meta.dirname, '..', '..', '..', 'node_modules', '@opentelemetry', 'api');
const OUR_SDK = join(OUR_COPY, '..', 'sdk-metrics');
const registered = globalThis as { [API]?: { version: string } };

describe('receiveAppMetrics', () => {
  let app: string;
  const install = (name: string, version: string, dependencies: Record<string, string> = {}) => {
    const directory = join(app, 'node_modules', name);
    mkdirSync(directory, { recursive: true });
    // As newer versions are: the manifest is not among the exports.
    writeFileSync(
      join(directory, 'package.json'),
      JSON.stringify({ name, version, dependencies, exports: './index.js' }),
    );
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
    assert.notEqual(receiveAppMetrics(new MeterProvider({ readers: [reader] }), app), null);
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
    assert.notEqual(receiveAppMetrics(new MeterProvider(), app), null);
    assert.equal(registered[API]?.version, '1.4.7');
  });

  it('takes them of an app whose SDK is for traces only, whatever that brings along', async () => {
    const api = installApi();
    install('@opentelemetry/sdk-metrics', '2.0.0');
    const reader = new SnapshotReader();
    assert.notEqual(receiveAppMetrics(new MeterProvider({ readers: [reader] }), app), null);
    const tracer = { startSpan: () => ({ mine: true }) } as unknown as Api.Tracer;
    assert.equal(api.trace.setGlobalTracerProvider({ getTracer: () => tracer }), true);
    api.metrics.getMeter('app').createCounter('orders').add(1);
    assert.deepEqual(
      (await reader.collectPoints()).map(({ name }) => name),
      ['orders'],
    );
  });

  it('makes way for a provider that the app registers, whenever it does, and leaves nothing behind', async () => {
    const api = installApi();
    const [ours, theirs] = [new SnapshotReader(), new SnapshotReader()];
    const stop = receiveAppMetrics(new MeterProvider({ readers: [ours] }), app);
    api.metrics.getMeter('app').createCounter('before').add(1);
    const own = new MeterProvider({ readers: [theirs] });
    assert.equal(api.metrics.setGlobalMeterProvider(own), true);
    assert.equal(api.metrics.getMeterProvider(), own);
    api.metrics.getMeter('app').createCounter('after').add(1);
    const namesOf = async (reader: SnapshotReader) => (await reader.collectPoints()).map(({ name }) => name);
    assert.deepEqual([await namesOf(ours), await namesOf(theirs)], [['before'], ['after']]);
    assert.equal(api.metrics.setGlobalMeterProvider(own), false);
    stop?.();
    assert.equal(api.metrics.getMeterProvider(), own);
    assert.deepEqual(Object.keys(registered[API] ?? {}).sort(), ['metrics', 'version']);
  });

  it('is taken back without a trace', () => {
    installApi();
    receiveAppMetrics(new MeterProvider(), app)?.();
    assert.equal(registered[API], undefined);
  });

  for (const [what, packages] of Object.entries({
    'an app without the API': {},
    'an API of another major version': { '@opentelemetry/api': '2.0.0' },
  })) {
    it(`leaves ${what} alone`, () => {
      for (const [name, version] of Object.entries(packages)) install(name, version);
      assert.equal(receiveAppMetrics(new MeterProvider(), app), null);
      assert.equal(registered[API], undefined);
    });
  }

  describe('whether an SDK of its own may export them, where npm put ours beside the app', () => {
    /** As after `npm install nervecenter`: what we depend on lies at the top. */
    const hoist = () => {
      installApi();
      symlinkSync(OUR_SDK, join(app, 'node_modules', '@opentelemetry', 'sdk-metrics'));
      install('nervecenter', '0.1.0', { '@opentelemetry/sdk-metrics': '3.1.0' });
    };
    const declare = (more: object) => {
      writeFileSync(join(app, 'package.json'), JSON.stringify({ name: 'app', ...more }));
    };
    beforeEach(hoist);

    it('is denied of an app that never asked for it', () => {
      install('express', '5.0.0', { qs: '6' });
      declare({ dependencies: { nervecenter: '0.1.0', express: '5', '@opentelemetry/api': '1' } });
      assert.equal(hasOwnMetricsSdk(app), false);
    });

    it('is said of an app that asked for it, itself or by a package', () => {
      install('some-distro', '1.0.0', { '@opentelemetry/sdk-node': '1' });
      for (const asking of [
        { dependencies: { '@opentelemetry/sdk-metrics': '3.1.0' } },
        { devDependencies: { '@opentelemetry/auto-instrumentations-node': '1' } },
        { dependencies: { nervecenter: '0.1.0', 'some-distro': '1' } },
      ]) {
        declare(asking);
        assert.equal(hasOwnMetricsSdk(app), true, JSON.stringify(asking));
      }
    });

    it('looks past a manifest that only says how modules are written', () => {
      const built = join(app, 'dist');
      mkdirSync(built);
      writeFileSync(join(built, 'package.json'), '{ "type": "commonjs" }');
      declare({ dependencies: { '@opentelemetry/sdk-node': '1' } });
      assert.equal(hasOwnMetricsSdk(built), true);
    });

    it('is not put off by manifests that are none', () => {
      for (const text of [
        'null',
        '[]',
        '{',
        '{ "dependencies": 5 }',
        '{ "dependencies": { "gone": "1" } }',
      ]) {
        writeFileSync(join(app, 'package.json'), text);
        assert.equal(hasOwnMetricsSdk(app), false, text);
      }
    });
  });

  it('leaves a provider in its place that was there first', () => {
    const api = installApi();
    const own = new MeterProvider();
    assert.equal(api.metrics.setGlobalMeterProvider(own), true);
    assert.equal(receiveAppMetrics(new MeterProvider(), app), null);
    assert.equal(api.metrics.getMeterProvider(), own);
  });
});

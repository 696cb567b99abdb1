import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { rolldown } from 'rolldown';
import { afterEach, describe, it } from 'vitest';
import { bundledVersion, SharedApi, type Slot } from '../../../src/agent/sdk/shared-api.ts';

type Api = typeof import('@opentelemetry/api');

const ROOT = join(import.meta.dirname, '..', '..', '..');
const KEY = Symbol.for('opentelemetry.js.api.1');
const holder = globalThis as { [KEY]?: Record<string, unknown> };
const OURS = '1.10.0';
/** Where a copy of each version is installed. */
const COPIES = { '1.10.0': ROOT, '1.9.1': join(ROOT, 'node_modules', '@ai-sdk', 'otel') } as const;

/** A copy of the API of its own, as every process has it fresh. */
function copyOf(version: keyof typeof COPIES): Api {
  const require = createRequire(join(COPIES[version], 'noop.js'));
  for (const path of Object.keys(require.cache))
    if (path.includes('/@opentelemetry/api/')) delete require.cache[path];
  return require('@opentelemetry/api') as Api;
}

const ourTracer = { startSpan: () => 'ours' };
const ourProvider = { getTracer: () => ourTracer };
const ourContexts = { active: () => 'ours' };
const appProvider = { getTracer: () => ({ startSpan: () => 'the app’s' }) } as never;
const appContexts = { active: () => 'the app’s', disable() {} } as never;

function install(existing?: Record<string, unknown>, own: Partial<Record<Slot, unknown>> = {}) {
  if (existing !== undefined) holder[KEY] = existing;
  const taken: Slot[] = [];
  const slots = { trace: ourProvider, context: ourContexts, ...own };
  const shared = new SharedApi(
    { version: OURS, onTaken: (slot) => taken.push(slot) },
    existing as never,
    slots,
  );
  return { shared, taken };
}

describe('what copies of the API share', () => {
  afterEach(() => {
    delete holder[KEY];
  });

  for (const version of Object.keys(COPIES) as (keyof typeof COPIES)[]) {
    it(`a copy of ${version} finds what is ours`, () => {
      install();
      const api = copyOf(version);
      assert.equal(api.trace.getTracer('app'), ourTracer);
      assert.equal(api.context.active(), 'ours');
    });

    it(`what a copy of ${version} registers takes our place, as if we were not there`, () => {
      const { shared, taken } = install();
      const api = copyOf(version);
      assert.equal(api.trace.getTracer('early'), ourTracer);
      assert.equal(api.trace.setGlobalTracerProvider(appProvider), true);
      assert.equal(api.context.setGlobalContextManager(appContexts), true);
      assert.deepEqual(taken, ['trace', 'context']);
      assert.equal(holder[KEY]?.['version'], version);
      assert.equal(api.trace.getTracer('app').startSpan('x'), 'the app’s');
      assert.equal(api.context.active(), 'the app’s');
      assert.equal(shared.has('trace'), false);
      // A second one is refused, as without us.
      assert.equal(api.trace.setGlobalTracerProvider(appProvider), false);
      assert.equal(api.trace.getTracer('app').startSpan('x'), 'the app’s');
    });

    it(`is as it would be without us once we are gone from a copy of ${version}`, () => {
      const { shared } = install();
      const api = copyOf(version);
      api.trace.setGlobalTracerProvider(appProvider);
      shared.remove();
      assert.deepEqual(Object.keys(holder[KEY] ?? {}).sort(), ['trace', 'version']);
      assert.equal(api.trace.getTracer('app').startSpan('x'), 'the app’s');
    });
  }

  it('a copy of another version registers nothing beside the first one, as without us', () => {
    install();
    assert.equal(copyOf('1.9.1').trace.setGlobalTracerProvider(appProvider), true);
    assert.equal(copyOf('1.10.0').context.setGlobalContextManager(appContexts), false);
    assert.equal(holder[KEY]?.['version'], '1.9.1');
  });

  it('a logger of diagnostics settles the version and leaves our places', () => {
    const { shared } = install();
    const api = copyOf('1.9.1');
    const nothing = () => {};
    api.diag.setLogger({ error: nothing, warn: nothing, info: nothing, debug: nothing, verbose: nothing });
    assert.equal(holder[KEY]?.['version'], '1.9.1');
    assert.equal(shared.has('trace'), true);
    assert.equal(api.trace.getTracer('app'), ourTracer);
    assert.equal(api.trace.setGlobalTracerProvider(appProvider), true);
  });

  it('what the app had registered before stays, and ours among it is ours', () => {
    const meters = { getMeter() {} };
    const { shared, taken } = install({ version: '1.9.1', metrics: meters }, { metrics: meters });
    assert.equal(shared.has('metrics'), true);
    const api = copyOf('1.10.0');
    assert.equal(api.metrics.setGlobalMeterProvider(appProvider), true);
    assert.deepEqual(taken, ['metrics']);
    const other = install({ version: '1.9.1', propagation: appProvider });
    assert.equal(other.shared.theirs('propagation'), appProvider);
    assert.equal(holder[KEY]?.['version'], '1.9.1');
  });

  it('giving way leaves meters, which are no part of tracing', () => {
    const { shared } = install(undefined, { metrics: ourProvider });
    shared.giveWay();
    assert.deepEqual(
      [shared.has('trace'), shared.has('context'), shared.has('metrics')],
      [false, false, true],
    );
  });

  it('what our own SDK registers fills no place', () => {
    const { shared, taken } = install();
    const api = copyOf('1.10.0');
    const made = shared.capture(() => {
      assert.equal(api.trace.setGlobalTracerProvider(appProvider), true);
      assert.equal(api.context.setGlobalContextManager(appContexts), true);
    });
    assert.equal(made.context, appContexts);
    assert.equal((made.trace as Api['trace']).getTracer('x').startSpan('x'), 'the app’s');
    assert.deepEqual(taken, []);
    assert.equal(api.trace.getTracer('app'), ourTracer);
    assert.equal(holder[KEY]?.['version'], OURS);
  });

  it('an app that disables tracing has none, and can begin anew', () => {
    const { shared } = install();
    const api = copyOf('1.9.1');
    api.trace.disable();
    assert.equal(shared.has('trace'), false);
    assert.notEqual(api.trace.getTracer('app'), ourTracer);
    assert.equal(api.trace.setGlobalTracerProvider(appProvider), true);
    delete holder[KEY];
    holder[KEY] = { version: '1.9.1' };
    assert.deepEqual(holder[KEY], { version: '1.9.1' });
  });
});

describe('the version of the API in a bundle', () => {
  const ENTRY = 'entry.js';
  async function bundle(
    version: keyof typeof COPIES,
    format: 'cjs' | 'esm',
    minify: boolean,
  ): Promise<string> {
    const require = createRequire(join(COPIES[version], 'noop.js'));
    const code = "import { trace } from '@opentelemetry/api'; trace.setGlobalTracerProvider({});";
    const made = await rolldown({
      input: ENTRY,
      platform: 'node',
      plugins: [
        {
          name: 'entry',
          resolveId: (id) =>
            id === ENTRY ? id : id === '@opentelemetry/api' ? require.resolve('@opentelemetry/api') : null,
          load: (id) => (id === ENTRY ? code : null),
        },
      ],
    });
    const { output } = await made.generate({ format, minify });
    return output[0].code;
  }

  for (const version of Object.keys(COPIES) as (keyof typeof COPIES)[]) {
    for (const minify of [false, true]) {
      it(`${version}, ${minify ? 'minified' : 'as it is'}`, async () => {
        for (const format of ['cjs', 'esm'] as const)
          assert.equal(bundledVersion(await bundle(version, format, minify)), version, format);
      });
    }
  }

  it('is unknown of other code', () => {
    assert.equal(bundledVersion('const VERSION = "1.2.3"; VERSION.split(".")[0]'), null);
    assert.equal(bundledVersion('Symbol.for("opentelemetry.js.api.1")'), null);
  });
});

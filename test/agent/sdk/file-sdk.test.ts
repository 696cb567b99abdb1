import assert from 'node:assert/strict';
import { type Attributes, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { afterEach, beforeEach, describe, it } from 'vitest';
import { startFileSdk } from '../../../src/agent/sdk/file-sdk.ts';
import { SharedApi } from '../../../src/agent/sdk/shared-api.ts';
import type { FileSdk } from '../../../src/config/file/sdk-parts.ts';
import { samplerOf } from '../../../src/config/otlp/sampler.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';
const PLAIN: FileSdk = { spanLimits: {}, detectors: [], logLevel: null };

describe('the SDK of a configuration file', () => {
  let shared: SharedApi;
  const ended: { readonly name: string; readonly attributes: Attributes }[] = [];
  beforeEach(() => {
    shared = new SharedApi({ version: '1.10.0', onTaken: () => {} }, undefined, {});
  });
  afterEach(() => {
    shared.remove();
    ended.splice(0);
  });

  const start = (
    file: Partial<FileSdk>,
    { propagators = [], sampler = 'parentbased_always_on', ratio = 1 }: Partial<Asked> = {},
  ) =>
    startFileSdk({
      file: { ...PLAIN, ...file },
      propagators,
      sampler: samplerOf(sampler, ratio) ?? (() => true),
      shared,
      onEnd: (span) => ended.push(span),
    });
  const under = (traceFlags: number) =>
    trace.setSpanContext(ROOT_CONTEXT, { traceId: TRACE, spanId: SPAN, traceFlags, isRemote: true });

  it('cuts spans by its limits, whatever the variables say', () => {
    process.env['OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT'] = '0';
    try {
      const { provider } = start({ spanLimits: { attributeValueLengthLimit: 3, attributeCountLimit: 2 } });
      provider
        .getTracer('x')
        .startSpan('s', { attributes: { a: 'abcd', b: 1, c: 2 } })
        .end();
      assert.deepEqual(
        ended.map(({ attributes }) => attributes),
        [{ a: 'abc', b: 1 }],
      );
    } finally {
      delete process.env['OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT'];
    }
  });

  it('decides of the app’s spans as of ours: by the parent, else by its sampler', () => {
    const { provider } = start({}, { sampler: 'parentbased_always_off' });
    const tracer = provider.getTracer('x');
    tracer.startSpan('root').end();
    tracer.startSpan('under sampled', {}, under(1)).end();
    tracer.startSpan('under unsampled', {}, under(0)).end();
    start({}, { sampler: 'traceidratio', ratio: 0 })
      .provider.getTracer('x')
      .startSpan('by ratio', {}, under(1))
      .end();
    start({}, { sampler: 'always_on' }).provider.getTracer('x').startSpan('always', {}, under(0)).end();
    assert.deepEqual(
      ended.map(({ name }) => name),
      ['under sampled', 'always'],
    );
  });

  it('names traces as its propagators do', () => {
    const carried = (propagators: readonly string[]) => {
      const carrier: Record<string, string> = {};
      const set = (_carrier: unknown, name: string, value: string) => {
        carrier[name] = value;
      };
      start({}, { propagators }).propagator?.inject(under(1), carrier, { set });
      return Object.keys(carrier).toSorted();
    };
    assert.deepEqual(carried([]), []);
    assert.deepEqual(carried(['tracecontext', 'baggage']), ['traceparent']);
    assert.deepEqual(carried(['b3', 'tracecontext']), ['b3', 'traceparent']);
    assert.deepEqual(carried(['b3multi']), ['x-b3-sampled', 'x-b3-spanid', 'x-b3-traceid']);
  });

  it('detects what it is asked to, and nothing by itself', async () => {
    const detected = async (detectors: FileSdk['detectors']) => {
      const { resource } = start({ detectors });
      await resource.settled();
      return Object.keys(resource.known());
    };
    assert.deepEqual(await detected([]), []);
    const host = await detected(['host']);
    assert.ok(host.includes('host.name') && host.includes('os.type') && !host.includes('process.pid'));
    assert.ok((await detected(['process'])).includes('process.pid'));
    assert.deepEqual(await detected(['service']), ['service.instance.id']);
  });

  it('has a logger of diagnostics where the file asks for one, which is registered by nobody yet', () => {
    assert.equal(start({}).diag, undefined);
    assert.notEqual(start({ logLevel: 'WARN' }).diag, undefined);
    assert.equal(shared.has('diag'), false);
    assert.equal(shared.theirs('diag'), undefined);
  });
});

interface Asked {
  readonly propagators: readonly string[];
  readonly sampler: string;
  readonly ratio: number;
}

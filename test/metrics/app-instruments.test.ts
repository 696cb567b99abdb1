import assert from 'node:assert/strict';
import type { Attributes, Meter, ObservableResult } from '@opentelemetry/api';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { ownInstruments, ReaderSource } from '../../src/agent/metrics/frame-source.ts';
import type { Point } from '../../src/core/frame.ts';
import { FrameDecoder } from '../../src/core/frames/frame-decoder.ts';
import { FrameEncoder } from '../../src/core/frames/frame-encoder.ts';
import { rescale } from '../../src/core/histogram.ts';
import { milliseconds } from '../../src/core/units.ts';
import { DeltaMeterProvider } from '../../src/metrics/meter-provider.ts';
import { SnapshotReader } from '../../src/metrics/snapshot-reader.ts';

const ATTRIBUTES: readonly Attributes[] = [
  {},
  { a: 1, b: 'x' },
  { b: 'x', a: 1 },
  { a: '1', b: 'x' },
  { b: 'x' },
  { list: ['p', 'q'], a: true },
];

/** What an app does with its instruments, and where the next frame is made. */
const act = fc.record({
  instrument: fc.constantFrom('counter', 'level', 'gauge', 'histogram', 'observed', 'frame' as const),
  attributes: fc.nat(ATTRIBUTES.length - 1),
  value: fc.oneof(fc.double({ min: 0.001, max: 1000, noNaN: true }), fc.constant(0)),
});

function appOf(meter: Meter) {
  const observed: number[] = [];
  const each = (result: ObservableResult) => {
    for (const [at, value] of observed.entries()) result.observe(value, { at });
  };
  const options = { unit: 's', description: 'Of the app.' };
  meter.createObservableCounter('observed.counter', options).addCallback(each);
  meter.createObservableUpDownCounter('observed.level').addCallback(async (result) => each(result));
  meter.createObservableGauge('observed.gauge').addCallback(each);
  const counter = meter.createCounter('counter', options);
  const level = meter.createUpDownCounter('level');
  const gauge = meter.createGauge('gauge');
  const histogram = meter.createHistogram('histogram', options);
  return ({ instrument, attributes, value }: { instrument: string; attributes: number; value: number }) => {
    const labels = ATTRIBUTES[attributes] ?? {};
    if (instrument === 'counter') counter.add(value, labels);
    if (instrument === 'level') level.add(value - 500, labels);
    if (instrument === 'gauge') gauge.record(value, labels);
    if (instrument === 'histogram') histogram.record(value, labels);
    if (instrument === 'observed') observed[attributes] = (observed[attributes] ?? 0) + value;
    for (let at = 0; at < observed.length; at++) observed[at] ??= 0;
  };
}

/** In one order, and as the collector has them: without empty buckets at the ends. */
function comparable(points: readonly Point[]): unknown[] {
  const rounded = (value: number) => Number(value.toPrecision(9));
  const key = ({ name, attributes }: Point) => JSON.stringify([name, Object.entries(attributes).sort()]);
  return points
    .toSorted((a, b) => (key(a) < key(b) ? -1 : 1))
    .map((point) => {
      const attributes = Object.entries(point.attributes).sort();
      if (point.kind !== 'histogram') return { ...point, attributes, value: rounded(point.value) };
      const buckets = rescale(3, point.offset, point.counts);
      const first = buckets.counts.findIndex((count) => count > 0);
      const counts = buckets.counts.slice(first, buckets.counts.findLastIndex((count) => count > 0) + 1);
      const offset = counts.length === 0 ? 0 : buckets.offset + first;
      return { ...point, attributes, sum: rounded(point.sum), offset, counts };
    });
}

describe("an app's instruments", () => {
  it("tell in frames what OpenTelemetry's SDK would, frame by frame", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(act, { maxLength: 60 }), async (acts) => {
        const reader = new SnapshotReader();
        const sdk = new MeterProvider({ readers: [reader] });
        const ours = new DeltaMeterProvider();
        const sources = [new ReaderSource(reader), ownInstruments([ours])] as const;
        const apps = [appOf(sdk.getMeter('app')), appOf(ours.getMeter())];
        const links = sources.map((source) => {
          const encoder = new FrameEncoder();
          const decoder = new FrameDecoder();
          return async () => {
            await source.observe();
            encoder.start({ seq: 1, endMs: milliseconds(0), dropped: {} });
            source.writeTo(encoder);
            return comparable(decoder.read(encoder.finish()).points);
          };
        });
        for (const one of [...acts, { instrument: 'frame', attributes: 0, value: 0 }]) {
          for (const app of apps) app(one);
          if (one.instrument !== 'frame') continue;
          const [theirs, told] = await Promise.all(links.map((frame) => frame()));
          assert.deepEqual(told, theirs);
        }
        await sdk.shutdown();
      }),
      { numRuns: 60 },
    );
  });

  it('are told apart by name and kind', () => {
    const provider = new DeltaMeterProvider();
    const meter = provider.getMeter();
    meter.createCounter('same').add(1);
    meter.createHistogram('same').record(2);
    meter.createCounter('same').add(3);
    const points = ownInstruments([provider]).points();
    assert.deepEqual(
      points.map((point) => [point.kind, point.kind === 'histogram' ? point.count : point.value]),
      [
        ['counter', 4],
        ['histogram', 1],
      ],
    );
  });

  it('go on by another name when they are to, and by their own again', () => {
    let prefix = '';
    const provider = new DeltaMeterProvider((name) => prefix + name);
    const counter = provider.getMeter().createCounter('c');
    const source = ownInstruments([provider]);
    const encoder = new FrameEncoder();
    const decoder = new FrameDecoder();
    const told = ['', 'app.', ''].map((next) => {
      prefix = next;
      counter.add(1, { a: 'b' });
      encoder.start({ seq: 1, endMs: milliseconds(0), dropped: {} });
      source.writeTo(encoder);
      return decoder.read(encoder.finish()).points.map(({ name }) => name);
    });
    assert.deepEqual(told, [['c'], ['app.c'], ['c']]);
  });

  it('wait for no callback that hangs: what it says late is in a later frame', async () => {
    const provider = new DeltaMeterProvider();
    const late = Promise.withResolvers<void>();
    provider
      .getMeter()
      .createObservableGauge('hangs')
      .addCallback(async (result) => {
        await late.promise;
        result.observe(1);
      });
    provider.getMeter().createCounter('c').add(1);
    const source = ownInstruments([provider]);
    const names = () => source.points().map(({ name }) => name);
    await source.observe();
    assert.deepEqual(names(), ['c']);
    late.resolve();
    await source.observe();
    assert.deepEqual(names(), ['hangs']);
  });

  it('keep their percentiles however far the values of one frame are from those of the next', () => {
    const provider = new DeltaMeterProvider();
    const histogram = provider.getMeter().createHistogram('h');
    const source = ownInstruments([provider]);
    const encoder = new FrameEncoder();
    const decoder = new FrameDecoder();
    for (const values of [[1e6, 2e6], [1e-6, 2e-6], [1e6], [1e-9, 1e-8], [0]]) {
      const fresh = new DeltaMeterProvider();
      for (const value of values) {
        histogram.record(value);
        fresh.getMeter().createHistogram('h').record(value);
      }
      encoder.start({ seq: 1, endMs: milliseconds(0), dropped: {} });
      source.writeTo(encoder);
      assert.deepEqual(
        comparable(decoder.read(encoder.finish()).points),
        comparable(ownInstruments([fresh]).points()),
      );
    }
  });
});

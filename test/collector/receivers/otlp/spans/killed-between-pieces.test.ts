import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { OtlpAcceptance, type OtlpSink } from '../../../../../src/collector/receivers/otlp/acceptance.ts';
import type { OtlpDelivery, OtlpSpan } from '../../../../../src/collector/receivers/otlp/model.ts';
import { EarlierRequests } from '../../../../../src/collector/receivers/otlp/spans/earlier-requests.ts';
import { SentBatches } from '../../../../../src/collector/receivers/sent-batches.ts';
import type { NervecenterEvent } from '../../../../../src/core/signals/index.ts';
import { DeltaMeterProvider } from '../../../../../src/metrics/meter-provider.ts';
import { traceId } from '../span.ts';
import { chat, server, span } from './spans.ts';

const REQUESTS = new Set(['request', 'ws-session']);

/** What is on disk, which outlives collectors. */
class Disk {
  readonly rows: NervecenterEvent[] = [];
  readonly sent: (readonly [string, number])[] = [];
  readonly lots: number[] = [];
  /** What is offered is safe only then. */
  safe: PromiseWithResolvers<void> | null = null;
  forward: OtlpSink['forward'] = null;

  /** How often each row is there. */
  get counts(): number[] {
    return [...Map.groupBy(this.rows, ({ id, signal }) => `${signal} ${id}`).values()].map(
      ({ length }) => length,
    );
  }
}

/** A collector on a disk. */
interface Life {
  readonly acceptance: OtlpAcceptance;
  /** Nothing reaches the disk any more. */
  kill(): void;
}

/** @param lotsMax it is killed when so many have reached the disk. */
function collector(disk: Disk, lotsMax = Number.POSITIVE_INFINITY, keepsSpans = true): Life {
  let lots = 0;
  const sentBatches = new SentBatches();
  sentBatches.add(disk.sent);
  sentBatches.completed(true);
  const sink: OtlpSink = {
    crowded: false,
    sentBatches,
    join: () => true,
    addLasting: () => {},
    merge: () => [],
    toldByAgent: () => false,
    spansToldByAgent: () => false,
    offered: async () => {},
    forward: disk.forward,
    offer: async (events, _passage, sent) => {
      if (lots++ >= lotsMax) return;
      disk.rows.push(...events);
      disk.lots.push(events.length);
      if (sent !== undefined) disk.sent.push(sent);
      await disk.safe?.promise;
    },
  };
  const stored = new Set(disk.rows.filter(({ signal }) => REQUESTS.has(signal)).map(({ id }) => id));
  const now = Date.now;
  const earlier = new EarlierRequests({
    stored: {
      settled: async () => true,
      lastRequestBefore: async () => Date.now(),
      requestsAmong: async (ended) => new Set(ended.map(({ id }) => id).filter((id) => stored.has(id))),
    },
    sinceMs: now(),
    now,
  });
  const meter = new DeltaMeterProvider().getMeter();
  const acceptance = new OtlpAcceptance({ sink, meter, userHeaders: null, keepsSpans, earlier });
  return {
    acceptance,
    kill: () => {
      lots = Number.POSITIVE_INFINITY;
    },
  };
}

/** A collector that gets these spans and is killed after that, if not before. */
async function life(disk: Disk, spans: readonly OtlpSpan[], lotsMax?: number): Promise<void> {
  const { acceptance, kill } = collector(disk, lotsMax);
  await acceptance.spans(spans, DELIVERY);
  kill();
  await acceptance.shutdown();
}

const DELIVERY: OtlpDelivery = {
  digest: '22222222-2222-8222-8222-222222222222',
  keyName: null,
  encoding: 'protobuf',
  body: Buffer.alloc(100),
  via: [],
};

/** That many traces of a request, every so manieth with a model call in it. */
function traces(count: number, callEvery: number): OtlpSpan[] {
  return Array.from({ length: count }, (_, index) => {
    const own = { traceId: traceId(index + 1) };
    const request = span(2 * index + 1, null, { ...server, ...own });
    const call = span(2 * index + 2, 2 * index + 1, { ...chat(), ...own });
    return index % callEvery === 0 ? [request, call] : [request];
  }).flat();
}

describe('a request of which a kill leaves a part stored', () => {
  for (const [count, callEvery] of [
    [1900, Number.POSITIVE_INFINITY],
    [900, 1],
  ] as const) {
    const spans = traces(count, callEvery);
    it(`has all of its rows once when it is sent again: ${spans.length} spans of ${count} traces`, async () => {
      const whole = new Disk();
      await life(whole, spans);
      assert.ok(whole.lots.length >= 2 && whole.counts.every((times) => times === 1));
      for (let killedAfter = 0; killedAfter < whole.lots.length; killedAfter++) {
        const disk = new Disk();
        await life(disk, spans, killedAfter);
        assert.equal(disk.lots.length, killedAfter);
        await life(disk, spans);
        assert.equal(disk.counts.length, whole.counts.length, `killed after ${killedAfter}`);
        assert.ok(
          disk.counts.every((times) => times === 1),
          `killed after ${killedAfter}`,
        );
        // And once more: all of it is known.
        await life(disk, spans);
        assert.equal(disk.rows.length, whole.rows.length);
      }
    });
  }

  it('has no call stored before all of it, also where calls are decided as they come', async () => {
    const disk = new Disk();
    await life(disk, traces(1500, 1));
    const signals = disk.rows.map(({ signal }) => signal);
    const calls = signals.filter((signal) => signal === 'llm-call').length;
    assert.ok(calls > 0); // How many of them by now depends on the machine.
    assert.equal(signals.indexOf('llm-call'), signals.length - calls);
  });

  it('has no call offered before all of it is safe, where spans are not kept', async () => {
    const disk = new Disk();
    const { acceptance, kill } = collector(disk, Number.POSITIVE_INFINITY, false);
    disk.safe = Promise.withResolvers<void>();
    const answered = acceptance.spans(traces(1500, 1), DELIVERY);
    await new Promise(setImmediate);
    assert.ok(disk.rows.length > 0);
    assert.ok(disk.rows.every(({ signal }) => signal !== 'llm-call'));
    disk.safe.resolve();
    await answered;
    assert.ok(disk.rows.some(({ signal }) => signal === 'llm-call'));
    kill();
    await acceptance.shutdown();
  });
});

it('a request that fails does not keep the traces of others from being decided as they come', async () => {
  const disk = new Disk();
  const spans = traces(1510, 1);
  disk.forward = async ({ records }) => assert.notEqual(records, 20, 'not sent on');
  const { acceptance, kill } = collector(disk, Number.POSITIVE_INFINITY, false);
  await assert.rejects(acceptance.spans(spans.slice(0, 20), DELIVERY), /not sent on/);
  await acceptance.spans(spans.slice(20), { ...DELIVERY, digest: DELIVERY.digest.replaceAll('2', '3') });
  assert.ok(disk.rows.some(({ signal }) => signal === 'llm-call'));
  kill();
  await acceptance.shutdown();
});

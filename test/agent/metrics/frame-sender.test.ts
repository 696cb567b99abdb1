import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'vitest';
import { FrameSender } from '../../../src/agent/metrics/frame-sender.ts';
import { type FrameSource, ownInstruments, ReaderSource } from '../../../src/agent/metrics/frame-source.ts';
import type { AgentMessage, Frame, Point } from '../../../src/core/frame.ts';
import { FrameDecoder } from '../../../src/core/frames/frame-decoder.ts';
import { milliseconds } from '../../../src/core/units.ts';
import { DeltaMeterProvider } from '../../../src/metrics/meter-provider.ts';
import type { SnapshotReader } from '../../../src/metrics/snapshot-reader.ts';
import { counterPoint } from '../../link/messages.ts';
import { RecordingAgent } from '../../support/recording-agent.ts';

describe('frames', () => {
  const { clock } = new RecordingAgent();
  let isOpen = true;
  let sent: Uint8Array[] = [];
  let dropped: Frame['dropped'] = {};
  let threads: readonly Point[] | null = null;
  const sending = (source: FrameSource) =>
    new FrameSender({
      clock,
      source,
      connection: {
        get isOpen() {
          return isOpen;
        },
        send: (message: AgentMessage) => sent.push(bytesOf(message)),
      },
      pipeline: {
        get dropped() {
          return dropped;
        },
      },
      threads: {
        get any() {
          return threads !== null;
        },
        merged: (points) => [...points, ...(threads ?? [])],
      },
    });
  /** As a collector reads all that was sent on one link. */
  const read = () => {
    const decoder = new FrameDecoder();
    return sent.map((bytes) => values(decoder.read(bytes).points));
  };
  beforeEach(() => {
    isOpen = true;
    sent = [];
    dropped = {};
    threads = null;
  });

  it('tell what is new since the one before, also where the instruments are those of before', async () => {
    const own = new DeltaMeterProvider();
    const counter = own.getMeter().createCounter('c');
    const sender = sending(ownInstruments([own]));
    dropped = { agent_queue_full: 3 };
    for (const value of [1, 2, 4]) {
      counter.add(value, { a: 'b' });
      await sender.send();
    }
    await sender.send();
    assert.deepEqual(read(), [[['c', 1]], [['c', 2]], [['c', 4]], []]);
    assert.deepEqual(new FrameDecoder().read(sent[0] ?? assert.fail()).dropped, dropped);
  });

  it('say when the next one comes where that is not after the usual time', async () => {
    const own = new DeltaMeterProvider();
    const messages: AgentMessage[] = [];
    const sender = new FrameSender({
      clock,
      source: ownInstruments([own]),
      connection: { isOpen: true, send: (message) => messages.push(message) },
      pipeline: { dropped: {} },
      threads: { any: false, merged: () => [] },
    });
    await sender.send(milliseconds(2500));
    await sender.send();
    assert.deepEqual(
      messages.map((message) => message.type === 'frame-bytes' && message.nextInMs),
      [2500, undefined],
    );
  });

  it('go one at a time: while the app is asked for one, there is no other', async () => {
    const app = new DeltaMeterProvider();
    const answer = Promise.withResolvers<void>();
    const gauge = app.getMeter().createObservableGauge('g');
    gauge.addCallback(async (result) => {
      await answer.promise;
      result.observe(7);
    });
    const sender = sending(ownInstruments([app]));
    const both = [sender.send(), sender.send()];
    assert.deepEqual(sent, []);
    answer.resolve();
    await Promise.all(both);
    assert.deepEqual(read(), [[['g', 7]]]);
  });

  it('lose nothing while nobody listens, or when the link is lost while the app is asked', async () => {
    const own = new DeltaMeterProvider();
    const app = new DeltaMeterProvider();
    own.getMeter().createCounter('c').add(1);
    app
      .getMeter()
      .createObservableGauge('closes')
      .addCallback(async (result) => {
        isOpen = false;
        result.observe(1);
      });
    const sender = sending(ownInstruments([own, app]));
    await sender.send();
    await sender.send();
    own.getMeter().createCounter('c').add(2);
    assert.deepEqual(sent, []);
    const last = new FrameDecoder().read(bytesOf(sender.last()));
    assert.deepEqual(values(last.points), [
      ['c', 3],
      ['closes', 1],
    ]);
  });

  it("keep what OpenTelemetry's reader gave until it is sent, with what is measured since", async () => {
    let value = 0;
    const measured = [[counterPoint('own', 3)]];
    const sender = sending(
      new ReaderSource({
        collectPoints: async () => {
          if (value === 0) isOpen = false;
          return [counterPoint('c', ++value)];
        },
        collectNow: () => measured.shift() ?? [],
      } as unknown as SnapshotReader),
    );
    await sender.send();
    await sender.send();
    assert.deepEqual([value, sent.length], [1, 0], 'while nobody listens nothing is collected');
    isOpen = true;
    await sender.send();
    await sender.send();
    assert.deepEqual(read(), [
      [
        ['c', 1],
        ['c', 2],
        ['own', 3],
      ],
      [['c', 3]],
    ]);
  });

  it('are whole again for a collector that knows nothing of those before', async () => {
    const own = new DeltaMeterProvider();
    const counter = own.getMeter().createCounter('c');
    const sender = sending(ownInstruments([own]));
    for (const value of [1, 2]) {
      counter.add(value);
      await sender.send();
    }
    counter.add(4);
    sender.opened();
    await sender.send();
    const [, second, third] = sent;
    assert.throws(() => new FrameDecoder().read(second ?? assert.fail()));
    assert.deepEqual(values(new FrameDecoder().read(third ?? assert.fail()).points), [['c', 4]]);
  });

  it('have what worker threads measured beside the rest', async () => {
    const own = new DeltaMeterProvider();
    own.getMeter().createCounter('c').add(1);
    threads = [counterPoint('of a thread', 2)];
    const sender = sending(ownInstruments([own]));
    await sender.send();
    await sender.send();
    assert.deepEqual(read(), [
      [
        ['c', 1],
        ['of a thread', 2],
      ],
      [['of a thread', 2]],
    ]);
  });

  it('go on after one that failed, and can be read', async () => {
    const own = new DeltaMeterProvider();
    const counter = own.getMeter().createCounter('c');
    const source = ownInstruments([own]);
    let fails = true;
    const sender = sending({
      ...source,
      writeTo: (frame) => {
        source.writeTo(frame);
        if (fails) throw new Error('once');
      },
    });
    counter.add(1);
    await assert.rejects(sender.send());
    fails = false;
    counter.add(2);
    await sender.send();
    assert.deepEqual(read(), [[['c', 2]]]);
  });
});

function bytesOf(message: AgentMessage): Uint8Array {
  assert.ok(message.type === 'frame-bytes');
  return message.bytes;
}

function values(points: readonly Point[]): [string, number][] {
  return points.map((point) => [point.name, point.kind === 'histogram' ? point.count : point.value]);
}

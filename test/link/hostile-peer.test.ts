import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { type Collector, startCollector } from '../../src/collector/start.ts';
import { readConfig } from '../../src/config/config.ts';
import type { CollectorMessage, Point } from '../../src/core/frame.ts';
import { FrameEncoder } from '../../src/core/frames/frame-encoder.ts';
import type { RequestEvent } from '../../src/core/signals/request.ts';
import type { Snapshot } from '../../src/core/snapshot.ts';
import { encodeMessage, MessageDecoder } from '../../src/link/framing.ts';
import { rendezvousPath } from '../../src/link/rendezvous.ts';
import { freePort, WITHOUT_OTLP } from '../support/free-port.ts';
import { until } from '../support/poll.ts';
import { counterPoint, frameBytes, frameOf, recordsMessage, requestEvent, sourceNamed } from './messages.ts';

const TOKEN = 'a-token-of-24-characters';

/** Speaks to the collector's socket as any process of the same user can. */
class Peer {
  readonly socket: Socket;
  readonly received: CollectorMessage[] = [];

  constructor(path: string) {
    const decoder = new MessageDecoder();
    this.socket = connect(path);
    this.socket.on('error', () => {});
    this.socket.on('data', (chunk: Buffer) => {
      this.received.push(...(decoder.push(chunk) as CollectorMessage[]));
    });
  }

  say(...messages: readonly unknown[]): void {
    for (const message of messages) this.socket.write(encodeMessage(message));
  }

  /** Says hello and waits for the answer. */
  async join(service = 'peer'): Promise<string> {
    const source = sourceNamed(service);
    this.say({ type: 'hello', source });
    await until(() => this.received.some(({ type }) => type === 'welcome'));
    return source.instanceId;
  }

  async snapshot(): Promise<Snapshot> {
    const ask = this.received.length + 1000;
    this.say({ type: 'ask', ask, what: 'snapshot' });
    const answer = await until(() => this.received.find((one) => one.type === 'answer' && one.ask === ask));
    return (answer as Extract<CollectorMessage, { type: 'answer' }>).value as Snapshot;
  }

  async closed(): Promise<void> {
    if (!this.socket.closed) await once(this.socket, 'close');
  }
}

describe('a peer that is broken or hostile', () => {
  let collector: Collector;
  let path: string;
  let directory: string;
  const logs: string[] = [];
  const peers: Peer[] = [];
  const peer = () => {
    const made = new Peer(path);
    peers.push(made);
    return made;
  };
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'nervecenter-test-'));
    const port = await freePort();
    const config = readConfig(
      {
        NERVECENTER_PORT: String(port),
        ...WITHOUT_OTLP,
        NERVECENTER_STORAGE: 'off',
        NERVECENTER_DATA_DIR: directory,
        NERVECENTER_ADMIN_TOKEN: TOKEN,
      },
      directory,
    );
    collector = await startCollector({ config, log: (_component, line) => logs.push(line), host: null });
    path = rendezvousPath(port) ?? '';
  });
  afterAll(async () => {
    for (const { socket } of peers) socket.destroy();
    await collector.shutdown(1000);
    rmSync(directory, { recursive: true, force: true });
  });

  it('is cut off when its bytes are no messages', async () => {
    for (const bytes of [Buffer.from('GET / HTTP/1.1\r\n\r\n'), Buffer.alloc(4, 0xff), Buffer.alloc(64)]) {
      const hostile = peer();
      hostile.socket.write(bytes);
      await hostile.closed();
    }
  });

  it('is cut off when it does not say who it is', async () => {
    for (const source of [
      undefined,
      null,
      {},
      'me',
      { ...sourceNamed('x'), instanceId: 'not-a-uuid' },
      { ...sourceNamed('x'), service: 'x'.repeat(10_000) },
      { ...sourceNamed('x'), pid: Number.NaN },
    ]) {
      const hostile = peer();
      hostile.say({ type: 'hello', source });
      await hostile.closed();
      assert.deepEqual(hostile.received, []);
    }
  });

  it('is ignored before it has said who it is', async () => {
    const early = peer();
    early.say(null, 7, { type: 'events', batch: 1, events: [requestEvent()] }, { type: 'ask', ask: 1 });
    await early.join();
    assert.deepEqual(
      early.received.map(({ type }) => type),
      ['welcome'],
    );
  });

  it('loses only what cannot be used of a frame, and the rest is merged', async () => {
    const sender = peer();
    const instanceId = await sender.join('frames');
    const good = counterPoint('test.counter', 2);
    const histogram = {
      ...good,
      kind: 'histogram',
      name: 'test.histogram',
      count: 1,
      sum: 1,
      min: 1,
      max: 1,
      zeroCount: 0,
      offset: 0,
      counts: [1],
    };
    const holes: unknown[] = [];
    holes.length = 4_000_000_000;
    const bad = [
      null,
      5,
      [],
      {},
      { ...good, kind: 'mystery', name: 'test.mystery' },
      { ...good, name: '' },
      { ...good, name: 7 },
      { ...good, value: Number.NaN },
      { ...good, value: -1 },
      { ...good, value: '5' },
      { ...good, attributes: null },
      { ...good, attributes: { nested: { a: 1 } } },
      { ...good, attributes: { long: 'x'.repeat(100_000) } },
      { ...histogram, offset: 2 ** 31 },
      { ...histogram, counts: holes },
      { ...histogram, counts: [Number.NaN] },
      { ...histogram, counts: [-1] },
      { ...histogram, count: 1.5 },
      { ...histogram, sum: Number.POSITIVE_INFINITY },
    ];
    sender.say(
      { type: 'frame', frame: frameOf([good, ...(bad as []), good]) },
      { type: 'frame', frame: { ...frameOf([]), points: holes } },
      { type: 'frame', frame: { ...frameOf([good]), dropped: { some: -5 } } },
      { type: 'frame' },
      { type: 'of another version' },
    );
    const snapshot = await sender.snapshot();
    assert.ok(snapshot.instances.some((one) => one.instance_id === instanceId && one.up));
    const response = await fetch(`${collector.url}/metrics`, {
      headers: { authorization: `Bearer ${TOKEN}` },
    });
    const metrics = await response.text();
    assert.match(metrics, /^test_counter_\w*total(\{\})? 4$/m);
    assert.doesNotMatch(metrics, /mystery|test_histogram/);
    assert.equal(logs.filter((line) => line.includes('measurements')).length, 1);
    assert.equal(logs.filter((line) => line.includes('messages')).length, 1);
  });

  it('has the frames it sends as bytes judged alike, and after what is none nothing is taken until one begins anew', async () => {
    const sender = peer();
    const instanceId = await sender.join('bytes');
    const encoder = new FrameEncoder();
    const good = counterPoint('test.bytes', 2);
    const bad = [
      { ...good, name: '' },
      { ...good, name: 'x'.repeat(1000) },
      { ...good, name: 'test.not.a.number', value: Number.NaN },
      { ...good, name: 'test.negative', value: -1 },
      { ...good, name: 'test.long', attributes: { long: 'x'.repeat(100_000) } },
      { ...good, name: 'test.wide', attributes: Object.fromEntries(Array(200).entries()) },
    ] as Point[];
    const first = frameBytes(encoder, [good, ...bad, good]);
    const unread = frameBytes(encoder, [good]);
    encoder.restart();
    const anew = frameBytes(encoder, [good]);
    const say = (bytes: unknown) => sender.say({ type: 'frame-bytes', bytes });
    say(first);
    for (const bytes of [
      first.slice(0, -1),
      [...first],
      new Float64Array(4),
      'bytes',
      null,
      Buffer.alloc(0),
      unread,
    ])
      say(bytes);
    say(anew);
    // Who says that its next frame comes in an hour is not believed, and its frame is taken.
    sender.say({ type: 'frame-bytes', bytes: frameBytes(encoder, [good]), nextInMs: 3_600_000 });
    const snapshot = await sender.snapshot();
    assert.ok(snapshot.instances.some((one) => one.instance_id === instanceId && one.up));
    const headers = { authorization: `Bearer ${TOKEN}` };
    const metrics = await (await fetch(`${collector.url}/metrics`, { headers })).text();
    assert.match(metrics, /^test_bytes_\w*total(\{\})? 8$/m);
    assert.doesNotMatch(metrics, /test_(not|negative|long|wide)/);
  });

  it('has its events judged one by one; the batch counts as taken, the unusable ones as dropped', async () => {
    const sender = peer();
    await sender.join('events');
    const good = requestEvent();
    const bad = [
      null,
      'event',
      {},
      { signal: 'request' },
      { ...good, signal: 'tomorrow' },
      { ...good, signal: '__proto__' },
      { ...good, signal: 'llm-call' },
      { ...good, id: 'x' },
      { ...good, timeMs: Number.NaN },
      { ...good, durationMs: 'long' },
      { ...good, route: undefined },
    ];
    sender.say(
      { type: 'events', batch: 1, events: [...bad, good] },
      { type: 'events', batch: 2, events: 'none' },
    );
    await until(() => sender.received.filter(({ type }) => type === 'accepted').length === 2);
    const { pipeline } = await sender.snapshot();
    assert.equal(pipeline.events_dropped['malformed'], bad.length);
    // Without storage nothing is accepted but what was dropped.
    assert.equal(pipeline.events_accepted, bad.length);
  });

  it('has its records judged one by one; what are no records are counted as taken, and nothing of them is', async () => {
    const sender = peer();
    await sender.join('records');
    const before = (await sender.snapshot()).pipeline.events_dropped['malformed'] ?? 0;
    const good = requestEvent();
    const bad = [
      { ...good, durationMs: Number.NaN },
      { ...good, route: null },
      { ...good, traceId: 7 },
      { ...good, statusCode: -200 },
    ] as unknown as RequestEvent[];
    const piece = recordsMessage([...bad, good]);
    const { records, batch } = piece;
    const nonsense = [
      { ...piece, records: records.slice(0, -1) },
      { ...piece, batch: batch + 1, segment: batch, at: 5 },
      { ...piece, batch: batch + 2, records: Buffer.alloc(records.length, 0xff) },
      { ...piece, batch: batch + 3, records: 'none' },
      { ...piece, batch: batch + 4, at: -1 },
      { ...piece, batch: batch + 5, known: Number.MAX_SAFE_INTEGER },
      { type: 'records' },
    ];
    sender.say(piece, ...nonsense);
    await until(
      () => sender.received.filter(({ type }) => type === 'accepted').length === 1 + nonsense.length,
    );
    const { pipeline } = await sender.snapshot();
    assert.equal(pipeline.events_dropped['malformed'], before + bad.length);
  });

  it('keeps nobody else from being served', async () => {
    const honest = peer();
    const instanceId = await honest.join('honest');
    honest.say({ type: 'frame', frame: frameOf([counterPoint('test.honest', 1)]) });
    const { instances } = await honest.snapshot();
    assert.ok(instances.some((one) => one.instance_id === instanceId));
    honest.socket.destroy();
    const watcher = peer();
    await watcher.join('watcher');
    await until(async () =>
      (await watcher.snapshot()).instances.some((one) => one.instance_id === instanceId && !one.up),
    );
  });
});

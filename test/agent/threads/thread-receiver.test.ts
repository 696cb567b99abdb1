import assert from 'node:assert/strict';
import { BroadcastChannel } from 'node:worker_threads';
import { afterEach, beforeEach, describe, it } from 'vitest';
import { fromThread, post, TO_MAIN, type ToThread, toThread } from '../../../src/agent/threads/channels.ts';
import { ThreadReceiver } from '../../../src/agent/threads/thread-receiver.ts';
import { flagsFor } from '../../../src/agent/threads/workers.ts';
import type { CounterPoint, GaugePoint, Point } from '../../../src/core/frame.ts';
import { FrameEncoder } from '../../../src/core/frames/frame-encoder.ts';
import { writeEvent } from '../../../src/core/records/event-record.ts';
import type { NervecenterEvent } from '../../../src/core/signals/index.ts';
import { RingReader } from '../../../src/link/ring/ring-reader.ts';
import { RingWriter } from '../../../src/link/ring/ring-writer.ts';
import { frameBytes, recordsMessage, requestEvent } from '../../link/messages.ts';
import { until } from '../../support/poll.ts';

/** A number no thread of this process has. */
const THREAD = 4242;
const BASE = { unit: '1', description: '', attributes: {} };
const gauge = (value: number): GaugePoint => ({ ...BASE, name: 'open', kind: 'gauge', value });
const counter = (value: number): CounterPoint => ({ ...BASE, name: 'made', kind: 'counter', value });

describe('what threads send', () => {
  const events: NervecenterEvent[] = [];
  const dropped: [string, number][] = [];
  const told: ToThread[] = [];
  let receiver: ThreadReceiver;
  let encoder: FrameEncoder;
  let answers: BroadcastChannel;
  const say = (message: object, to = TO_MAIN) => post(to, { thread: THREAD, message });
  const frame = (points: readonly Point[], drops = {}) => ({
    type: 'frame-bytes',
    bytes: frameBytes(encoder, points, drops),
  });
  beforeEach(() => {
    for (const list of [events, dropped, told]) list.length = 0;
    receiver = new ThreadReceiver({
      emit: (event) => events.push(event),
      drop: (reason, count) => dropped.push([reason, count]),
      connection: { ask: async (what) => `the ${what}` },
    });
    receiver.open();
    encoder = new FrameEncoder();
    answers = new BroadcastChannel(toThread(THREAD));
    answers.onmessage = (event) => told.push((event as { data: ToThread }).data);
  });
  afterEach(() => {
    answers.close();
    receiver.close();
  });

  it('is read for as many threads as there may be, and the quietest is taken for over past that', async () => {
    const ring = new RingWriter(() => {});
    const reader: RingReader = new RingReader(
      ring.share({ onWake: () => {}, onSegment: (segment) => reader.add(segment) }),
    );
    // Each of its pieces needs the names of the ones before.
    const tell = () => {
      ring.append(requestEvent(), writeEvent);
      say({ type: 'records', ...reader.next() });
    };
    const message = recordsMessage([requestEvent()]);
    const others = (count: number) => {
      for (let thread = 0; thread < count; thread++) post(TO_MAIN, { thread: THREAD + 1 + thread, message });
    };
    const OTHERS = 1000;
    tell();
    others(OTHERS - 1);
    tell();
    await until(() => events.length === OTHERS + 1);
    assert.deepEqual(dropped, []);
    others(OTHERS);
    tell();
    await until(() => dropped.length > 0);
    assert.deepEqual(dropped, [['agent_error', 1]]);
    assert.equal(events.length, 2 * OTHERS + 1);
  });

  it('is taken before and after a channel of its own is there, and accepted', async () => {
    const [first, second] = [requestEvent(), requestEvent()];
    const one = recordsMessage([first]);
    const other = recordsMessage([second], one.batch);
    say(one);
    say({ type: 'started' });
    await until(() => told.some(({ type }) => type === 'listening'));
    say(other, fromThread(THREAD));
    await until(() => told.length === 3);
    assert.deepEqual(events, [first, second]);
    assert.deepEqual(
      told.filter(({ type }) => type === 'accepted'),
      [one, other].map(({ batch }) => ({ type: 'accepted', batch })),
    );
    say({ type: 'ask', ask: 7, what: 'health' });
    await until(() => told.length === 4);
    assert.deepEqual(told[3], { type: 'answer', ask: 7, value: 'the health' });
  });

  it('is read at once where the process ends, and nothing is counted twice', () => {
    say({ type: 'started' });
    say(frame([counter(2), gauge(3)], { invalid: 2 }));
    say(frame([counter(5), gauge(4)], { invalid: 3 }));
    receiver.drain();
    assert.deepEqual(receiver.merged([gauge(10)]), [counter(2), counter(5), gauge(14)]);
    assert.deepEqual(receiver.merged([]), [gauge(4)]);
    assert.deepEqual(dropped, [
      ['invalid', 2],
      ['invalid', 1],
    ]);
  });

  it('is over with the thread, whatever it still had to say', () => {
    say({ type: 'started' });
    say(recordsMessage([requestEvent()]));
    say(frame([gauge(3)]));
    receiver.ended(THREAD);
    assert.equal(events.length, 1);
    assert.deepEqual(receiver.merged([gauge(1)]), [gauge(1)]);
  });

  it('may be anything by our name: it reaches nobody', async () => {
    for (const message of [null, 'x', { thread: 1 }, { thread: 1, message: { type: 'records', batch: 1 } }])
      post(TO_MAIN, message);
    say({ type: 'started' });
    await until(() => told.length === 1);
    assert.deepEqual(events, []);
  });
});

describe('the flags of a thread', () => {
  const ours = ['--require', '/p/otel.js'];
  const flags = (asked: object | undefined, nodeOptions: string) =>
    flagsFor(asked, { preload: '/p/otel.js', nodeOptions });

  it('have the agent where the thread would not load it by itself', () => {
    assert.deepEqual(flags({ execArgv: ['--no-warnings'] }, '--require a'), ['--no-warnings', ...ours]);
    assert.deepEqual(flags({ env: {} }, '--require a'), [...process.execArgv, ...ours]);
    assert.equal(flags(undefined, '--import=a'), null);
    assert.equal(flags({ env: null }, '-r a'), null);
  });
});

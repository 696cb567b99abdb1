import assert from 'node:assert/strict';
import { test } from 'vitest';
import type { WireExchange, WireRequest } from '../../../src/agent/wire/exchange.ts';
import { EXCHANGES_MAX, WireHub } from '../../../src/agent/wire/hub.ts';
import { MINUTE_MS, milliseconds } from '../../../src/core/units.ts';
import { RecordingAgent } from '../../support/recording-agent.ts';
import { RecordingObserver } from './recording-wire.ts';

class SettableClock extends RecordingAgent {
  nowMs = 1000;
  override readonly clock = {
    monotonicMs: () => milliseconds(this.nowMs),
    epochMs: () => milliseconds(this.nowMs),
  };
}

const request = (path = '/observed'): WireRequest => ({
  host: 'api.example.com',
  port: undefined,
  path,
  method: 'POST',
  header: () => null,
});

test('at the bound the oldest exchange is abandoned, and that is said once', () => {
  const agent = new RecordingAgent();
  const hub = new WireHub(agent);
  const observer = new RecordingObserver();
  hub.add(observer);
  for (let i = 0; i < EXCHANGES_MAX + 2; i++) hub.open(request());
  assert.equal(hub.size, EXCHANGES_MAX);
  const ended = observer.exchanges.filter(({ ends }) => ends.length > 0);
  assert.deepEqual(ended, observer.exchanges.slice(0, 2));
  assert.deepEqual(ended[0]?.ends, ['aborted abandoned']);
  assert.deepEqual(agent.warnings, ['wire:exchanges-max']);
  assert.deepEqual(agent.givenUp, ['exchanges_full', 'exchanges_full']);
});

test('what the app left behind is closed by age, what still moves is not', () => {
  const agent = new SettableClock();
  const hub = new WireHub(agent);
  const observer = new RecordingObserver();
  hub.add(observer);
  hub.open(request());
  hub.open(request());
  const [left, moving] = observer.exchanges;
  assert.ok(left && moving);
  left.activeMs = milliseconds(agent.nowMs);
  agent.nowMs += 10 * MINUTE_MS;
  moving.activeMs = milliseconds(agent.nowMs);
  hub.sweep();
  assert.equal(hub.size, 2);
  agent.nowMs += 1;
  hub.sweep();
  assert.deepEqual([left.ends, moving.ends, hub.size], [['aborted abandoned'], [], 1]);
});

test('an exchange ends once, and what comes later is not passed on', () => {
  const hub = new WireHub(new RecordingAgent());
  const observer = new RecordingObserver();
  hub.add(observer);
  const exchange = hub.open(request());
  exchange?.headers(200, () => null);
  exchange?.completed();
  exchange?.failed({ outcome: 'error', errorType: 'late' });
  exchange?.completed();
  exchange?.received(Buffer.from('late'));
  exchange?.sent(Buffer.from('late'));
  const [seen] = observer.exchanges;
  assert.deepEqual([seen?.ends, seen?.sentBytes, seen?.receivedBytes], [['completed'], 0, 0]);
  assert.deepEqual([exchange?.closed, hub.size], [true, 0]);
});

test('several observers see the same, each stops for itself', () => {
  const hub = new WireHub(new RecordingAgent());
  const first = new RecordingObserver();
  const second = new RecordingObserver();
  hub.add(first);
  hub.add(second);
  const exchange = hub.open(request());
  exchange?.sent(Buffer.from('ab'));
  hub.remove(first);
  assert.deepEqual(first.exchanges[0]?.ends, ['aborted aborted']);
  exchange?.sent(Buffer.from('cd'));
  exchange?.completed();
  assert.deepEqual([first.exchanges[0]?.sentBytes, second.exchanges[0]?.sentBytes], [2, 4]);
  assert.deepEqual([second.exchanges[0]?.ends, hub.size, hub.observed], [['completed'], 0, true]);
  hub.remove(second);
  assert.equal(hub.observed, false);
});

test('what an observer throws does not reach the app, and others go on', () => {
  const agent = new RecordingAgent();
  const hub = new WireHub(agent);
  const thrower = () => {
    throw new Error('on purpose');
  };
  const exchange: WireExchange = {
    activeMs: milliseconds(0),
    sent: thrower,
    headers: thrower,
    received: thrower,
    completed: thrower,
    failed: thrower,
  };
  const observer = new RecordingObserver();
  hub.add({ open: () => exchange });
  hub.add(observer);
  const followed = hub.open(request());
  followed?.sent(Buffer.from('ab'));
  followed?.completed();
  assert.deepEqual([observer.exchanges[0]?.sentBytes, observer.exchanges[0]?.ends], [2, ['completed']]);
  assert.deepEqual([agent.warnings, hub.size], [['wire:internal'], 0]);
});

test('100,000 exchanges leave nothing behind', () => {
  const hub = new WireHub(new RecordingAgent());
  let ended = 0;
  const exchange: WireExchange = {
    activeMs: milliseconds(0),
    sent() {},
    headers() {},
    received() {},
    completed: () => void ended++,
    failed: () => void ended++,
  };
  hub.add({ open: () => exchange });
  for (let i = 0; i < 100_000; i++) {
    const followed = hub.open(request());
    if (i % 3 === 0) followed?.failed({ outcome: 'error', errorType: 'ECONNRESET' });
    else if (i % 100 !== 1) followed?.completed();
  }
  assert.ok(hub.size <= 1000);
  for (let i = 0; i < EXCHANGES_MAX; i++) hub.open(request());
  assert.equal(hub.size, EXCHANGES_MAX);
  assert.equal(ended, 100_000);
});

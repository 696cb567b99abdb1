import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, test } from 'vitest';
import { parseStatus, type RuntimeSample, RuntimeSampler } from '../../../src/agent/metrics/runtime.ts';
import { until } from '../../support/poll.ts';

let sampler: RuntimeSampler;

beforeEach(() => {
  sampler = new RuntimeSampler();
  sampler.start();
});
afterEach(() => sampler.stop());

/** The next one that is told. */
function told(): RuntimeSample {
  sampler.opened();
  const sample = sampler.sample();
  assert.ok(sample !== null);
  return sample;
}

function block(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

test('memory, threads and heap of this process', () => {
  const { rssBytes, heapUsedBytes, threads } = told();
  assert.ok(rssBytes > 10e6 && rssBytes < 10e9);
  assert.ok(heapUsedBytes > 1e6 && heapUsedBytes < rssBytes * 2);
  if (process.platform === 'linux') assert.ok(threads >= 2 && threads < 1000);
});

test('a blocked loop shows its block, CPU time and utilisation, and the next sample does not', async () => {
  await pause(60);
  block(400);
  await pause(60);
  const busy = told();
  assert.ok(busy.eventLoopP99Ms > 300, String(busy.eventLoopP99Ms));
  assert.ok(busy.eventLoopUtilization > 0.05 && busy.eventLoopUtilization <= 1);
  assert.ok(busy.cpuUtilization > 0);
  await until(() => {
    const calm = told();
    return calm.eventLoopP99Ms < busy.eventLoopP99Ms / 2;
  });
});

test('a block that ends in the sample itself, or began with the interval, is not lost', async () => {
  await pause(60);
  block(300);
  assert.ok(told().eventLoopP99Ms > 200);
  block(300);
  await pause(60);
  assert.ok(told().eventLoopP99Ms > 200);
});

test('start and stop may come in any order and number', () => {
  sampler.stop();
  sampler.stop();
  sampler.start();
  sampler.start();
  assert.ok(told().eventLoopP99Ms >= 0);
});

test('every value is finite, even of an interval without length', () => {
  for (const value of [...Object.values(told()), ...Object.values(told())]) {
    assert.ok(Number.isFinite(value) && value >= 0, String(value));
  }
});

test('a loop that rests is told of once in two samples, and a block in between at once', () => {
  const at = { now: 1000, idle: 500 };
  const resting = new RuntimeSampler({ now: () => at.now, idleMs: () => at.idle });
  const after = (busyMs: number, idleMs: number) => {
    at.now += busyMs + idleMs;
    at.idle += idleMs;
    return resting.sample();
  };
  resting.start();
  const rest = Array.from({ length: 11 }, () => after(2, 998));
  const told = rest.flatMap((sample, index) => (sample === null ? [] : index));
  assert.deepEqual(told, [0, 2, 4, 6, 8, 10]);
  assert.ok(rest[2] && rest[2].eventLoopP99Ms === 0 && Math.abs(rest[2].eventLoopUtilization - 0.002) < 1e-9);
  assert.equal(resting.rests, true);
  const blocked = after(510, 490);
  assert.ok(blocked && Math.abs(blocked.eventLoopP99Ms - 500) < 1e-6);
  assert.ok(Math.abs(blocked.eventLoopUtilization - 0.51) < 1e-9);
  assert.equal(resting.rests, false);
  assert.equal(after(2, 998)?.eventLoopP99Ms, 0);
  assert.equal(after(2, 998), null);
  resting.opened();
  assert.equal(after(2, 998)?.eventLoopP99Ms, 0);
  resting.stop();
});

test('memory and threads are read from the text of the kernel', () => {
  const status = 'Name:\tnode\nVmHWM:\t  99999 kB\nVmRSS:\t   44208 kB\nThreads:\t11\nSigQ:\t0/1';
  assert.deepEqual(parseStatus(status), { rssBytes: 44_208 * 1024, threads: 11 });
  assert.deepEqual(parseStatus('Name:\tnode'), { rssBytes: 0, threads: 0 });
  assert.deepEqual(parseStatus(''), { rssBytes: 0, threads: 0 });
});

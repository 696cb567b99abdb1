import assert from 'node:assert/strict';
import { afterAll, beforeAll, test, vi } from 'vitest';

// It keeps the timer that it finds as it is loaded.
let FrameTimer: typeof import('../../../src/agent/metrics/frame-timer.ts').FrameTimer;
beforeAll(async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  ({ FrameTimer } = await import('../../../src/agent/metrics/frame-timer.ts'));
});
afterAll(() => void vi.useRealTimers());

test('a frame comes every second, of an app at rest after 2.5 s, which is told; what is measured comes first', () => {
  const sent: (number | undefined)[] = [];
  let rests = false;
  let measured = 0;
  const timer = new FrameTimer({
    measure: () => {
      measured++;
    },
    rests: () => {
      assert.equal(measured, sent.length + 1);
      return rests;
    },
    send: (nextInMs) => sent.push(nextInMs),
  });
  const after = (ms: number) => {
    vi.advanceTimersByTime(ms);
    return sent.length;
  };
  timer.start(true);
  assert.deepEqual([after(999), after(1), after(1000)], [0, 1, 2]);
  rests = true;
  assert.deepEqual([after(1000), after(2499), after(1)], [3, 3, 4]);
  rests = false;
  assert.deepEqual([after(2500), after(1000)], [5, 6]);
  assert.deepEqual(sent, [undefined, undefined, 2500, 2500, undefined, undefined]);
  rests = true;
  after(1000);
  timer.start(false); // A collector of a version that knows of no rest.
  assert.deepEqual([after(999), after(1), after(1000)], [7, 8, 9]);
  assert.deepEqual(sent.slice(7), [undefined, undefined]);
  timer.stop();
  assert.equal(after(10_000), 9);
});

import assert from 'node:assert/strict';
import { test } from 'vitest';
import { WebSocketTally } from '../../../src/agent/websocket/tally.ts';

test('deltas are what happened since they were last taken, active is now', () => {
  const tally = new WebSocketTally();
  tally.opened();
  tally.opened();
  tally.message('in', 10);
  tally.message('out', 5);
  tally.message('out', 0);
  const first = { active: 2, opened: 2, messagesIn: 1, messagesOut: 2, bytesIn: 10, bytesOut: 5 };
  assert.deepEqual(tally.takeDeltas(), first);
  tally.closed();
  tally.message('in', 1);
  assert.deepEqual(tally.takeDeltas(), {
    active: 1,
    opened: 0,
    messagesIn: 1,
    messagesOut: 0,
    bytesIn: 1,
    bytesOut: 0,
  });
  assert.equal(tally.takeDeltas().messagesIn, 0);
});

test('says whether there is anything new to take', () => {
  const tally = new WebSocketTally();
  const news = (happens: () => void) => {
    happens();
    const { hasNews } = tally;
    tally.takeDeltas();
    return hasNews;
  };
  assert.deepEqual([tally.hasNews, news(() => tally.opened()), news(() => {})], [false, true, false]);
  assert.deepEqual([news(() => tally.message('in', 0)), news(() => tally.message('out', 3))], [true, true]);
  assert.deepEqual([news(() => tally.closed()), news(() => {})], [true, false]);
});

test('there are never fewer than no connections', () => {
  const tally = new WebSocketTally();
  tally.closed();
  tally.opened();
  assert.equal(tally.active, 1);
});

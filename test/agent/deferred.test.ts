import assert from 'node:assert/strict';
import { test } from 'vitest';
import { Deferred } from '../../src/agent/deferred.ts';

function unexpected(error: unknown): never {
  throw error;
}

test('work waits for its tick, and is done once and in its order', () => {
  const done: string[] = [];
  const deferred = new Deferred(unexpected);
  deferred.add(() => done.push('a'));
  deferred.add(() => done.push('b'));
  assert.deepEqual(done, []);
  deferred.run();
  deferred.run();
  assert.deepEqual(done, ['a', 'b']);
});

test('at 64 pieces of work all are done', () => {
  let done = 0;
  const deferred = new Deferred(unexpected);
  for (let i = 0; i < 63; i++) deferred.add(() => done++);
  assert.equal(done, 0);
  deferred.add(() => done++);
  assert.equal(done, 64);
});

test('what throws is told, and the rest is done; what is added meanwhile waits', () => {
  const told: unknown[] = [];
  const done: string[] = [];
  const deferred = new Deferred((error) => told.push(error));
  const broken = new Error('broken');
  deferred.add(() => {
    throw broken;
  });
  deferred.add(() => deferred.add(() => done.push('later')));
  deferred.add(() => done.push('now'));
  deferred.run();
  assert.deepEqual(told, [broken]);
  assert.deepEqual(done, ['now']);
  deferred.run();
  assert.deepEqual(done, ['now', 'later']);
});

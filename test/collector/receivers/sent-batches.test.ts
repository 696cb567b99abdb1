import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { it } from 'vitest';
import { claimed, SentBatches } from '../../../src/collector/receivers/sent-batches.ts';

it('what others claim of a process makes no batch of its own known, and is known where it sent it itself', () => {
  const process = randomUUID();
  const sent = new SentBatches();
  assert.equal(sent.accept(process, 5), true);
  assert.equal(sent.acceptClaimed(process, 5), false);
  assert.equal(sent.acceptClaimed(process, Number.MAX_SAFE_INTEGER), true);
  assert.equal(sent.acceptClaimed(process, Number.MAX_SAFE_INTEGER), false);
  assert.equal(sent.lastOf(process), 5);
  assert.equal(sent.accept(process, 6), true);
  const next = new SentBatches();
  next.add([claimed([process, 7])]);
  assert.deepEqual([next.acceptClaimed(process, 7), next.accept(process, 1)], [false, true]);
});

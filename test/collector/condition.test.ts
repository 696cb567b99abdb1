import assert from 'node:assert/strict';
import { test } from 'vitest';
import { Condition } from '../../src/collector/condition.ts';

test('a condition is said when it begins, when its reason changes and when it ends', () => {
  const lines: string[] = [];
  const full = new Condition((component, message) => lines.push(`${component}: ${message}`), 'queue');
  full.end('never said: it has not begun');
  full.begin('full');
  full.begin('full');
  assert.equal(full.holds, true);
  full.begin('refused', 'role');
  full.begin('refused', 'role');
  full.end('room again');
  full.end('room again');
  assert.equal(full.holds, false);
  full.begin('full');
  full.end();
  assert.deepEqual(lines, ['queue: full', 'queue: refused', 'queue: room again', 'queue: full']);
});

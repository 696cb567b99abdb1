import assert from 'node:assert/strict';
import { test } from 'vitest';
import { replaceMethod } from '../../../src/agent/modules/replace-method.ts';

test('what the app has frozen since stays as it is, and taking it back throws nothing', () => {
  class Own {
    ask() {
      return 'asked';
    }
  }
  class Inherited extends Own {}
  for (const prototype of [Own.prototype, Inherited.prototype]) {
    const undo = replaceMethod(prototype, 'ask', () => () => 'observed');
    Object.freeze(prototype);
    undo();
    assert.equal(prototype.ask(), 'observed');
  }
});

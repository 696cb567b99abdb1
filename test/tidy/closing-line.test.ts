import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import type { TestModule } from 'vitest/node';
import { tallyOf } from '../support/runner/closing-line-reporter.ts';

/** A file whose tests ended in these states, with as many errors of its own and of its suites. */
function fileOf(states: readonly string[], errors = 0, suiteErrors = 0): TestModule {
  return {
    errors: () => Array(errors).fill({}),
    children: {
      allSuites: () => [{ errors: () => Array(suiteErrors).fill({}) }],
      allTests: () => states.map((state) => ({ result: () => ({ state }) })),
    },
  } as unknown as TestModule;
}

describe('the closing line of a run', () => {
  it('counts tests, over all files, and no skipped one', () => {
    const files = [fileOf(['passed', 'skipped', 'passed']), fileOf(['passed', 'failed'])];
    assert.deepEqual(tallyOf(files, [], 'failed'), { passed: 3, failed: 1 });
    assert.deepEqual(tallyOf(files.slice(0, 1), [], 'passed'), { passed: 2, failed: 0 });
  });

  it('counts what keeps tests from running, and what nobody caught, as failed', () => {
    assert.deepEqual(tallyOf([fileOf([], 1)], [], 'failed'), { passed: 0, failed: 1 });
    assert.deepEqual(tallyOf([fileOf(['passed', 'skipped'], 0, 1)], [], 'failed'), { passed: 1, failed: 1 });
    assert.deepEqual(tallyOf([fileOf(['passed'])], [new Error('late')], 'failed'), { passed: 1, failed: 1 });
  });

  it('is no success where nothing ran, or not everything', () => {
    assert.deepEqual(tallyOf([], [], 'passed'), { passed: 0, failed: 1 });
    assert.deepEqual(tallyOf([fileOf(['skipped'])], [], 'passed'), { passed: 0, failed: 1 });
    assert.deepEqual(tallyOf([fileOf(['passed'])], [], 'interrupted'), { passed: 1, failed: 1 });
  });
});

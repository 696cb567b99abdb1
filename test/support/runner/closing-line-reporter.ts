import type { Reporter, TestModule, TestRunEndReason } from 'vitest/node';

/** What the closing line tells. */
export interface Tally {
  readonly passed: number;
  readonly failed: number;
}

/** What failed beside the tests: an error that nobody caught. */
type Unhandled = readonly unknown[];

/** Closes a run with the line that CI reads: `N passed, N failed`. */
export class ClosingLineReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: Unhandled, reason: TestRunEndReason): void {
    const { passed, failed } = tallyOf(modules, unhandled, reason);
    if (failed > 0) process.exitCode = 1;
    console.log(`${passed} passed, ${failed} failed`);
  }
}

/**
 * Everything that can go wrong counts once: a test, a hook around tests or a file that does not load, an error that
 * nobody caught. A run that ended early or ran no test has failed, too.
 */
export function tallyOf(
  modules: readonly TestModule[],
  unhandled: Unhandled,
  reason: TestRunEndReason,
): Tally {
  let passed = 0;
  let failed = unhandled.length;
  for (const module of modules) {
    failed += module.errors().length;
    for (const suite of module.children.allSuites()) failed += suite.errors().length;
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      if (state === 'passed') passed++;
      if (state === 'failed') failed++;
    }
  }
  const isWhole = reason === 'passed' && passed > 0;
  return { passed, failed: isWhole ? failed : Math.max(failed, 1) };
}

import { defineConfig } from 'vitest/config';
import { ClosingLineReporter } from './test/support/runner/closing-line-reporter.ts';
import { PROJECTS, runsHere } from './test/support/runner/projects.ts';

const MINUTE_MS = 60 * 1000;

export default defineConfig({
  test: {
    projects: Object.entries(PROJECTS)
      .filter(([name]) => runsHere(name, process.env['PATH'] ?? ''))
      .map(([name, folders]) => ({
        extends: true,
        test: { name, include: folders.map((folder) => `test/${folder}/**/*.test.ts`) },
      })),
    // Node loads every file as it is, as in the product: modules are shared with `require`, hooks of the loader see them.
    experimental: { viteModuleRunner: false, nodeLoader: false },
    // A file has a process to itself, because much of what is tested belongs to the process: hooks, signals, globals.
    pool: 'forks',
    isolate: true,
    maxWorkers: 3,
    setupFiles: ['test/support/runner/environment-of-an-app.ts'],
    // Hooks run in the order in which they stand, before and after.
    sequence: { hooks: 'list' },
    testTimeout: 5 * MINUTE_MS,
    hookTimeout: 2 * MINUTE_MS,
    allowOnly: false,
    reporters: ['default', new ClosingLineReporter()],
  },
});
